"""Two branches that meet: conflicts stand in conf/ or nowhere, and only the join runs again."""

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from playbill.lineage import lock
from playbill.pipeline.diagnosis import mend
from tests.config.conftest import edit
from tests.conftest import REPOSITORY, TINY, Run

pytestmark = pytest.mark.pipeline

SEED = 20130101
BRANCHES = 6
PAIRS = 8
# What a branch may do, each in a file of its own; the number is drawn.
EDITS: list[tuple[str, str, str]] = [
    ("conf/config.yaml", "seed: 7", "seed: {n}"),
    ("conf/source/tiny.yaml", "2020-01-01", "20{n}-01-01, end: 2099-01-01}}  #"),
    ("conf/model/boosting.yaml", "max_iter: 100", "max_iter: {n}"),
    ("conf/evaluation/default.yaml", "threshold: 0.5", "threshold: 0.{n}"),
    ("conf/contract/tiny.yaml", "{role: key}", "{{role: key, description: '{n}'}}"),
    ("conf/pipeline/tiny.yaml", "[evaluation]", "[evaluation, seed]"),
    ("stages/gather.py", "[1, 2, 3]", "[1, 2, {n}]"),
    ("stages/report.py", "/ 10", "/ {n}"),
]


@dataclass
class World:
    """A project with branches, and what any of them has run so far."""

    project: Path
    pairs: list[tuple[str, str]]
    seen: set[str] = field(default_factory=set)


