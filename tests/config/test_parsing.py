"""OmegaConf's YAML with the parser in C: the same values, the same refusals."""

from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from playbill.config.parsing import parsed_in_c
from tests.conftest import REPOSITORY

TRICKY = """
a: [1e-3, 1e3, 1_000, 0x1f, 0o17, 017, .5, 1., -.inf, .nan, 1:30, +5]
b: {yes: off, on: "off", date: 2013-01-01T10:00:00}
c: ${a}
d: |
  one
    two
e: >-
  folded
  text
f: &anchor {g: 1}
h: *anchor
i: {<<: *anchor, j: é}
k: '${b.on}'
"""
FILES = sorted(REPOSITORY.glob("conf/**/*.yaml")) + sorted(
    REPOSITORY.glob("playbill/conf/**/*.yaml")
)


def both(path: Path) -> tuple[object, object]:
    plain = OmegaConf.to_container(OmegaConf.load(path))
    with parsed_in_c():
        return plain, OmegaConf.to_container(OmegaConf.load(path))


def test_tricky_values_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "tricky.yaml"
    path.write_text(TRICKY, "utf-8")
    plain, ours = both(path)
    assert repr(plain) == repr(ours)


def test_every_shipped_option_is_the_same() -> None:
    assert FILES
    for plain, ours in map(both, FILES):
        assert repr(plain) == repr(ours)


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "a: [1\n", "a: !!python/name:os.system ''\n"])
def test_what_omegaconf_refuses_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(yaml.YAMLError):
        OmegaConf.load(path)
    with parsed_in_c(), pytest.raises(yaml.YAMLError):
        OmegaConf.load(path)
    assert OmegaConf.to_container(OmegaConf.create("a: 1e3")) == {"a": 1000.0}
