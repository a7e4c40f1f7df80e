"""Projects to test on: a tiny one whose stages take no time, and copies of this repository."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
TINY = Path(__file__).resolve().parent / "tiny"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No identity, no configuration of the machine's, no variable of an outer Git or DVC."""
    for name in [n for n in os.environ if n.startswith(("GIT_", "DVC_", "PLAYBILL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A Tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "dvc-global"))
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path / "dvc-system"))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "dvc-site"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def run() -> Run:
    """Start a program and return what it said; `check=True` fails the test with its output."""

    def start(
        *command: str, cwd: Path, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", *command] if command[0] in ("dvc", "playbill") else command
        done = subprocess.run(
            words, cwd=cwd, env={**os.environ, **environment}, text=True,
            capture_output=True, check=False, timeout=600, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if check and done.returncode:
            pytest.fail(f"{' '.join(command)} exited {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    return start


def _start_project(folder: Path, run: Run) -> None:
    run("git", "init", "-q", "-b", "main", ".", cwd=folder)
    (folder / ".dvc").mkdir(exist_ok=True)
    shutil.copy(REPOSITORY / ".dvc" / "config", folder / ".dvc" / "config")
    shutil.copy(REPOSITORY / ".dvc" / ".gitignore", folder / ".dvc" / ".gitignore")
    shutil.copy(REPOSITORY / ".dvcignore", folder / ".dvcignore")
    (folder / ".gitignore").write_text("__pycache__/\n")


@pytest.fixture
def tiny(tmp_path: Path, run: Run) -> Path:
    """A project of three stages that take no time; compiled and committed, not yet run."""
    folder = tmp_path / "tiny"
    shutil.copytree(TINY, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "stages" / "compose.py", folder / "stages" / "compose.py")
    _start_project(folder, run)
    run("playbill", "compose", cwd=folder)
    run("git", "add", "-A", cwd=folder)
    run("git", "commit", "-qm", "start", cwd=folder)
    return folder
