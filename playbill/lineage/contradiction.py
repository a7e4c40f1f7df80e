"""What dvc.lock of a commit says that the commit contradicts: then no run of it wrote that."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbill.lineage import git, locked, repro, revision


@dataclass(frozen=True)
class Contradiction:
    """Something in dvc.lock that does not fit the commit.

    Attributes:
        stage: The stage in dvc.lock.
        what: What does not fit, in words.
    """

    stage: str
    what: str


def recorded(root: Path, commit: str) -> dict[str, locked.Locked]:
    """Return the stages of dvc.lock as DVC reads it: YAML 1.1 would take a text `off` for false."""
    return locked.parse({"stages": repro.lock(root, commit)}, root, commit)


def as_dvc_reads(root: Path, commit: str, path: str) -> dict[str, Any]:
    """Return a YAML file of a commit as DVC reads it; empty if it has none."""
    found = repro.parse(git.read_if_any(root, commit, path) or b"", path)
    return found if isinstance(found, dict) else {}


def told_otherwise(stage: locked.Locked, params: Mapping[str, object]) -> Iterator[Contradiction]:
    """Yield the keys of params.yaml that a stage was told otherwise."""
    for key, value in stage.params.items():
        if _at(params, key) != value:
            yield Contradiction(stage.name, f"it was told another `{key}` than params.yaml has")


def not_run(root: Path, commit: str) -> Iterator[Contradiction]:
    """Yield what of a commit was never run: values of params.yaml and the project's own code.

    Git alone is asked, so a clone is enough. `playbill verify` finds the rest.
    """
    params = as_dvc_reads(root, commit, revision.PARAMS)
    for stage in recorded(root, commit).values():
        yield from told_otherwise(stage, params)
        for path, digest in stage.code.items():
            content = git.read_if_any(root, commit, path)
            if content is not None and _md5(content) != digest:
                yield Contradiction(stage.name, f"it ran another {path} than the commit has")


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _at(params: Mapping[str, object], key: str) -> object:
    value: object = params
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
