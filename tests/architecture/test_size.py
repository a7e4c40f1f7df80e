"""Modules and functions stay small enough to read, and are named for what they hold."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE_LINES = 600
FUNCTION_LINES = 50
# Names under which anything could be put away; the noun that is meant is the better name.
SHAPELESS = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}

FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(ROOT.joinpath(folder).rglob("*.py"))


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the body, the docstring left out; a command's signature is a list of its options."""
    has_docstring = ast.get_docstring(function, clean=False) is not None
    body = function.body[has_docstring:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_no_module_is_longer_than_a_person_reads_at_once() -> None:
    too_long = {
        path.relative_to(ROOT).as_posix(): lines
        for path in modules("playbill", "stages", "tests", "docs")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MODULE_LINES
    }
    assert too_long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    too_long = {
        f"{path.relative_to(ROOT).as_posix()}:{node.lineno} {node.name}": lines_of(node)
        for path in modules("playbill", "stages", "docs")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, FUNCTION) and lines_of(node) > FUNCTION_LINES
    }
    assert too_long == {}


def test_no_module_or_folder_has_a_name_that_says_nothing() -> None:
    shapeless = [
        path.relative_to(ROOT).as_posix()
        for path in modules("playbill", "stages", "tests", "docs")
        if SHAPELESS & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
    ]
    assert shapeless == []
