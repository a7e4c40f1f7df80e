"""Which bundle is meant: production first, then the workspace, then the last one recorded."""

import shutil
from pathlib import Path

import pytest

from playbill.errors import LineageError
from playbill.lineage import bundle, git, store, worktree
from tests.promoting import promote


def _text(place: Path) -> str:
    return (place / "model" / "pipeline.skops").read_text()


def test_the_production_model_goes_before_the_workspace(history: Path) -> None:
    promote(history, "first")
    found = bundle.find(history)
    assert (found.source, found.commit) == ("tiny#prod#1", git.resolve(history, "first"))
    assert _text(found.path) == "model of seed 1"


def test_without_a_promotion_the_workspace_is_meant(history: Path) -> None:
    found = bundle.find(history)
    assert (found.source, found.commit) == ("workspace", None)
    assert found.path == history / "models" / "tiny" / "bundle"


def test_an_empty_workspace_falls_back_to_the_lock_of_head(history: Path) -> None:
    shutil.rmtree(history / "models" / "tiny" / "bundle")
    found = bundle.find(history)
    assert found.source == "HEAD"
    assert _text(found.path) == "model of seed 2"


def test_an_emptied_production_is_not_replaced_silently(history: Path) -> None:
    from gto import api

    promote(history, "first")
    api.unassign(str(history), "tiny", version="v0.0.1", stage="prod")
    with pytest.raises(LineageError, match="stage prod of `tiny` is empty"):
        bundle.locate(history)


@pytest.mark.parametrize(
    "reference", ["tiny@v0.0.1", "tiny@latest", "tiny#prod", "tiny#prod#1", "first", "HEAD~1"]
)
def test_every_way_to_name_a_revision_finds_its_bundle(history: Path, reference: str) -> None:
    promote(history, "first")
    found = bundle.find(history, reference)
    assert _text(found.path) == "model of seed 1"
    assert found.version == ("v0.0.1" if "#" in reference or "@" in reference else None)


def test_an_experiment_can_be_named(history: Path) -> None:
    place = bundle.locate(history, "quiet-moth")
    assert _text(place) == "model of seed 1"
    assert bundle.commit_of(history, "quiet-moth") != git.resolve(history, "first")


def test_a_clone_fetches_the_bundle_from_the_remote(history: Path) -> None:
    promote(history, "first")
    worktree.push(history, "refs/tags/tiny#prod#1", "refs/tags/tiny@v0.0.1")
    clone = history.parent / "clone"
    git.run(history, "clone", "-q", "../origin.git", str(clone))
    assert _text(bundle.locate(clone)) == "model of seed 1"
    assert not worktree.is_dirty(clone)


def test_without_git_the_workspace_alone_is_looked_at(history: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    (bare / "models" / "tiny").mkdir(parents=True)
    shutil.copy(history / "params.yaml", bare / "params.yaml")
    with pytest.raises(LineageError, match="there is no bundle"):
        bundle.locate(bare)
    shutil.copytree(history / "models" / "tiny" / "bundle", bare / "models" / "tiny" / "bundle")
    assert bundle.find(bare).source == "workspace"


def test_the_path_comes_from_the_params_of_that_revision(history: Path) -> None:
    assert bundle.path(history) == "models/tiny/bundle"
    params = history / "params.yaml"
    params.write_text(params.read_text() + "pipeline: {model: models/tiny/evaluation}\n")
    assert bundle.path(history) == "models/tiny/evaluation"
    assert bundle.path(history, git.head(history)) == "models/tiny/bundle"


def test_params_that_name_no_model_are_refused(history: Path) -> None:
    (history / "params.yaml").write_text("seed: 1\n")
    with pytest.raises(LineageError, match="does not name the model"):
        bundle.locate(history)
    (history / "params.yaml").unlink()
    with pytest.raises(LineageError, match="missing"):
        bundle.locate(history)


def test_a_project_below_the_git_root_is_found_and_fetched(history: Path) -> None:
    """A monorepo: DVC and the project in a subfolder, another model beside it."""
    repository = history.parent / "mono"
    project = repository / "teams" / "delays"
    repository.mkdir()
    shutil.copytree(history, project, ignore=shutil.ignore_patterns(".git"))
    git.run(repository, "init", "-q", "-b", "main", ".")
    worktree.commit(project, ["."], "all")
    promote(project, "HEAD")
    found = bundle.find(project)
    assert found.source == "teams/delays=tiny#prod#1"
    assert found.path.is_relative_to(project / ".dvc" / "tmp")
    assert store.dvc_folder(project) == project / ".dvc"
