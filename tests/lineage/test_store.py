"""Outputs of a revision: from the cache, from the DVC remote, or a clear word that it is lost."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from playbill.errors import LineageError
from playbill.lineage import git, store, worktree

BUNDLE = "models/tiny/bundle"
PREDICTIONS = "models/tiny/evaluation/predictions.parquet"


def _forget(project: Path) -> None:
    for folder in ("cache", "tmp"):
        shutil.rmtree(project / ".dvc" / folder)


def test_the_lock_of_a_commit_names_its_outputs(history: Path) -> None:
    found = store.outputs(history, git.resolve(history, "first"))
    assert set(found) >= {BUNDLE, PREDICTIONS, "models/tiny/evaluation/metrics.json"}
    assert found[BUNDLE].is_folder
    assert not found[PREDICTIONS].is_folder
    assert found[BUNDLE].stage == "package"
    assert found[BUNDLE] != store.outputs(history)[BUNDLE]


def test_an_old_bundle_comes_from_the_cache_and_the_workspace_stays(history: Path) -> None:
    before = (history / BUNDLE / "model" / "pipeline.skops").read_text()
    place = store.materialise(history, BUNDLE, git.resolve(history, "first"))
    assert place.name == "bundle"
    assert (place / "model" / "pipeline.skops").read_text() == "model of seed 1"
    assert (history / BUNDLE / "model" / "pipeline.skops").read_text() == before
    assert not worktree.is_dirty(history)


def test_what_the_cache_lacks_comes_from_the_remote(history: Path) -> None:
    _forget(history)
    commit = git.resolve(history, "first")
    place = store.materialise(history, BUNDLE, commit)
    assert sorted(p.name for p in place.rglob("*") if p.is_file()) == [
        "manifest.json",
        "metrics.json",
        "pipeline.skops",
    ]
    assert store.obtain(history, PREDICTIONS, commit).read_bytes()[:4] == b"PAR1"


def test_a_second_call_needs_neither_cache_nor_remote(history: Path) -> None:
    commit = git.resolve(history, "first")
    first = store.materialise(history, PREDICTIONS, commit)
    shutil.rmtree(history / ".dvc" / "cache")
    shutil.rmtree(history.parent / "storage")
    assert store.materialise(history, PREDICTIONS, commit) == first
    assert first.name == "predictions.parquet"


def test_a_copy_may_be_written_without_harm_to_the_cache(history: Path) -> None:
    commit = git.resolve(history, "first")
    place = store.materialise(history, BUNDLE, commit)
    assert os.access(place / "manifest.json", os.W_OK)
    assert (place / "manifest.json").stat().st_nlink == 1


@pytest.mark.parametrize("mode", [0o444, 0o644])
def test_a_damaged_object_in_the_remote_is_called_damaged_and_named(
    history: Path, mode: int
) -> None:
    """DVC checks what may be written and removes it; what may not it hands over as it is."""
    commit = git.resolve(history, "first")
    digest = store.output(history, PREDICTIONS, commit).digest
    _forget(history)
    place = history.parent / "storage" / "files" / "md5" / digest[:2] / digest[2:]
    place.chmod(0o644)
    place.write_bytes(place.read_bytes() + b"x")
    place.chmod(mode)
    with pytest.raises(LineageError, match=r"DVC remote's copy of .* is damaged") as caught:
        store.obtain(history, PREDICTIONS, commit)
    assert str(Path("storage", "files", "md5", digest[:2], digest[2:])) in caught.value.where
    assert digest in caught.value.expected
    assert "dvc push" in caught.value.run


def test_what_nobody_has_is_named_with_the_way_to_get_it(history: Path) -> None:
    _forget(history)
    with pytest.raises(LineageError) as caught:
        store.materialise(history, BUNDLE, git.resolve(history, "main"))
    assert f"{BUNDLE} of revision" in caught.value.what
    assert "neither in DVC's cache nor in the DVC remote" in caught.value.what
    assert "dvc push" in caught.value.run
    assert "dvc repro" in caught.value.run


def test_without_a_remote_the_error_says_that_none_is_set(history: Path) -> None:
    _forget(history)
    (history / ".dvc" / "config").write_text("")
    with pytest.raises(LineageError, match="none set"):
        store.obtain(history, PREDICTIONS, git.resolve(history, "first"))


def test_a_damaged_cache_is_found_before_anything_is_handed_over(history: Path) -> None:
    commit = git.resolve(history, "first")
    kept = store.obtain(history, PREDICTIONS, commit)
    kept.chmod(0o644)
    kept.write_bytes(kept.read_bytes()[:-1] + b"?")
    with pytest.raises(LineageError, match="cache is damaged"):
        store.materialise(history, PREDICTIONS, commit)
    scratch = history / ".dvc" / "tmp" / "playbill"
    assert not list(scratch.rglob("predictions.parquet"))


def test_a_path_that_no_stage_wrote_is_refused(history: Path) -> None:
    with pytest.raises(LineageError, match=r"is not an output in dvc\.lock"):
        store.obtain(history, "models/tiny/bundel", git.head(history))


def test_a_revision_without_a_run_is_refused(history: Path) -> None:
    with pytest.raises(LineageError, match="no pipeline ran there"):
        store.outputs(history, git.resolve(history, "first~1"))


@pytest.mark.parametrize("text", ["stages: [1]", "stages: {a: {outs: [{hash: md5, md5: x}]}}"])
def test_a_lock_of_another_form_is_called_damaged(history: Path, text: str) -> None:
    (history / "dvc.lock").write_text(text)
    with pytest.raises(LineageError, match="damaged"):
        store.outputs(history)


def test_a_lock_with_conflict_marks_is_named_with_its_line(history: Path) -> None:
    (history / "dvc.lock").write_text("stages:\n<<<<<<< HEAD\n  a: 1\n=======\n")
    with pytest.raises(LineageError, match="is not YAML") as caught:
        store.outputs(history)
    assert caught.value.where.startswith("dvc.lock:")


def test_the_remote_says_what_it_lacks(history: Path) -> None:
    assert store.missing_in_remote(history, BUNDLE, git.resolve(history, "first")) == []
    missing = store.missing_in_remote(history, BUNDLE, git.resolve(history, "main"))
    assert missing
    (history / ".dvc" / "config").write_text("")
    assert store.missing_in_remote(history, BUNDLE, git.resolve(history, "main")) is None


def test_one_lost_file_of_a_pushed_folder_counts_as_missing(history: Path) -> None:
    commit = git.resolve(history, "first")
    listing = store.output(history, BUNDLE, commit).digest
    objects = history.parent / "storage" / "files" / "md5"
    before = store.missing_in_remote(history, BUNDLE, commit)
    place = store.materialise(history, BUNDLE, commit) / "manifest.json"
    digest = hashlib.md5(place.read_bytes()).hexdigest()
    (objects / digest[:2] / digest[2:]).unlink()
    assert before == []
    assert (objects / listing[:2] / listing[2:]).exists()
    assert store.missing_in_remote(history, BUNDLE, commit) == [digest]
