"""Asking Git: revisions, files, changes and identity, and every way in which Git can be missing."""

import os
from pathlib import Path

import pytest

from playbill.errors import LineageError
from playbill.lineage import git, gittag, worktree


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git.run(root, "init", "-q", "-b", "main", ".")
    (root / "a.txt").write_text("first\n")
    worktree.commit(root, ["a.txt"], "one")
    git.run(root, "tag", "-am", "a tag", "v1")
    git.run(root, "branch", "side")
    (root / "a.txt").write_text("second\n")
    worktree.commit(root, ["a.txt"], "two")
    return root


@pytest.mark.parametrize("name", ["v1", "side", "HEAD~1"])
def test_a_tag_a_branch_and_a_relative_name_mean_their_commit(repository: Path, name: str) -> None:
    commit = git.resolve(repository, name)
    assert git.read(repository, commit, "a.txt") == b"first\n"
    assert git.resolve(repository, commit[:9]) == commit


def test_an_experiment_is_found_by_its_name(history: Path) -> None:
    commit = git.resolve(history, "quiet-moth")
    assert b"c: 0.5" in git.read(history, commit, "params.yaml")


def test_of_two_experiments_with_one_name_that_on_head_is_meant(repository: Path) -> None:
    now, before = git.resolve(repository, "HEAD"), git.resolve(repository, "side")
    for base, target in ((now, before), (before, now)):
        git.run(repository, "update-ref", f"refs/exps/{base[:2]}/{base[2:]}/twin", target)
    assert git.resolve(repository, "twin") == before
    git.run(repository, "commit", "-q", "--allow-empty", "-m", "three")
    with pytest.raises(LineageError, match="2 experiments are called `twin`"):
        git.resolve(repository, "twin")


def test_a_branch_that_only_the_remote_has_needs_no_prefix(repository: Path) -> None:
    git.run(repository, "clone", "-q", ".", "../clone")
    clone = repository.parent / "clone"
    assert git.resolve(clone, "side") == git.resolve(clone, "origin/side")
    assert git.resolve(clone, "side") == git.resolve(repository, "side")


def test_an_unknown_revision_is_refused_with_the_nearest_name(repository: Path) -> None:
    with pytest.raises(LineageError) as caught:
        git.resolve(repository, "sidee")
    assert "one of side" in caught.value.expected
    assert caught.value.run == "git fetch --all --tags"


@pytest.mark.parametrize("name", ["", "--all", "-n1"])
def test_a_revision_is_never_read_as_an_option(repository: Path, name: str) -> None:
    with pytest.raises(LineageError, match="is no revision"):
        git.resolve(repository, name)


def test_a_shallow_clone_is_told_to_fetch_the_rest(repository: Path) -> None:
    git.run(repository, "clone", "-q", "--depth=1", f"file://{repository}", "../shallow")
    shallow = repository.parent / "shallow"
    assert git.is_shallow(shallow)
    assert not git.is_shallow(repository)
    with pytest.raises(LineageError) as caught:
        git.resolve(shallow, "HEAD~1")
    assert caught.value.run == "git fetch --unshallow --tags"


def test_a_project_in_a_subfolder_reads_its_own_files(repository: Path) -> None:
    project = repository / "teams" / "flights"
    project.mkdir(parents=True)
    (project / "a.txt").write_text("mine\n")
    commit = worktree.commit(project, ["a.txt"], "three")
    assert git.prefix(project) == "teams/flights"
    assert git.top(project) == repository
    assert git.read(project, commit, "a.txt") == b"mine\n"
    (project / "a.txt").write_text("edited\n")
    (repository / "a.txt").write_text("edited\n")
    assert worktree.changed(project) == ["a.txt"]
    assert worktree.changed(project, ["b.txt"]) == []


def test_a_missing_file_is_named_with_its_revision(repository: Path) -> None:
    with pytest.raises(LineageError, match=r"b\.txt is not in revision"):
        git.read(repository, git.head(repository), "b.txt")
    assert git.read_if_any(repository, "HEAD", "b.txt") is None


def test_a_commit_takes_the_named_paths_and_nothing_else(repository: Path) -> None:
    (repository / "a.txt").write_text("third\n")
    (repository / "other.txt").write_text("staged by somebody\n")
    git.run(repository, "add", "other.txt")
    worktree.commit(repository, ["a.txt"], "only a")
    assert worktree.changed(repository) == ["other.txt"]
    assert worktree.is_dirty(repository)
    assert git.describe(repository, "HEAD").endswith(" only a")


def test_variables_of_an_outer_git_do_not_lead_elsewhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = git.head(repository)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere.git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert git.head(repository) == expected
    assert git.top(repository) == repository
    assert not worktree.is_dirty(repository)


def test_a_machine_without_git_is_told_so(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LineageError, match="git is not installed"):
        git.head(repository)
    assert not git.is_repository(repository)


def test_a_folder_outside_git_is_told_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(LineageError, match="not in a Git repository") as caught:
        git.head(tmp_path)
    assert "git init" in caught.value.run


def test_a_repository_without_a_commit_says_so(tmp_path: Path) -> None:
    git.run(tmp_path, "init", "-q", ".")
    with pytest.raises(LineageError, match="no commit yet"):
        git.resolve(tmp_path, "main")


def test_an_unknown_author_is_asked_for_a_name(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert git.identity(repository) == ("A Tester", "tester@example.org")
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))]:
        monkeypatch.delenv(name)
    with pytest.raises(LineageError) as caught:
        worktree.commit(repository, ["a.txt"], "three")
    assert "git config user.name" in caught.value.run


def test_a_push_without_a_remote_is_told_to_add_one(repository: Path) -> None:
    with pytest.raises(LineageError, match="no remote to push to"):
        worktree.push(repository, "main")


def test_a_push_goes_to_the_remote_that_there_is(repository: Path, tmp_path: Path) -> None:
    git.run(repository, "init", "-q", "--bare", str(tmp_path / "hub.git"))
    git.run(repository, "remote", "add", "hub", str(tmp_path / "hub.git"))
    worktree.push(repository, "main", "refs/tags/v1")
    assert git.run(repository, "ls-remote", "hub", "refs/tags/v1")


def test_tags_come_with_message_tagger_and_the_commit_that_they_name(repository: Path) -> None:
    git.run(repository, "tag", "light")
    git.run(repository, "tag", "-am", "subject\n\nbody", "teams/flights=flights@v1.0.0", "side")
    (tag,) = gittag.tags(repository, "teams/*@*")
    assert tag.commit == git.resolve(repository, "side")
    assert tag.message.strip() == "subject\n\nbody"
    assert tag.tagger == "A Tester"
    assert tag.date.tzinfo is not None
    assert [each.name for each in gittag.tags(repository)] == ["teams/flights=flights@v1.0.0", "v1"]


def test_a_branch_is_made_and_a_detached_head_has_none(repository: Path) -> None:
    worktree.switch(repository, "fresh", create=True)
    assert git.branch(repository) == "fresh"
    git.run(repository, "switch", "-q", "--detach")
    assert git.branch(repository) is None
