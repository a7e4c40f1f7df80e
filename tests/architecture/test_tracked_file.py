"""What is in Git says nothing about the machine that it was written on."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# In pieces, so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(
    r"(?<![\w.])/(?:root|work|Users|opt/(?:pypi|wheels)|tmp/pb)" + r"(?:/|\b)"
)
HOME_PATH = re.compile(r"(?<![\w.])/home" + r"/\w+|\b[A-Z]:\\Users" + r"\\\w+")
REGISTRY = re.compile(
    "|".join([r"pypi\.or" + "g", r"pythonhosted\.or" + "g", "index-ur" + "l", "find-link" + "s"])
)
PIN = re.compile(
    r"[a-z0-9][a-z0-9.-]*==[0-9][\w.!+]*"
    r"""( ; (python_version (<|>=|==) "3\.\d+"|sys_platform (==|!=) "(win32|darwin)"))?"""
)


def tracked() -> Iterator[tuple[str, str]]:
    """Yield path and text of every tracked text file."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (path := ROOT / name).is_file():
            content = path.read_bytes()
            if b"\0" not in content:
                yield name, content.decode("utf-8")


@pytest.mark.parametrize("pattern", [MACHINE_PATH, HOME_PATH], ids=["system", "home"])
def test_no_tracked_file_names_a_path_of_one_machine(pattern: re.Pattern[str]) -> None:
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in tracked()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


def test_no_tracked_file_names_a_package_registry() -> None:
    found = [name for name, text in tracked() if REGISTRY.search(text)]
    assert found == []


def test_the_constraints_are_exact_pins_and_nothing_else() -> None:
    lines = ROOT.joinpath("constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in pins if not PIN.fullmatch(line)] == []
    assert pins == sorted(pins, key=lambda line: line.partition("==")[0])


def test_every_tracked_text_ends_its_lines_as_git_attributes_says() -> None:
    assert [name for name, text in tracked() if "\r\n" in text] == []
