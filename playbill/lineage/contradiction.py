"""What dvc.lock of a commit says that the commit contradicts: then no run of it wrote that.

The workspace is asked the same: there also whether the outputs are still those that were written.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbill.config.origin import meaning
from playbill.config.params import changed_keys, read_file
from playbill.errors import LineageError
from playbill.lineage import git, locked, repro, revision, store

CONF = "conf"
_NAMED = 5  # keys in a message


@dataclass(frozen=True)
class Contradiction:
    """Something in dvc.lock that does not fit the commit.

    Attributes:
        stage: The stage in dvc.lock.
        what: What does not fit, in words.
    """

    stage: str
    what: str


def recorded(root: Path, commit: str | None) -> dict[str, locked.Locked]:
    """Return the stages of dvc.lock as DVC reads it: YAML 1.1 would take a text `off` for false."""
    return locked.parse({"stages": repro.lock(root, commit)}, root, commit)


def as_dvc_reads(root: Path, commit: str | None, path: str) -> dict[str, Any]:
    """Return a YAML file of a commit (None: of the workspace) as DVC reads it; else empty."""
    found = repro.parse(revision.read_text(root, commit, path) or b"", path)
    return found if isinstance(found, dict) else {}


def told_otherwise(stage: locked.Locked, params: Mapping[str, object]) -> Iterator[Contradiction]:
    """Yield the keys of params.yaml that a stage was told otherwise."""
    for key, value in stage.params.items():
        if _at(params, key) != value:
            yield Contradiction(stage.name, f"it was told another `{key}` than params.yaml has")


def refuse_not_run(root: Path, commit: str | None) -> None:
    """Refuse a bundle that came from other values or other code than its commit holds.

    Args:
        root: The project.
        commit: The commit; None: the workspace, whose outputs must be those of its last run too.

    Raises:
        LineageError: It did; the text names the first stage, what does not fit and how to mend it.
    """
    found = list(not_run(root, commit))
    if commit is None:
        found += _changed_outputs(root)
    if not found:
        return
    others = f", and {len(found) - 1} more" if len(found) > 1 else ""
    raise LineageError(
        f"the bundle of {revision.name(commit)} is not of that commit"
        if commit
        else "the workspace was not run as it stands",
        where=f"{revision.LOCK}, stage {found[0].stage}: {found[0].what}{others}",
        expected="a commit with what its own `dvc repro` wrote"
        if commit
        else "what `dvc repro` wrote from this conf/ and this code",
        run="dvc repro && git add dvc.lock params.yaml models && git commit"
        if commit
        else "dvc repro, then the same again",
    )


def not_run(root: Path, commit: str | None) -> Iterator[Contradiction]:
    """Yield what of a commit was never run: conf/, values of params.yaml, the project's own code.

    Git alone is asked, so a clone is enough. `playbill verify` finds the rest. Of the workspace
    (None) conf/ is composed and the files are read.
    """
    yield from _not_composed(root) if commit is None else _not_compiled(root, commit)
    told = as_dvc_reads(root, commit, revision.PARAMS)
    stages = recorded(root, commit)
    written = {path: digest for stage in stages.values() for path, digest in stage.outs.items()}
    for stage in stages.values():
        for path, digest in stage.deps.items():
            if path in written and written[path] != digest:
                yield Contradiction(stage.name, f"it read another {path} than dvc.lock has")
        yield from told_otherwise(stage, told)
        for path, digest in stage.code.items():
            content = revision.read_text(root, commit, path)
            if content is not None and _md5(content) != digest:
                which = "the workspace" if commit is None else "the commit"
                yield Contradiction(stage.name, f"it ran another {path} than {which} has")


def _not_composed(root: Path) -> Iterator[Contradiction]:
    """Yield the keys of which conf/ says otherwise than the workspace's params.yaml.

    One that `compose` did not write, as DVC's own for an experiment, was compiled from nothing.
    """
    from playbill.config.compilation import ADDED
    from playbill.config.composition import compose

    found = read_file(root)
    if found is None or not found.declared:
        return
    mine = {key: value for key, value in found.values.items() if key != ADDED}
    if keys := list(changed_keys(mine, compose(root).values)):
        named = ", ".join(f"`{key}`" for key in keys[:_NAMED])
        named += f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
        yield Contradiction(
            "compose", f"conf/ has another {named} than params.yaml was compiled with"
        )


def _changed_outputs(root: Path) -> Iterator[Contradiction]:
    """Yield the outputs of which the workspace has other bytes than the last run wrote."""
    with store.opened(root) as repo:
        finder = repro.Finder(repo, root)
        for path, found in store.outputs(root).items():
            if (root / path).exists() and finder.digest(path) != found.digest:
                yield Contradiction(found.stage, f"{path} is not what it wrote any more")


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
