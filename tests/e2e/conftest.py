"""This repository as a user has it: cloned, committed, run once on the real flights."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config.conftest import edit
from tests.conftest import REPOSITORY

HEADER = "id,x,y\n"
ROWS = "".join(f"r{i},{i}.5,{i % 2 == 0}\n" for i in range(40))
IGNORED = shutil.ignore_patterns("__pycache__", ".venv")


@pytest.fixture(scope="session")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what Git tracks (edits included), commit it as a first commit, run the pipeline."""
    world = tmp_path_factory.mktemp("flights")
    clone = world / "clone"
    listed = _call("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in listed.split("\0"):
        source, target = REPOSITORY / name, clone / name
        if name and source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    (clone / ".dvc" / "config").write_text(
        (REPOSITORY / ".dvc" / "config")
        .read_text()
        .replace("../../playbill-storage", "../../storage")
    )
    with pytest.MonkeyPatch.context() as patch:
        _settle(patch, world)
        _call("git", "init", "-q", "-b", "main", cwd=clone)
        _call("git", "add", "-A", cwd=clone)
        _call("git", "commit", "-qm", "start", cwd=clone)
        first = _call(sys.executable, "-m", "dvc", "repro", cwd=clone)
        (world / "first.txt").write_text(first)
        _call("git", "add", "-A", cwd=clone)
        _call("git", "commit", "-q", "--allow-empty", "-m", "run", cwd=clone)
    return world


def _settle(patch: pytest.MonkeyPatch, world: Path) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        patch.setenv(f"GIT_{role}_NAME", "A Tester")
        patch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    patch.setenv("DVC_NO_ANALYTICS", "1")
    patch.setenv("DVC_SITE_CACHE_DIR", str(world / "site"))
    patch.setenv("DVC_GLOBAL_CONFIG_DIR", str(world / "global"))
    patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def _call(*words: str, cwd: Path = REPOSITORY) -> str:
    done = subprocess.run(words, cwd=cwd, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def flights(_world: Path) -> Path:
    """The run project, to be read, never written."""
    return _world / "clone"


@pytest.fixture(scope="session")
def first_run(_world: Path) -> str:
    """What the first `dvc repro` said."""
    return (_world / "first.txt").read_text()


@pytest.fixture
def mine(_world: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the run project, to be changed; its DVC remote is `../storage`."""
    copy = tmp_path / "world" / "clone"
    shutil.copytree(_world / "clone", copy, symlinks=True, ignore=IGNORED)
    yield copy
    shutil.rmtree(copy, ignore_errors=True)


@pytest.fixture
def table(tiny: Path) -> Path:
    """A small project with the real stages, whose rows come from rows.csv."""
    for stage in ("ingest", "validate", "prepare"):
        shutil.copy(REPOSITORY / "stages" / f"{stage}.py", tiny / "stages" / f"{stage}.py")
    shutil.copy(
        REPOSITORY / "playbill/conf/pipeline/default.yaml", tiny / "conf/pipeline/tiny.yaml"
    )
    pipeline = (tiny / "conf/pipeline/tiny.yaml").read_text()
    head, _, rest = pipeline.partition("  train:\n")
    (tiny / "conf/pipeline/tiny.yaml").write_text(
        head + "model: data/prepared/train.parquet\n" + "sources: [stages]\n"
    )
    assert rest
    edit(tiny / "conf/source/tiny.yaml", "FROM rows", "FROM rows ORDER BY id")
    (tiny / "rows.csv").write_text(HEADER + ROWS)
    return tiny
