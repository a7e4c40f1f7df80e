import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from playbill.bundle.interface import write_interface
from playbill.bundle.schema import attribute, example
from playbill.contract.column import Column
from tests.serving import ASKED, NAME, SERVER, TARGET, texts


def test_the_texts_are_a_pure_function_of_contract_and_conf() -> None:
    again = write_interface(NAME, ASKED, TARGET, SERVER)
    assert again == {name: text for name, text in texts().items() if name != "openapi.json"}


@pytest.mark.parametrize("name", ["schemas.py", "app.py", "__main__.py"])
def test_the_generated_python_is_clean(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(texts()[name], encoding="utf-8")
    words = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length=100"]
    rules = "--select=E,F,I,W,UP,B,SIM,D1"
    done = subprocess.run(
        [*words, rules, "--config=lint.isort.known-first-party=['playbill']", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "text", ['"""\nimport os\n"""', "'\\", '")\nboom()\n(', "\u2028\ud800", "{name}", "\0"]
)
def test_no_text_of_the_contract_becomes_code(text: str) -> None:
    column = Column(text, "text", description=text, categories=(text, "b"), example=text)
    server = SERVER.model_copy(update={"title": text, "description": text})
    plain = write_interface(NAME, [Column("x", "text", categories=("a", "b"))], TARGET, SERVER)
    found = write_interface(NAME, [column], replace(TARGET, name=text), server)
    for name in ("schemas.py", "app.py"):
        statements = [type(node) for node in ast.parse(found[name]).body]
        assert statements == [type(node) for node in ast.parse(plain[name]).body]


@pytest.mark.parametrize(
    ("column", "name"),
    [
        *(("age", "age"), ("class", "field_class"), ("model_dump", "field_model_dump")),
        *(("at night?", "at_night_"), ("_x", "field_x"), ("7up", "field_7up"), ("", "field_x")),
    ],
)
def test_any_text_may_name_a_column(column: str, name: str) -> None:
    assert attribute(column) == name


def test_an_example_keeps_the_contract() -> None:
    assert example(Column("x", "integer", minimum=10, maximum=20)) == 15
    assert example(Column("x", "number", minimum=10, exclusive_minimum=True)) == 11
    assert example(Column("x", "number", nullable=True)) is None
    assert example(Column("x", "text", categories=("a", "b"))) == "a"


def test_the_dockerfile_runs_without_rights() -> None:
    text = texts()["Dockerfile"]
    assert "ARG BASE=python:3.11-slim" in text
    assert "USER 10001" in text
