"""The reference project as a folder of a larger Git repository, from its tags to a retraining."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.e2e.conftest import IGNORED

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("flights")]


@pytest.fixture
def nested(flights: Path, tmp_path: Path, run: Run) -> Path:
    """The run project under teams/flights of a repository that holds more than it."""
    top = tmp_path / "everything"
    project = top / "teams" / "flights"
    shutil.copytree(flights, project, symlinks=True, ignore=IGNORED)
    shutil.rmtree(project / ".git")
    (top / "README.md").write_text("Two teams.\n")
    remote = project / ".dvc" / "config"
    remote.write_text(remote.read_text().replace("../../storage", "../../../../storage"))
    run("git", "init", "-q", "-b", "main", ".", cwd=top)
    run("git", "add", "-A", cwd=top)
    run("git", "commit", "-qm", "start", cwd=top)
    return project


def test_the_loop_runs_below_the_git_root(nested: Path, run: Run) -> None:
    assert "Running stage" not in run("dvc", "repro", cwd=nested).stdout
    run("playbill", "check", cwd=nested)
    run("playbill", "compose", "--check", cwd=nested)
    found = json.loads(run("playbill", "doctor", "--fix", "--json", cwd=nested, check=False).stdout)
    assert [f["subject"] for f in found if f["state"] == "wrong"] == ["playbill"]
    assert [f["state"] for f in found if f["subject"] == "merge"] == ["ok"]

    run("dvc", "push", "-q", cwd=nested)
    promoted = json.loads(run("playbill", "promote", "--json", cwd=nested).stdout)
    assert promoted["tags"] == ["teams/flights=flights@v0.0.1", "teams/flights=flights#prod#1"]
    assert "prod" in run("playbill", "models", cwd=nested).stdout
    served = run("playbill", "serve", "--try", cwd=nested)
    assert "teams/flights=flights#prod#1" in served.stdout + served.stderr

    done = run("playbill", "retrain", "--by", "1m", "--json", cwd=nested)
    branch = json.loads(done.stdout)["branch"]
    assert run("git", "status", "--porcelain", cwd=nested).stdout == ""
    listed = run("git", "show", "--name-only", "--format=", "HEAD", cwd=nested).stdout.split()
    assert all(path.startswith(f"teams{os.altsep or os.sep}flights/") for path in listed)
    assert "roc_auc" in run("playbill", "compare", "main", cwd=nested).stdout

    run("git", "switch", "-q", "main", cwd=nested)
    config = nested / "conf" / "config.yaml"
    config.write_text(config.read_text().replace("\nseed: ", "\nseed: 1"))
    run("playbill", "compose", cwd=nested)
    run("git", "commit", "-qam", "another seed", cwd=nested)
    run("git", "merge", "-q", "-m", "join", branch, cwd=nested)
    run("playbill", "compose", "--check", cwd=nested)
