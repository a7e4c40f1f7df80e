"""Where a model's bundle is: the workspace's own, or that of a tag, branch, commit, experiment."""

from dataclasses import dataclass, replace
from pathlib import Path

from playbill.errors import LineageError
from playbill.lineage import (
    evidence,
    git,
    gittag,
    manifest,
    registry,
    revision,
    store,
    tagname,
    upstream,
)

MANIFEST = manifest.FILE
path = manifest.path


@dataclass(frozen=True)
class Located:
    """A bundle's folder and how it was chosen."""

    path: Path
    source: str
    """`flights#prod#3`, `workspace`, or the revision as the user named it."""
    commit: str | None
    """None for the workspace's bundle."""
    version: str | None = None
    """The registered version that a tag or stage means."""


def locate(root: Path, ref: str | None = None) -> Path:
    """Return the folder of a bundle; see `find`."""
    return find(root, ref).path


def find(root: Path, ref: str | None = None) -> Located:
    """Find a bundle, fetch it from DVC's cache or remote if need be, and say how it was chosen.

    What a registry tag says is checked first, and the bundle is compared with what it names.

    Args:
        root: The project's root.
        ref: `flights@v1.2.0`, `flights@latest`, `flights#prod`, `flights#prod#3`, a branch, tag,
            commit or DVC experiment. None: the production tag of this project's model, else the
            bundle in the workspace, else the one in dvc.lock of HEAD.

    Raises:
        LineageError: The revision or its bundle cannot be had, or its tag is not believed; or
            production was emptied. In no case does anything step in by itself.
    """
    if ref is not None:
        tag = _tag(root, ref)
        if tag:
            return _by_tag(root, tag, ref)
        commit = git.resolve(root, ref)
        _refuse_withdrawn(root, commit, ref)
        return at_commit(root, commit, ref)
    name = revision.model_name(root)
    in_git = git.is_repository(root)
    if in_git and registry.current(root, registry.artifact(root, name), registry.PRODUCTION):
        tag = registry.find(root, f"{name}#{registry.PRODUCTION}", registry.artifact(root, name))
        if tag is not None:
            return _by_tag(root, tag, tag.name)
    own = root / path(root)
    if (own / MANIFEST).is_file():
        return Located(own, "workspace", None)
    if in_git:
        return at_commit(root, git.head(root), "HEAD")
    raise LineageError(
        f"there is no bundle in {path(root)}",
        where=str(root),
        expected=f"a bundle with its {MANIFEST}",
        run="dvc repro",
    )


def commit_of(root: Path, ref: str) -> str:
    """Return the commit that a registry name, branch, tag, commit or experiment means.

    Nothing that a tag says is checked: what is compared or looked at need not be trusted.
    """
    tag = _tag(root, ref)
    return tag.commit if tag else git.resolve(root, ref)


def at_commit(root: Path, commit: str, source: str) -> Located:
    """Return the bundle that dvc.lock of a commit names, fetched if need be."""
    return Located(store.materialise(root, path(root, commit), commit), source, commit)


def _refuse_withdrawn(root: Path, commit: str, ref: str) -> None:
    """Refuse a commit whose versions were all withdrawn: another name does not bring it back."""
    gone = [one for one in registry.versions(root, withdrawn=True) if one.tag.commit == commit]
    if gone and all(one.tag.commit != commit for one in registry.versions(root)):
        back = registry.withdrawal(root, gone[-1].artifact, gone[-1].version)
        raise LineageError(
            f"{ref} is commit {commit[:12]}, which was withdrawn as {gone[-1].version}: "
            f"{registry.reason(back) if back else 'no reason given'}",
            where=back.name if back else gone[-1].tag.name,
            expected="a version that was not withdrawn",
            run="playbill models",
        )
    _refuse_withdrawn_model(root, commit, ref)


def _refuse_withdrawn_model(root: Path, commit: str, ref: str) -> None:
    """Refuse a commit with the very model of a version that was withdrawn."""
    if not registry.versions(root, withdrawn=True):
        return
    of = registry.artifact(root, revision.model_name(root, commit))
    digest = manifest.stated_digest(root, commit)
    if same := registry.withdrawn_model(root, of, digest):
        back = registry.withdrawal(root, of, same.version)
        raise LineageError(
            f"the model of {ref} is that of {same.version}, which was withdrawn: "
            f"{registry.reason(back) if back else 'no reason given'}",
            where=same.tag.name,
            expected="a model that was not withdrawn",
            run="playbill models",
        )


def _by_tag(root: Path, tag: gittag.Tag, source: str) -> Located:
    if not git.has_commit(root, tag.commit):
        raise LineageError(
            f"this clone has the tag {tag.name} and not its commit {tag.commit[:12]}",
            where="a shallow clone" if git.is_shallow(root) else str(root),
            run=upstream.fetch_line(root, tag.name),
        )
    evidence.verify(root, tag)
    found = at_commit(root, tag.commit, source)
    return replace(found, version=_version(root, tag))


def _version(root: Path, tag: gittag.Tag) -> str | None:
    """Return the version that a tag is, or that its stage was given: the newest of its commit."""
    place = tagname.place_of(tag.name)
    if place is None:
        return None
    if place.version:
        return place.version
    known = registry.versions(root, place.artifact)
    return next((one.version for one in reversed(known) if one.tag.commit == tag.commit), None)


def _tag(root: Path, ref: str) -> gittag.Tag | None:
    if "#" not in ref and "@" not in ref:
        return None
    return registry.find(root, ref, registry.artifact(root, revision.model_name(root)))
