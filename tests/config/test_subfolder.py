"""A project that is a folder of a larger Git repository: compiled, run, tried and merged there."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from playbill.pipeline.diagnosis import mend
from tests.config.conftest import edit
from tests.conftest import REPOSITORY, TINY, Run

pytestmark = pytest.mark.pipeline


@pytest.fixture
def nested(tmp_path: Path, run: Run) -> Path:
    """The tiny project in teams/tiny, run and committed; beside it another team's files."""
    top = tmp_path / "everything"
    project = top / "teams" / "tiny"
    shutil.copytree(TINY, project, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "stages" / "compose.py", project / "stages" / "compose.py")
    (top / ".gitignore").write_text("__pycache__/\n")
    # The other team has files of these names too, which are none of this project's business.
    (top / "params.yaml").write_text("lr: 1\n")
    (top / "conf").mkdir()
    (top / "conf" / "other.yaml").write_text("a: 1\n")
    run("git", "init", "-q", "-b", "main", ".", cwd=top)
    run("dvc", "init", "-q", "--subdir", cwd=project)
    run("dvc", "config", "hydra.enabled", "True", cwd=project)
    shutil.copy(REPOSITORY / ".dvcignore", project / ".dvcignore")
    run("playbill", "compose", cwd=project)
    run("git", "add", "-A", cwd=top)
    run("git", "commit", "-qm", "start", cwd=top)
    assert mend(project)
    run("dvc", "repro", "-q", cwd=project)
    run("git", "add", "-A", cwd=top)
    run("git", "commit", "-qm", "run", cwd=top)
    return project


def seed(project: Path) -> object:
    return json.loads((project / "models/tiny/fitted.json").read_text())["seed"]


def test_compose_experiments_and_adopt_work_below_the_git_root(nested: Path, run: Run) -> None:
    assert "conf/ is valid" in run("playbill", "check", cwd=nested / "stages").stdout
    run("playbill", "compose", "--check", cwd=nested)
    run("dvc", "exp", "run", "-q", "-S", "seed=5", cwd=nested)
    assert seed(nested) == 5
    assert "Running" not in run("dvc", "repro", cwd=nested).stdout
    run("dvc", "exp", "run", "-q", "--temp", "-S", "seed=6", "-n", "six", cwd=nested)
    assert seed(nested) == 5
    run("playbill", "adopt", cwd=nested)
    assert "seed: 5  #" in (nested / "conf/config.yaml").read_text()
    run("git", "restore", ".", cwd=nested)
    run("dvc", "exp", "apply", "six", cwd=nested)
    assert "Running" not in run("dvc", "repro", cwd=nested).stdout
    assert seed(nested) == 6


def test_branches_of_a_subfolder_merge_without_a_conflict(nested: Path, run: Run) -> None:
    top = nested.parent.parent
    edit(nested / "conf/config.yaml", "seed: 7", "seed: 8")
    run("git", "switch", "-q", "-c", "left", cwd=top)
    run("dvc", "repro", "-q", cwd=nested)
    run("git", "commit", "-qam", "left", cwd=top)
    run("git", "switch", "-q", "main", cwd=top)
    edit(nested / "conf/source/tiny.yaml", "2020-02-01", "2020-03-01")
    run("dvc", "repro", "-q", cwd=nested)
    run("git", "commit", "-qam", "right", cwd=top)
    run("git", "merge", "-q", "-m", "join", "left", cwd=nested)
    run("playbill", "compose", "--check", cwd=nested)
    found = yaml.safe_load((nested / "params.yaml").read_text())
    assert (found["seed"], str(found["source"]["window"]["end"])) == (8, "2020-03-01")
    run("dvc", "repro", "-q", cwd=nested)
    assert seed(nested) == 8
    assert (top / "params.yaml").read_text() == "lr: 1\n"


def test_the_repair_of_a_merge_leaves_the_other_teams_files_alone(nested: Path, run: Run) -> None:
    top = nested.parent.parent
    run("git", "config", "--remove-section", "merge.playbill", cwd=top)
    for branch, number in (("left", 8), ("right", 9)):
        run("git", "switch", "-q", "-c", branch, "main", cwd=top)
        (top / "params.yaml").write_text(f"lr: {number}\n")
        file = (
            ("conf/config.yaml", "seed: 7")
            if branch == "left"
            else ("conf/source/tiny.yaml", "02-01")
        )
        edit(nested / file[0], file[1], file[1][:-1] + str(number))
        run("dvc", "repro", "-q", cwd=nested)
        run("git", "commit", "-qam", branch, cwd=top)
    assert run("git", "merge", "left", cwd=top, check=False).returncode == 1
    run("playbill", "compose", "--merge", cwd=nested)
    said = run("git", "diff", "--name-only", "--diff-filter=U", cwd=top).stdout.split()
    assert said == ["params.yaml"]
    run("playbill", "compose", "--check", cwd=nested)
