"""Where a model's bundle is: the workspace's own, or that of a tag, branch, commit, experiment."""

from dataclasses import dataclass
from pathlib import Path

from playbill.errors import LineageError
from playbill.lineage import git, registry, revision, store

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Located:
    """A bundle's folder and how it was chosen."""

    path: Path
    source: str
    """`flights#prod#3`, `workspace`, or the revision as the user named it."""
    commit: str | None
    """None for the workspace's bundle."""


def locate(root: Path, ref: str | None = None) -> Path:
    """Return the folder of a bundle; see `find`."""
    return find(root, ref).path


def find(root: Path, ref: str | None = None) -> Located:
    """Find a bundle, fetch it from DVC's cache or remote if need be, and say how it was chosen.

    Args:
        root: The project's root.
        ref: `flights@v1.2.0`, `flights@latest`, `flights#prod`, a branch, tag, commit or DVC
            experiment. None: the production tag of this project's model, else the bundle in the
            workspace, else the one in dvc.lock of HEAD.

    Raises:
        LineageError: The revision or its bundle cannot be had; or production was emptied, in which
            case nothing steps in by itself.
    """
    if ref is not None:
        return at_commit(root, commit_of(root, ref), ref)
    name = revision.model_name(root)
    in_git = git.is_repository(root)
    if in_git and registry.current(root, registry.artifact(root, name), registry.PRODUCTION):
        tag = registry.find(root, f"{name}#{registry.PRODUCTION}", registry.artifact(root, name))
        if tag is not None:
            return at_commit(root, tag.commit, tag.name)
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
    """Return the commit that a registry name, branch, tag, commit or experiment means."""
    name = revision.model_name(root)
    tag = registry.find(root, ref, registry.artifact(root, name)) if _may_be_tag(ref) else None
    return tag.commit if tag else git.resolve(root, ref)


def at_commit(root: Path, commit: str, source: str) -> Located:
    """Return the bundle that dvc.lock of a commit names, fetched if need be."""
    return Located(store.materialise(root, path(root, commit), commit), source, commit)


def path(root: Path, commit: str | None = None) -> str:
    """Return the bundle's path in the project, from params.yaml of that revision."""
    pipeline = revision.params(root, commit).get("pipeline")
    declared = pipeline.get("model") if isinstance(pipeline, dict) else None
    return str(declared or f"models/{revision.model_name(root, commit)}/bundle")


def _may_be_tag(ref: str) -> bool:
    return "#" in ref or "@" in ref
