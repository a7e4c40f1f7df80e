"""What the linters and the type checker say belongs to the one test command."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def complaint(*command: str) -> str:
    """Run a module of the tools on the repository; return what it printed, "" if content."""
    finished = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return finished.stdout + finished.stderr if finished.returncode else ""


def test_ruff_finds_nothing() -> None:
    assert complaint("ruff", "check", "--output-format=concise", ".") == ""


def test_the_code_is_formatted() -> None:
    assert complaint("ruff", "format", "--check", ".") == ""


def test_the_types_hold() -> None:
    assert complaint("mypy") == ""
