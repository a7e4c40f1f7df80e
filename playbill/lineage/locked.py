"""The stages of a revision as dvc.lock records them: what each read, wrote and was told."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbill.config import keydigest
from playbill.errors import LineageError
from playbill.lineage import recall, revision

Digests = Mapping[str, str]


@dataclass(frozen=True)
class Locked:
    """One stage as it ran.

    Attributes:
        name: Its name in dvc.yaml.
        command: What DVC ran.
        deps: The digest of each path that it read; MD5, with `.dir` behind it for a folder.
        outs: The same of what it wrote.
        params: The values of params.yaml that it depends on, by dotted key; the digest of one that
            no params.yaml here has any more.
    """

    name: str
    command: str
    deps: Digests
    outs: Digests
    params: Mapping[str, Any]

    @property
    def code(self) -> dict[str, str]:
        """The project's Python files that it reads."""
        return {path: digest for path, digest in self.deps.items() if path.endswith(".py")}


def stages(root: Path, commit: str | None) -> dict[str, Locked]:
    """Return the stages of dvc.lock of a commit (None: of the workspace), in the order of the flow.

    Raises:
        LineageError: There is no dvc.lock, or it is damaged.
    """
    found = revision.read_yaml(root, commit, revision.LOCK)
    if found is None:
        raise LineageError(
            f"{revision.LOCK} of {revision.name(commit)} is missing: no pipeline ran there",
            expected="a revision in which `dvc repro` ran and dvc.lock was committed",
            run="dvc repro && git add dvc.lock && git commit",
        )
    try:
        return in_order(parse(found, root, commit))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LineageError(
            f"{revision.LOCK} of {revision.name(commit)} is damaged",
            expected="the file as DVC 3 writes it",
            run=f"git log --oneline -- {revision.LOCK}",
        ) from error


def parse(lock: Mapping[str, Any], root: Path, commit: str | None) -> dict[str, Locked]:
    """Return the stages of a parsed dvc.lock of a commit, in its own order."""
    told = {
        str(name): {str(key): str(digest) for key, digest in recorded(entry).items()}
        for name, entry in (lock.get("stages") or {}).items()
    }
    values = recall.recall(root, commit, {pair for each in told.values() for pair in each.items()})
    return {
        str(name): Locked(
            name=str(name),
            command=str(entry["cmd"]),
            deps=_digests(entry.get("deps") or []),
            outs=_digests(entry.get("outs") or []),
            # A dvc.lock from before there were digests has the values themselves.
            params={
                **((entry.get("params") or {}).get(revision.PARAMS) or {}),
                **{keydigest.key(key): values.get((key, d), d) for key, d in told[name].items()},
            },
        )
        for name, entry in (lock.get("stages") or {}).items()
    }


def recorded(stage: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the digests that a stage of dvc.lock, or of the run cache, has of its keys."""
    return (stage.get("params") or {}).get(keydigest.FILE) or {}


def in_order(found: Mapping[str, Locked]) -> dict[str, Locked]:
    """Return stages so that each follows those whose outputs it reads.

    Raises:
        ValueError: They read each other in a circle.
    """
    left, sorted_ = dict(found), dict[str, Locked]()
    while left:
        ready = next((n for n in left if not (above(left[n], found) & set(left) - {n})), None)
        if ready is None:
            raise ValueError(f"a circle of {', '.join(left)}")
        sorted_[ready] = left.pop(ready)
    return sorted_


def above(stage: Locked, found: Mapping[str, Locked]) -> set[str]:
    """Return the names of the stages whose outputs a stage reads."""
    return {
        other.name
        for other in found.values()
        if other.name != stage.name and any(within(d, o) for d in stage.deps for o in other.outs)
    }


def within(path: str, other: str) -> bool:
    """Say whether one of two paths is the other, or lies in it."""
    return path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/")


def brings_in(stage: Locked, found: Mapping[str, Locked]) -> bool:
    """Say whether a stage brings the outside in: it reads `source` and no other stage's output.

    Such a stage (`ingest`) is the only one that need not give the same bytes tomorrow.
    """
    return "source" in stage.params and not above(stage, found)


def _digests(entries: list[Mapping[str, Any]]) -> dict[str, str]:
    return {str(each["path"]): str(each.get("md5") or each.get("etag") or "") for each in entries}
