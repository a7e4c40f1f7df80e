"""`playbill new`: what it makes runs, and what it cannot make it leaves alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from playbill.errors import UsageError
from playbill.skeleton import origin
from playbill.skeleton.creation import check_name, constraints, create
from playbill.skeleton.sample import SAMPLES
from tests.conftest import REPOSITORY, Run


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.pipeline
def test_a_new_project_runs_to_its_bundle(tmp_path: Path, run: Run) -> None:
    said = run("playbill", "new", "churn", cwd=tmp_path).stdout
    assert "committed as" in said
    assert "cd churn && dvc repro" in said
    project = tmp_path / "churn"
    assert git(project, "status", "--porcelain") == ""
    assert run("playbill", "compose", "--check", cwd=project, check=False).returncode == 0
    findings = json.loads(run("playbill", "doctor", "--json", cwd=project, check=False).stdout)
    mine = {"dvc"}  # the command's own folder need not be on the PATH of the tests
    assert [f for f in findings if f["state"] == "wrong" and f["subject"] not in mine] == []
    run("dvc", "repro", cwd=project)
    metrics = json.loads((project / "models/churn/evaluation/metrics.json").read_text())
    assert metrics["roc_auc"] > 0.9
    assert (project / "models/churn/bundle/manifest.json").is_file()


@pytest.mark.parametrize("task", sorted(set(SAMPLES) - {"binary"}))
def test_each_task_has_a_sample_that_compiles(tmp_path: Path, run: Run, task: str) -> None:
    done = run("playbill", "new", "x/prices", "--task", task, "--json", cwd=tmp_path)
    made = json.loads(done.stdout)
    assert "conf/source/prices.yaml" in made["files"]
    params = yaml.safe_load((tmp_path / "x" / "prices" / "params.yaml").read_text())
    assert params["contract"]["task"] == task


def test_in_a_larger_repository_it_is_a_project_of_a_subfolder(tmp_path: Path, run: Run) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "mine.txt").write_text("not yet committed")
    git(tmp_path, "add", "mine.txt")
    run("playbill", "new", "team/churn", cwd=tmp_path)
    assert not (tmp_path / "team" / "churn" / ".git").exists()
    assert git(tmp_path, "status", "--porcelain", "team", "mine.txt") == "A  mine.txt"
    assert "../../../../churn-storage" in (tmp_path / "team/churn/.dvc/config").read_text()


def test_without_a_name_for_git_everything_is_staged(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in os.environ if n.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "EMAIL": ""}
    said = run("playbill", "new", "churn", cwd=tmp_path, **nobody).stdout
    assert "staged: Git knows no user.name" in said
    assert "A  params.yaml" in git(tmp_path / "churn", "status", "--porcelain")


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        create(tmp_path, "churn", "binary")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_what_could_not_be_finished_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no git here
    with pytest.raises(Exception, match="git"):
        create(tmp_path / "churn", "churn", "binary")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "near"), [("My Model", "my-model"), ("2024", "churn"), ("../x", "x"), ("", "churn")]
)
def test_a_name_that_cannot_be_one_gets_a_near_one(name: str, near: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_name(name)
    assert caught.value.run == f"playbill new {near}"


def test_its_workflows_keep_the_jobs_of_a_project() -> None:
    files = origin.files()
    flows = {name: yaml.safe_load(text) for name, text in files.items() if "workflows" in name}
    jobs = {Path(name).stem: sorted(flow["jobs"]) for name, flow in flows.items()}
    assert jobs == {
        "drift-and-retrain": ["retrain"],
        "pull-request": ["comment", "pipeline"],
        "release": ["model"],
    }
    whole = "".join(files.values())
    assert "[demo" not in whole
    assert origin.INSTALL in whole
    assert "flights" not in whole.replace("flights#prod", "")


def test_constraints_pin_what_runs_and_not_playbill_itself() -> None:
    lines = constraints().splitlines()
    names = [line.partition("==")[0] for line in lines]
    assert names == sorted(names)
    assert {"dvc", "scikit-learn", "fastapi"} <= set(names)
    assert not {"playbill", "pytest"} & set(names)


@pytest.mark.slow
def test_a_wheel_makes_the_same_project(tmp_path: Path, run: Run) -> None:
    words = ["-m", "build", "--wheel", "--outdir", str(tmp_path), str(REPOSITORY)]
    run(sys.executable, *words, cwd=tmp_path)
    wheel = next(tmp_path.glob("*.whl"))
    site = tmp_path / "site"
    words = ["-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)]
    run(sys.executable, *words, cwd=tmp_path)
    code = "from playbill.skeleton import origin; import json; print(json.dumps(origin.files()))"
    done = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(site))
    assert json.loads(done.stdout) == origin.files()
    code = "import playbill; print(playbill.__file__)"
    done = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(site))
    assert str(site) in done.stdout
