"""From drift to a pushed branch: the scheduled workflow's own lines, and the command alone."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import Run

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("flights")]

WORKFLOW = Path(".github/workflows/drift-and-retrain.yml")


@pytest.fixture
def pushed(mine: Path, run: Run) -> Path:
    """The project with a bare repository as origin, and its bytes in the DVC remote."""
    run("git", "init", "-q", "--bare", "-b", "main", str(mine.parent / "origin.git"), cwd=mine)
    run("git", "remote", "add", "origin", str(mine.parent / "origin.git"), cwd=mine)
    run("git", "push", "-q", "-u", "origin", "main", cwd=mine)
    run("dvc", "push", "-q", cwd=mine)
    return mine


def test_retrain_leaves_a_branch_with_window_bundle_and_report(pushed: Path, run: Run) -> None:
    before = run("git", "rev-parse", "HEAD", cwd=pushed).stdout
    done = run("playbill", "retrain", "--by", "1m", "--push", "--json", cwd=pushed)
    found = json.loads(done.stdout)
    branch = "retrain/flights-2013-02-01-2013-05-01"
    assert found["branch"] == branch
    gated = found["gate"]
    assert gated["kind"] == "contest"
    assert gated["champion"]["answers"] == "scored", "the champion was asked about April"
    assert gated["hold_out"]["trained_on"] == 0
    assert gated["contrast"]["metric"] == "roc_auc"

    fresh = pushed.parent / "fresh"
    origin = str(pushed.parent / "origin.git")
    run("git", "clone", "-q", "-b", branch, origin, str(fresh), cwd=pushed)
    assert "2013-05-01" in (fresh / "conf" / "source" / "flights.yaml").read_text()
    assert "Departures from New York" in (fresh / "conf" / "source" / "flights.yaml").read_text()
    report = (fresh / "models/flights/retrain.md").read_text()
    assert "## Gate " in report
    assert "had no predictions of them on record" in report
    run("dvc", "pull", "-q", "models/flights/bundle", cwd=fresh)
    assert (fresh / "models/flights/bundle/manifest.json").is_file()
    assert run("git", "rev-parse", "main", cwd=pushed).stdout == before
    assert run("git", "status", "--porcelain", cwd=pushed).stdout == ""


def test_retrain_refuses_uncommitted_edits_and_the_same_window(mine: Path, run: Run) -> None:
    done = run("playbill", "retrain", "--window", "2013-01-01:2013-04-01", cwd=mine, check=False)
    assert done.returncode == 2
    assert "already" in done.stderr
    config = mine / "conf" / "config.yaml"
    config.write_text(config.read_text() + "# a thought\n")
    done = run("playbill", "retrain", cwd=mine, check=False)
    assert done.returncode == 2
    assert "conf/config.yaml" in done.stderr
    assert run("git", "branch", "--show-current", cwd=mine).stdout == "main\n"


def test_a_retraining_that_fails_leaves_nothing_behind(mine: Path, run: Run) -> None:
    done = run("playbill", "retrain", "--window", "2014-01-01:2014-02-01", cwd=mine, check=False)
    assert done.returncode == 3
    assert run("git", "branch", "--show-current", cwd=mine).stdout == "main\n"
    assert run("git", "branch", "--list", "retrain/*", cwd=mine).stdout == ""
    assert run("git", "status", "--porcelain", cwd=mine).stdout == ""


def test_the_scheduled_workflows_steps_end_in_a_pushed_branch(pushed: Path, run: Run) -> None:
    """Every `run:` line of the job in order, but for installing and for opening the request."""
    jobs = yaml.safe_load((pushed / WORKFLOW).read_text())["jobs"]
    lines = [
        (step["run"], {**job.get("env", {}), **step.get("env", {})})
        for job in jobs.values()
        for step in job["steps"]
        if "run" in step
    ]
    assert sum("gh pr create" in line for line, _ in lines) == 1
    output = pushed.parent / "github"
    for name in ("output", "summary", "env"):
        (output.parent / f"github-{name}").touch()
    environment = {
        **os.environ,
        "PYTHONPATH": str(pushed),  # as in an environment of the clone's own
        "GITHUB_OUTPUT": str(output.parent / "github-output"),
        "GITHUB_STEP_SUMMARY": str(output.parent / "github-summary"),
        "GITHUB_ENV": str(output.parent / "github-env"),
        "RUNNER_TEMP": str(pushed.parent),
        "BY": "1m",
    }
    for line, own in lines:
        assert "\n" not in line.strip(), line
        if line.startswith(("pip ", "python -m pip", "gh ", "exit ")):
            continue
        plain = {key: value for key, value in own.items() if "${{" not in str(value)}
        done = subprocess.run(
            ["bash", "-e", "-c", line], cwd=pushed, env={**environment, **plain}, text=True,
            capture_output=True, check=False, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert (output.parent / "github-output").read_text() == "status=1\n", "drift, and nothing else"
    branches = run("git", "ls-remote", "--heads", "origin", cwd=pushed).stdout
    assert "refs/heads/retrain/flights-" in branches