def _start(folder: Path, do: Callable[..., object]) -> None:
    shutil.copytree(TINY, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "stages" / "compose.py", folder / "stages" / "compose.py")
    (folder / ".dvc").mkdir()
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore"):
        shutil.copy(REPOSITORY / name, folder / name)
    (folder / ".gitignore").write_text("__pycache__/\n")
    do("git", "init", "-q", "-b", "main", ".")
    for option in ("model/boosting", "model/forest", "evaluation/default"):
        do("playbill", "conf", "copy", option)
    do("playbill", "compose")
    do("git", "commit", "-q", "--allow-empty", "-m", "nothing")
    do("playbill", "doctor", "--fix")
    do("dvc", "repro", "-q")
    do("git", "add", "-A")
    do("git", "commit", "-qm", "start")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Branches that each did one or two of the edits, no two the same, and ran them."""
    base = tmp_path_factory.mktemp("merge")
    project = base / "project"
    with pytest.MonkeyPatch.context() as patch:
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "A Tester")
            patch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.setenv("DVC_SITE_CACHE_DIR", str(base / "site"))
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

        def do(*command: str) -> None:
            words = [sys.executable, "-m", *command] if command[0] != "git" else list(command)
            done = subprocess.run(words, cwd=project, text=True, capture_output=True, check=False)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

        _start(project, do)
        draw = random.Random(SEED)
        left = draw.sample(range(len(EDITS)), len(EDITS))
        found = World(project, [], {*entries(project).values()})
        for number in range(BRANCHES):
            do("git", "switch", "-q", "-c", f"b{number}", "main")
            for file, old, new in [EDITS[which] for which in left[number::BRANCHES]]:
                edit(project / file, old, new.format(n=draw.randrange(21, 99)))
                if "pipeline" in file:
                    do("playbill", "compose")  # `dvc repro` alone would ask for a second run
            do("dvc", "repro", "-q")
            do("git", "commit", "-qam", f"edits {left[number::BRANCHES]}")
            found.seen |= {*entries(project).values()}
        names = [f"b{number}" for number in range(BRANCHES)]
        for pair in draw.sample(list(combinations(names, 2)), PAIRS):
            found.pairs.append((pair[0], pair[1]) if draw.random() < 1 / 2 else (pair[1], pair[0]))
        yield found


@pytest.fixture
def mine(world: World, tmp_path: Path) -> Path:
    """A copy of the project with its branches, to be changed."""
    return Path(shutil.copytree(world.project, tmp_path / "mine", symlinks=True))


def entries(project: Path) -> dict[str, str]:
    """Return, by stage, what its result follows from, as dvc.lock has it."""
    stages = yaml.safe_load((project / "dvc.lock").read_text())["stages"]
    return {
        name: f"{name} {[stage['cmd'], stage.get('deps'), stage.get('params')]}"
        for name, stage in stages.items()
    }


def ran(text: str) -> set[str]:
    return set(re.findall(r"Running stage '(\w+)'", text)) - {"compose"}


def values(project: Path) -> dict[str, Any]:
    found = yaml.safe_load((project / "params.yaml").read_text())
    assert isinstance(found, dict)
    return found


def conflicts(project: Path, run: Run) -> list[str]:
    said = run("git", "diff", "--name-only", "--diff-filter=U", "--relative", cwd=project)
    return said.stdout.split()


def is_compiled(project: Path, run: Run) -> bool:
    return run("playbill", "compose", "--check", cwd=project, check=False).returncode == 0


@pytest.mark.parametrize("number", range(PAIRS))
def test_branches_that_touched_different_files_meet_and_only_the_join_runs(
    world: World, run: Run, number: int
) -> None:
    project = world.project
    ours, theirs = world.pairs[number]
    run("git", "switch", "-q", "--detach", ours, cwd=project)
    run("git", "merge", "-q", "-m", "join", theirs, cwd=project)
    assert is_compiled(project, run), f"{ours} and {theirs}"
    again = ran(run("dvc", "repro", cwd=project).stdout)
    now = entries(project)
    assert again == {name for name, entry in now.items() if entry not in world.seen} - {"compose"}
    world.seen |= {*now.values()}
    changed = run("git", "status", "--porcelain", cwd=project).stdout.split()[1::2]
    assert set(changed) <= {"dvc.lock", "models/tiny/metrics.json"}
    run("git", "checkout", "-q", "--", ".", cwd=project)


def test_an_option_that_only_one_side_chose_and_the_other_edited_is_compiled(
    mine: Path, run: Run
) -> None:
    run("git", "switch", "-q", "-c", "left", "main", cwd=mine)
    edit(mine / "conf/config.yaml", "model: boosting", "model: forest")
    run("playbill", "compose", cwd=mine)
    run("git", "commit", "-qam", "left", cwd=mine)
    run("git", "switch", "-q", "-c", "right", "main", cwd=mine)
    edit(mine / "conf/model/forest.yaml", "n_estimators: 100", "n_estimators: 33")
    run("playbill", "compose", cwd=mine)
    run("git", "commit", "-qam", "right", cwd=mine)
    run("git", "merge", "-q", "-m", "join", "left", cwd=mine)
    assert values(mine)["model"]["n_estimators"] == 33
    assert is_compiled(mine, run)


def test_one_key_on_both_sides_conflicts_in_conf_and_nowhere_else(mine: Path, run: Run) -> None:
    for branch, seed in (("left", 8), ("right", 9)):
        run("git", "switch", "-q", "-c", branch, "main", cwd=mine)
        edit(mine / "conf/config.yaml", "seed: 7", f"seed: {seed}")
        run("dvc", "repro", "-q", cwd=mine)
        run("git", "commit", "-qam", branch, cwd=mine)
    done = run("git", "merge", "-m", "join", "left", cwd=mine, check=False)
    assert done.returncode == 1
    assert conflicts(mine, run) == ["conf/config.yaml"]
    assert "our side was kept, for conf/config.yaml is in conflict" in done.stderr
    assert values(mine)["seed"] == 9
    waiting = run("playbill", "compose", "--merge", cwd=mine, check=False)
    assert waiting.returncode == 1
    assert "still in conflict: conf/config.yaml" in waiting.stderr
    text = (mine / "conf/config.yaml").read_text()
    solved = re.sub(r"<<<<<<<.*>>>>>>> left\n", "seed: 17\n", text, flags=re.DOTALL)
    (mine / "conf/config.yaml").write_text(solved)
    run("git", "add", "conf", cwd=mine)
    run("playbill", "compose", "--merge", cwd=mine)
    run("git", "commit", "-qam", "join", cwd=mine)
    assert values(mine)["seed"] == 17
    assert is_compiled(mine, run)


@pytest.mark.parametrize("command", ["rebase", "cherry-pick"])
def test_without_a_named_other_head_a_side_is_taken_and_dvc_repro_compiles(
    world: World, mine: Path, run: Run, command: str
) -> None:
    ours, theirs = world.pairs[0]
    run("git", "switch", "-q", ours, cwd=mine)
    done = run("git", command, theirs, cwd=mine)
    assert "the next `dvc repro` compiles it anew" in done.stderr
    assert conflicts(mine, run) == []
    again = run("dvc", "repro", cwd=mine, check=False)
    if again.returncode:  # one side changed the graph, which DVC reads before it is compiled
        assert "run `dvc repro` again" in again.stderr
        run("dvc", "repro", cwd=mine)
    assert is_compiled(mine, run)


def _without_driver(world: World, project: Path, run: Run, how: str = "--no-ff") -> None:
    run("git", "config", "--remove-section", "merge.playbill", cwd=project)
    ours, theirs = world.pairs[1]
    run("git", "switch", "-q", ours, cwd=project)
    assert run("git", "merge", how, theirs, cwd=project, check=False).returncode == 1
    assert {"dvc.lock", "params.yaml"} <= set(conflicts(project, run))


def test_one_command_settles_a_merge_that_no_driver_saw(world: World, mine: Path, run: Run) -> None:
    _without_driver(world, mine, run)
    run("playbill", "compose", "--merge", cwd=mine)
    assert conflicts(mine, run) == []
    run("git", "commit", "-qam", "join", cwd=mine)
    assert is_compiled(mine, run)
    run("dvc", "repro", cwd=mine)
    assert run("playbill", "compose", "--merge", cwd=mine).stdout.endswith("are up to date\n")


def test_conflict_markers_that_were_committed_are_mended_too(
    world: World, mine: Path, run: Run
) -> None:
    _without_driver(world, mine, run)
    run("git", "commit", "-qam", "join on the host", cwd=mine)
    assert run("dvc", "status", cwd=mine, check=False).returncode != 0
    done = run("playbill", "compose", "--merge", cwd=mine)
    assert "dvc.lock" in done.stdout
    assert run("git", "grep", "-c", "^<<<<<<<", cwd=mine, check=False).stdout == ""
    run("dvc", "repro", cwd=mine)
    assert is_compiled(mine, run)


def test_markers_that_a_squashed_merge_brought_are_mended_from_before_it(
    world: World, mine: Path, run: Run
) -> None:
    _without_driver(world, mine, run, "--squash")
    run("git", "commit", "-qam", "squashed on the host", cwd=mine)
    run("playbill", "compose", "--merge", cwd=mine)
    unstaged = run("git", "diff", "--name-only", cwd=mine).stdout.split()
    assert {"params.yaml", "params.digest.json", "dvc.yaml", "dvc.lock"}.isdisjoint(unstaged)
    assert run("git", "grep", "-c", "^<<<<<<<", cwd=mine, check=False).stdout == ""
    assert is_compiled(mine, run)
    assert lock.is_valid((mine / "dvc.lock").read_text())


def test_doctor_says_that_the_driver_is_missing_and_installs_it_once(tiny: Path, run: Run) -> None:
    before = run("playbill", "doctor", cwd=tiny, check=False).stdout
    assert "the merge driver is not installed" in before
    assert "git config merge.playbill.driver" in mend(tiny)
    assert mend(tiny) == []
    assert (tiny / ".gitattributes").read_text().startswith("/dvc.lock merge=playbill\n")
    assert str(tiny) not in (tiny / ".git" / "config").read_text()
