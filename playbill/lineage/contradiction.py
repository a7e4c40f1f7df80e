"""What dvc.lock of a commit says that the commit contradicts: then no run of it wrote that."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbill.config.origin import meaning
from playbill.lineage import git, locked, repro, revision

CONF = "conf"


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
    """Yield what of a commit was never run: conf/, values of params.yaml, the project's own code.

    Git alone is asked, so a clone is enough. `playbill verify` finds the rest.
    """
    yield from _not_compiled(root, commit)
    params = as_dvc_reads(root, commit, revision.PARAMS)
    for stage in recorded(root, commit).values():
        yield from told_otherwise(stage, params)
        for path, digest in stage.code.items():
            content = git.read_if_any(root, commit, path)
            if content is not None and _md5(content) != digest:
                yield Contradiction(stage.name, f"it ran another {path} than the commit has")


def _not_compiled(root: Path, commit: str) -> Iterator[Contradiction]:
    """Yield conf/ if it says otherwise than where params.yaml was last written.

    Whatever conf/ says is in the digest of params.yaml's first line, so a compiled edit, but for
    one of comments, writes that file too.
    """
    found = git.call(root, ["log", "-1", "--format=%H", commit, "--", revision.PARAMS])
    written = git.line(found.stdout)
    if not written or git.blob(root, written, CONF) == git.blob(root, commit, CONF):
        return
    if _meaning(root, written) != _meaning(root, commit):
        yield Contradiction("compose", "conf/ says otherwise than params.yaml was compiled from")


def _meaning(root: Path, commit: str) -> str:
    """Return what conf/ of a commit says, comments and places left out."""
    with tempfile.TemporaryDirectory(prefix="playbill-") as scratch:
        for path in git.blobs(root, commit, [f"{CONF}/"], suffix=".yaml"):
            place = Path(scratch, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(git.read(root, commit, path))
        return meaning(Path(scratch, CONF))


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _at(params: Mapping[str, object], key: str) -> object:
    value: object = params
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
