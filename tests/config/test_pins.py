"""Pins and installed versions, read without the packages that read them thoroughly."""

import importlib.metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from playbill.config.environment import check_constraints, installed_version, pinned
from playbill.errors import ConfigError, InstalledError
from tests.conftest import REPOSITORY


def test_the_version_of_every_distribution_is_the_one_that_importlib_finds() -> None:
    names = {found.metadata["Name"] for found in importlib.metadata.distributions()}
    assert {name: installed_version(name) for name in names} == {
        name: importlib.metadata.version(name) for name in names
    }
    assert installed_version("no-such-distribution") is None


def test_the_pins_are_those_that_packaging_reads() -> None:
    lines = (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines()
    texts = [text for line in lines if (text := line.partition("#")[0].strip())]
    expected = {
        canonicalize_name(found.name): str(found.specifier).removeprefix("==")
        for found in map(Requirement, texts)
        if found.marker is None or found.marker.evaluate()
    }
    assert pinned(REPOSITORY) == expected


def test_common_markers_hold_where_packaging_says_so(tmp_path: Path) -> None:
    markers = [
        *(f'sys_platform {sign} "{name}"' for sign in ("==", "!=") for name in ("linux", "win32")),
        *(f"python_version{sign}'3.{minor}'" for sign in (">=", "<") for minor in (9, 11, 12, 99)),
        'python_version == "3.9"', 'os_name == "nt"',
    ]  # fmt: skip
    lines = [f"a{number}==1.{number} ; {marker}" for number, marker in enumerate(markers)]
    (tmp_path / "constraints.txt").write_text("\n".join(lines))
    wanted = [
        found for found in map(Requirement, lines) if found.marker and found.marker.evaluate()
    ]
    assert list(pinned(tmp_path)) == [found.name for found in wanted]


def test_a_line_that_pins_nothing_is_told_with_its_number(tmp_path: Path) -> None:
    (tmp_path / "constraints.txt").write_text("PyYAML==6.0\nno such line\n")
    with pytest.raises(ConfigError, match=r"constraints.txt:2"):
        pinned(tmp_path)


def test_a_name_is_found_in_any_spelling(tmp_path: Path) -> None:
    (tmp_path / "constraints.txt").write_text("Scikit_Learn==0.0.1\n")
    with pytest.raises(InstalledError, match=r"scikit-learn is .*, pinned 0\.0\.1"):
        check_constraints(tmp_path)
