"""Import closures that are kept: nothing that moved may be told from what was kept."""

import json
import os
from pathlib import Path

import pytest

from playbill.config.closure import SourceTree
from playbill.engine.seal import Look, look

TRAIN = "from stages import {}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "stages").mkdir()
    for name, text in {
        "__init__": "",
        "train": TRAIN.format("one"),
        "one": "1\n",
        "two": "2\n",
    }.items():
        (tmp_path / "stages" / f"{name}.py").write_text(text)
    return tmp_path


def tree(root: Path, *, settled: bool = True) -> SourceTree:
    return SourceTree(root, ["stages"], Look(look(root, ["stages"]).digest, settled))


def asked(known: SourceTree) -> tuple[list[str], str, str, list[str], bool]:
    return (
        known.project_files("stages.train"),
        known.module_digest("stages.train"),
        known.own_digest(),
        known.edges(),
        known.reaches("stages.train", "stages.one"),
    )


def test_what_was_answered_is_answered_again_without_an_import_graph(project: Path) -> None:
    first = tree(project)
    answers = asked(first)
    first.save()
    again = tree(project)
    assert asked(again) == answers
    assert "_graph" not in vars(again)


def test_an_edit_that_leaves_size_and_time_as_they_were_is_seen(project: Path) -> None:
    first = tree(project)
    answers = asked(first)
    first.save()
    path = project / "stages" / "train.py"
    before = path.stat()
    path.write_text(TRAIN.format("two"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    now = asked(tree(project))
    assert now == asked(SourceTree(project, ["stages"]))
    assert now[0] == ["stages/train.py", "stages/two.py"]
    assert not set(map(json.dumps, now)) & set(map(json.dumps, answers))


def test_a_new_file_is_seen(project: Path) -> None:
    first = tree(project)
    before = asked(first)
    first.save()
    (project / "stages" / "three.py").write_text("3\n")
    assert tree(project).own_digest() != before[2]


def test_nothing_is_kept_of_a_file_that_was_just_written(project: Path) -> None:
    (project / "stages" / "one.py").write_text("3\n")
    assert not look(project, ["stages"]).settled
    first = tree(project, settled=False)
    asked(first)
    first.save()
    assert not list(project.joinpath(".dvc").rglob("closures.json"))


def test_broken_answers_are_found_out_anew(project: Path) -> None:
    first = tree(project)
    answers = asked(first)
    first.save()
    (kept,) = project.joinpath(".dvc").rglob("closures.json")
    kept.write_text("{")
    assert asked(tree(project)) == answers
