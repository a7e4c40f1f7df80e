"""Digests of code: what it means, not how it is laid out."""

import importlib.util

import pytest

from playbill.config import closure
from playbill.config.digest import Definitions, code_digest, imported_names

CODE = b'"""Doc."""\n\ndef f(x: int) -> int:\n    """Say."""\n    return x + 1\n'


def test_comments_docstrings_and_layout_do_not_count() -> None:
    other = b'"""Other."""\n# a comment\ndef f(\n    x: int,\n) -> int:\n    return (x + 1)\n'
    assert code_digest(CODE) == code_digest(other)


def test_a_changed_constant_counts() -> None:
    assert code_digest(CODE) != code_digest(CODE.replace(b"+ 1", b"+ 2"))
    assert code_digest(b"x = 1") != code_digest(b"x = 1.0")
    assert code_digest(b"x = None") != code_digest(b"x = 0")


MODELS = b"""
from typing import Annotated

Share = Annotated[float, 1]

class Base:
    strict = True

class Inner(Base):
    share: Share = 0.5

class Split(Base):
    inner: "Inner"

class Drift(Base):
    alpha: Share

class Table(Base):
    split: Split
    drift: Drift
    seed: int = 0

    def both(self): return self.split, self.drift
"""


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        (b"    alpha", b"    beta: int = 1\n    alpha", False),
        (b"seed: int = 0", b"seed: int = 1", False),
        (b"    inner", b"    # a remark\n    inner", False),
        (b"share: Share = 0.5", b"share: Share = 0.6", True),
        (b"Annotated[float, 1]", b"Annotated[float, 2]", True),
        (b"strict = True", b"strict = False", True),
        (b"return self.split, self.drift", b"return self.split", True),
        (b"split: Split", b"split: Split | None", True),
    ],
)
def test_of_shared_models_only_those_count_that_a_key_needs(
    old: bytes, new: bytes, *, changes: bool
) -> None:
    assert old in MODELS
    before, after = (Definitions(m, "Table") for m in (MODELS, MODELS.replace(old, new)))
    assert (before.digest([], ["split"]) != after.digest([], ["split"])) is changes


def test_a_definition_that_code_names_counts_whatever_the_keys_are() -> None:
    before, after = (Definitions(m, "Table") for m in (MODELS, MODELS.replace(b"alpha", b"beta")))
    assert before.digest(["Drift"], ["split"]) != after.digest(["Drift"], ["split"])


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (b"from a.models import (\n    One,\n    Two as Other,\n)", {"One", "Two"}),
        (b"def f():\n    from a.models import One", {"One"}),
        (b"from a import models", {"*"}),
        (b"import a.models", {"*"}),
        (b"from a.models import *", {"*"}),
        (b"from a.other import One", set()),
    ],
)
def test_what_code_takes_from_the_models_is_seen(source: bytes, names: set[str]) -> None:
    assert imported_names(source, "a.models") == names


def test_the_modules_that_the_closure_treats_apart_exist() -> None:
    """Renamed, one would silently count again, or no longer."""
    named = {*closure.CHECKS, closure.SCHEMA, closure.SERVER, *closure.CARRIERS, *closure.SHIPPED}
    assert all(importlib.util.find_spec(name) for name in named)
