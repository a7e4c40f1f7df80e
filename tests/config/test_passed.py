"""A target that was found right is not looked for again; nothing else is taken from the note."""

import ast
from pathlib import Path
from typing import Any

import pytest

from playbill.config import definition
from playbill.config.targetcheck import target_problems

GOOD = {"_target_": "sklearn.linear_model.LogisticRegression", "C": 0.5}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".dvc").mkdir()
    assert list(look(tmp_path, GOOD)) == []
    return tmp_path


def look(root: Path, model: dict[str, Any], allow: str = "sklearn.") -> list[Any]:
    return list(target_problems({"allow": [allow], "model": model}, root))


def parsed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the list that will hold every file that is parsed from now on."""
    files: list[Path] = []
    real = definition.parse

    def parse(path: Path) -> ast.Module:
        files.append(path)
        return real(path)

    monkeypatch.setattr(definition, "parse", parse)
    return files


def test_what_passed_is_not_parsed_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = parsed(monkeypatch)
    assert look(project, GOOD) == []
    assert files == []
    assert look(project, {**GOOD, "C": 0.6}) == []
    assert files != []


def test_a_wrong_argument_is_told_every_time(project: Path) -> None:
    for _ in range(2):
        assert [key for key, *_ in look(project, {**GOOD, "c": 1})] == ["model.c"]


def test_a_shorter_allow_list_refuses_what_passed(project: Path) -> None:
    assert len(look(project, GOOD, allow="stages.")) == 1


def test_a_module_of_the_project_hides_what_passed(project: Path) -> None:
    (project / "sklearn").mkdir()
    (project / "sklearn" / "__init__.py").write_text("")
    assert len(look(project, GOOD)) == 1


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', "[1, null]"])
def test_a_note_that_is_broken_is_no_note(project: Path, text: str) -> None:
    (note,) = (project / ".dvc").rglob("targets.json")
    note.write_text(text)
    assert look(project, GOOD) == []
    assert len(look(project, {**GOOD, "c": 1})) == 1


def test_a_project_without_dvc_keeps_nothing(tmp_path: Path) -> None:
    assert look(tmp_path, GOOD) == []
    assert list(tmp_path.iterdir()) == []
