"""Where a revision's bundle is, and the digest by which its manifest names the model."""

import json
from pathlib import Path
from typing import Any

from playbill.errors import LineageError
from playbill.lineage import revision, store

FILE = "manifest.json"
METRICS = "model/metrics.json"


def path(root: Path, commit: str | None = None) -> str:
    """Return the bundle's path in the project, from params.yaml of that revision."""
    pipeline = revision.params(root, commit).get("pipeline")
    declared = pipeline.get("model") if isinstance(pipeline, dict) else None
    return str(declared or f"models/{revision.model_name(root, commit)}/bundle")


def model_digest(root: Path, commit: str) -> str | None:
    """Return what the manifest of a commit's bundle calls its model layer; None if it has no name.

    The bundle is fetched if need be, every byte of it compared with what dvc.lock has.

    Raises:
        LineageError: The bundle cannot be had, or has no readable manifest.
    """
    return _digest(commit, store.materialise(root, path(root, commit), commit) / FILE)


def stated_digest(root: Path, commit: str) -> str | None:
    """Return the same from the manifest alone; no other file of the bundle is fetched.

    Raises:
        LineageError: The manifest cannot be had, is damaged or cannot be read.
    """
    return _digest(commit, store.obtain(root, f"{path(root, commit)}/{FILE}", commit))


def own_metrics(root: Path, commit: str) -> dict[str, Any] | None:
    """Return the metrics that a bundle carries itself; None if it carries none.

    Raises:
        LineageError: The bundle cannot be had.
    """
    folder = path(root, commit)
    if METRICS not in store.members(root, folder, commit):
        return None
    try:
        found = json.loads(store.obtain(root, f"{folder}/{METRICS}", commit).read_bytes())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _digest(commit: str, file: Path) -> str | None:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise LineageError(
            f"the bundle of {revision.name(commit)} has no readable {FILE}",
            expected="a bundle that the stage `package` wrote",
            run="dvc repro",
        ) from error
    digest = found.get("model_digest") if isinstance(found, dict) else None
    return str(digest) if digest else None
