"""The reference pages say what the code says: every key, command, error code and exit status."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from playbill import errors

DOCS = Path(__file__).parents[2] / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def error_classes() -> list[type[errors.PlaybillError]]:
    found = [v for v in vars(errors).values() if isinstance(v, type)]
    return [v for v in found if issubclass(v, errors.PlaybillError)]


@pytest.mark.parametrize("page", ["commands.md", "configuration.md"])
def test_a_generated_page_is_what_the_code_says(page: str) -> None:
    written = DOCS.joinpath("reference", page).read_text(encoding="utf-8")
    assert written.rstrip() == generator().PAGES[page]().rstrip(), "run: python docs/generate.py"


def test_every_error_has_an_entry_with_its_class_and_exit_status() -> None:
    page = DOCS.joinpath("reference", "errors.md").read_text(encoding="utf-8")
    entries = re.findall(r"^## (PB\d{3}) (\w+), exit (\d)$", page, flags=re.MULTILINE)
    assert sorted(entries) == sorted(
        (error.code, error.__name__, str(error.exit_status)) for error in error_classes()
    )


def test_every_error_stands_in_the_tree_on_top_of_its_module() -> None:
    tree = errors.__doc__ or ""
    for error in error_classes()[1:]:
        assert re.search(
            rf"── {error.__name__} +{error.code} .* exit {error.exit_status}$", tree, re.MULTILINE
        )


def test_every_error_code_is_given_once() -> None:
    codes = [error.code for error in error_classes()]
    assert len(codes) == len(set(codes))
