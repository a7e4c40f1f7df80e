"""`playbill --version` says what is installed."""

from importlib.metadata import version
from pathlib import Path

from tests.conftest import Run


def test_the_version_is_told_outside_of_a_project_too(run: Run, tmp_path: Path) -> None:
    assert run("playbill", "--version", cwd=tmp_path).stdout == f"playbill {version('playbill')}\n"
