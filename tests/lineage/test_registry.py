"""The registry in Git tags: GTO reads what we write, the newest stage tag decides."""

import json
import shutil
from pathlib import Path

import pytest
from gto import api

from playbill.errors import LineageError, UsageError
from playbill.lineage import git, listing, registration, registry, worktree

FACTS = {"commit": "abc", "metrics": {"auc": 0.7}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git.run(folder, "init", "-q", "-b", "main", ".")
    for number in range(3):
        (folder / "a.txt").write_text(f"{number}\n")
        worktree.commit(folder, ["a.txt"], f"commit {number}")
    return folder


def _promote(root: Path, revision: str, stage: str = "prod") -> str:
    commit = git.resolve(root, revision)
    tag = registration.register(root, "flights", commit, FACTS)
    return registration.assign(root, "flights", tag.partition("@")[2], stage, FACTS)


def test_versions_count_up_and_gto_reads_them(root: Path) -> None:
    assert _promote(root, "HEAD~1") == "flights#prod#1"
    assert _promote(root, "HEAD") == "flights#prod#2"
    assert [one.version for one in registry.versions(root)] == ["v0.0.1", "v0.0.2"]
    seen = api.show(str(root), "flights")
    assert {one["version"] for one in seen} == {"v0.0.1", "v0.0.2"}
    (serving,) = api.find_versions_in_stage(str(root), "flights", "prod")
    assert serving.version == "v0.0.2"


def test_what_gto_wrote_is_read_here(root: Path) -> None:
    api.register(str(root), "flights", "HEAD", version="v2.1.0")
    api.assign(str(root), "flights", "staging", version="v2.1.0")
    (version,) = registry.versions(root, "flights")
    assert (version.version, version.stages, version.evidence) == ("v2.1.0", ("staging",), {})


def test_the_message_carries_its_evidence_as_one_json_block(root: Path) -> None:
    _promote(root, "HEAD")
    (version,) = registry.versions(root)
    assert version.evidence == {**FACTS, "version": "v0.0.1"}
    assert version.tag.message.startswith("Register flights v0.0.1\n\n{")
    assert version.tag.tagger == "A Tester"
    (serving,) = registry.stages(root)
    assert serving.evidence == version.evidence


@pytest.mark.parametrize("message", ["no block", "a\n\n{broken", "a\n\n{1: 2}", "", "a\n\n[1]"])
def test_a_message_without_a_block_is_no_evidence(message: str) -> None:
    assert registry.evidence(message) == {}


def test_a_signature_behind_the_block_is_no_part_of_it() -> None:
    message = "Register\n\n" + json.dumps(FACTS) + "\n-----BEGIN SSH SIGNATURE-----\nU1{\n"
    assert registry.evidence(message) == FACTS


def test_going_back_to_an_older_version_is_a_new_tag(root: Path) -> None:
    _promote(root, "HEAD~1")
    _promote(root, "HEAD")
    assert registration.assign(root, "flights", "v0.0.1", "prod", FACTS) == "flights#prod#3"
    tag = registry.find(root, "flights#prod", "flights")
    assert tag is not None
    assert tag.commit == git.resolve(root, "HEAD~1")


def test_an_emptied_stage_lets_no_older_version_in(root: Path) -> None:
    _promote(root, "HEAD~1")
    _promote(root, "HEAD")
    api.unassign(str(root), "flights", version="v0.0.2", stage="prod")
    with pytest.raises(LineageError, match=r"stage prod of `flights` is empty"):
        registry.find(root, "flights#prod", "flights")
    assert all(not one.stages for one in registry.versions(root))


def test_a_deregistered_version_is_gone(root: Path) -> None:
    _promote(root, "HEAD")
    api.deregister(str(root), "flights", version="v0.0.1")
    assert registry.versions(root) == []


def test_latest_is_the_greatest_version_not_the_youngest(root: Path) -> None:
    for revision, version in (
        ("HEAD", "v1.9.0"),
        ("HEAD~1", "v1.10.0"),
        ("HEAD~2", "v1.10.0-rc.1"),
    ):
        registration.register(root, "flights", git.resolve(root, revision), FACTS, version)
    tag = registry.find(root, "flights@latest", "flights")
    assert tag is not None
    assert tag.name == "flights@v1.10.0"
    listed = [one.version for one in registry.versions(root)]
    assert listed == ["v1.9.0", "v1.10.0-rc.1", "v1.10.0"]


@pytest.mark.parametrize(
    ("bump", "first", "later"),
    [("patch", "v0.0.1", "v1.2.4"), ("minor", "v0.1.0", "v1.3.0"), ("major", "v1.0.0", "v2.0.0")],
)
def test_a_bump_raises_one_number(
    root: Path, bump: registration.Bump, first: str, later: str
) -> None:
    assert registration.next_version(root, "flights", bump) == first
    registration.register(root, "flights", git.head(root), FACTS, "v1.2.3")
    assert registration.next_version(root, "flights", bump) == later


def test_a_taken_version_and_a_second_version_are_refused(root: Path) -> None:
    registration.register(root, "flights", git.head(root), FACTS, "v1.0.0")
    with pytest.raises(LineageError, match="GTO refused"):
        registration.register(root, "flights", git.head(root), FACTS, "v1.0.1")
    with pytest.raises(LineageError, match="GTO refused"):
        registration.register(root, "flights", git.resolve(root, "HEAD~1"), FACTS, "v1.0.0")


@pytest.mark.parametrize("version", ["1.0.0", "v3", "v1.0", "latest"])
def test_a_version_needs_three_numbers(root: Path, version: str) -> None:
    with pytest.raises(LineageError, match="is not a version"):
        registration.register(root, "flights", git.head(root), FACTS, version)


def test_a_version_that_is_not_there_is_answered_with_those_that_are(root: Path) -> None:
    registration.register(root, "flights", git.head(root), FACTS, "v1.0.0")
    with pytest.raises(LineageError) as caught:
        registry.find(root, "flights@v9.0.0", "flights")
    assert caught.value.expected == "one of v1.0.0"
    with pytest.raises(LineageError, match="was ever put into stage prod"):
        registry.find(root, "flights#prod", "flights")


@pytest.mark.parametrize("reference", ["main", "HEAD~1", "main@{1}", "a@b", "flights#prod#x"])
def test_other_names_are_left_to_git(root: Path, reference: str) -> None:
    assert registry.find(root, reference, "flights") is None


def test_a_numbered_stage_tag_is_found_and_a_missing_number_is_told(root: Path) -> None:
    _promote(root, "HEAD~1")
    _promote(root, "HEAD")
    tag = registry.find(root, "flights#prod#1", "flights")
    assert tag is not None
    assert tag.commit == git.resolve(root, "HEAD~1")
    with pytest.raises(LineageError) as caught:
        registry.find(root, "flights#prod#3", "flights")
    assert caught.value.expected == "one of 1, 2"


def test_a_withdrawn_version_is_refused_with_its_reason_and_its_number_is_not_given_again(
    root: Path,
) -> None:
    _promote(root, "HEAD")
    registration.deregister(root, "flights", "v0.0.1", {"withdrawal": {"reason": "a leak"}})
    with pytest.raises(LineageError, match=r"v0\.0\.1 was withdrawn: a leak"):
        registry.find(root, "flights@v0.0.1", "flights")
    assert registration.next_version(root, "flights", "patch") == "v0.0.2"


def test_a_lightweight_stage_tag_is_the_newest_all_the_same(root: Path) -> None:
    _promote(root, "HEAD")
    git.run(root, "tag", "flights#prod#9", "HEAD~1")
    newest = registry.current(root, "flights", "prod")
    assert newest is not None
    assert (newest.number, newest.tag.is_annotated) == (9, False)


def test_a_project_in_a_subfolder_is_tagged_with_its_path(root: Path) -> None:
    project = root / "teams" / "delays"
    project.mkdir(parents=True)
    name = registry.artifact(project, "flights")
    assert name == "teams/delays:flights"
    tag = registration.register(project, name, git.head(project), FACTS, "v1.0.0")
    assert tag == "teams/delays=flights@v1.0.0"
    assert (
        registration.assign(project, name, "v1.0.0", "prod", FACTS) == "teams/delays=flights#prod#1"
    )
    for reference in ("flights#prod", "teams/delays:flights#prod", "teams/delays=flights@v1.0.0"):
        found = registry.find(project, reference, name)
        assert found is not None
        assert found.commit == git.head(project)
    assert [one["version"] for one in api.show(str(root), name)] == ["v1.0.0"]


def test_a_clone_has_the_same_registry(root: Path) -> None:
    _promote(root, "HEAD")
    git.run(root, "clone", "-q", ".", "../clone")
    assert listing.models(root.parent / "clone") == listing.models(root)
    shutil.rmtree(root.parent / "clone")


def test_a_stage_that_gto_does_not_know_is_refused_in_its_words(root: Path) -> None:
    (root / ".gto").write_text("stages: [dev, prod]\n")
    registration.register(root, "flights", git.head(root), FACTS)
    with pytest.raises(LineageError, match="GTO refused"):
        registration.assign(root, "flights", "v0.0.1", "staging", FACTS)
    with pytest.raises(UsageError, match="cannot name a stage"):
        registration.assign(root, "flights", "v0.0.1", "two words", FACTS)
