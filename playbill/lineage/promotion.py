"""Promotion: check that a revision can be served later, write down the evidence, tag it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playbill.errors import LineageError
from playbill.lineage import bundle, git, registry, revision, store, worktree

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Promotion:
    """What `promote` did."""

    artifact: str
    version: str
    stage: str
    commit: str
    tags: tuple[str, ...]
    """The tags that are new: the version's, unless it was registered before, and the stage's."""
    facts: dict[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wish:
    """What the user asked for: a stage, and which version the revision is to become."""

    stage: str
    version: str | None = None
    bump: registry.Bump | None = None
    allow_unpushed: bool = False


def promote(root: Path, ref: str, wish: Wish) -> Promotion:
    """Register the model of a revision, unless it is, and put it into a stage.

    Raises:
        LineageError: The revision has no bundle, its metrics are not what dvc.lock recorded, the
            workspace holds results that were not committed, the DVC remote lacks the bundle, or
            the version or the stage is taken.
    """
    if wish.version and wish.bump:
        raise LineageError("a version and a bump were both given", expected="one of them")
    registry.check_stage(wish.stage)
    if git.is_shallow(root):
        raise LineageError(
            "a shallow clone may lack tags, so the next version cannot be known",
            expected="a clone with its history",
            run="git fetch --unshallow --tags",
        )
    commit = bundle.commit_of(root, ref)
    name = revision.model_name(root, commit)
    artifact = registry.artifact(root, name)
    git.identity(root)
    if commit == git.head(root):
        _refuse_uncommitted(root, name)
    found = store.output(root, bundle.path(root, commit), commit)
    notes = _check_pushed(root, found, commit, allow=wish.allow_unpushed)
    facts = gather(root, commit)
    known = _registered(root, artifact, commit, wish)
    _refuse_repetition(root, artifact, commit, wish.stage)
    new: list[str] = []
    if known is None:
        known = wish.version or registry.next_version(root, artifact, wish.bump or "patch")
        new.append(registry.register(root, artifact, commit, facts, known))
    new.append(registry.assign(root, artifact, known, wish.stage, facts))
    return Promotion(artifact, known, wish.stage, commit, tuple(new), facts, notes)


def as_dict(done: Promotion, *, pushed: bool) -> dict[str, Any]:
    """Return a promotion as plain values for JSON."""
    return {"format_version": FORMAT_VERSION, **asdict(done), "pushed": pushed}


def push_target(root: Path) -> str:
    """Return the Git remote to name in a `git push` line; `origin` where none is configured."""
    try:
        return git.remote(root)
    except LineageError:
        return "origin"


def gather(root: Path, commit: str) -> dict[str, Any]:
    """Return the evidence of a commit: digests of model and data, and its metrics.

    Raises:
        LineageError: A metrics file is not the one that dvc.lock recorded.
    """
    name = revision.model_name(root, commit)
    recorded = store.outputs(root, commit)
    found = store.output(root, bundle.path(root, commit), commit)
    facts: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "model": name,
        "commit": commit,
        "bundle": found.digest,
        "data": {p: out.digest for p, out in sorted(recorded.items()) if p.startswith("data/")},
        "metrics": _metrics(root, commit, f"models/{name}/evaluation/metrics.json", recorded),
    }
    if digest := _model_digest(root, found.path, commit):
        facts["model_digest"] = digest
    return facts


def _metrics(
    root: Path, commit: str, path: str, recorded: dict[str, store.Output]
) -> dict[str, Any]:
    content = git.read_if_any(root, commit, path)
    if content is None:
        return {}
    if path in recorded:
        actual = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if actual != recorded[path].digest:
            raise LineageError(
                f"{path} of {revision.name(commit)} is not the file that the pipeline wrote",
                expected=f"the md5 {recorded[path].digest} that dvc.lock has, found {actual}",
                run="dvc repro && git add models dvc.lock && git commit",
            )
    found = revision.read_json(root, commit, path)
    return found if isinstance(found, dict) else {}


def _model_digest(root: Path, path: str, commit: str) -> str | None:
    manifest = store.materialise(root, path, commit) / bundle.MANIFEST
    try:
        found = json.loads(manifest.read_bytes())
    except (OSError, ValueError) as error:
        raise LineageError(
            f"the bundle of {revision.name(commit)} has no readable {bundle.MANIFEST}",
            expected="a bundle that the stage `package` wrote",
            run="dvc repro",
        ) from error
    digest = found.get("model_digest") if isinstance(found, dict) else None
    return str(digest) if digest else None


def _refuse_uncommitted(root: Path, name: str) -> None:
    watched = [revision.LOCK, revision.PARAMS, "dvc.yaml", f"models/{name}"]
    present = [path for path in watched if (root / path).exists()]
    if files := worktree.changed(root, present):
        raise LineageError(
            f"the workspace holds results that are not committed: {', '.join(files[:5])}",
            expected="a commit that holds what is promoted",
            run="dvc repro && git add dvc.lock params.yaml models && git commit",
        )


def _check_pushed(root: Path, found: store.Output, commit: str, *, allow: bool) -> tuple[str, ...]:
    missing = store.missing_in_remote(root, found.path, commit)
    if missing is None:
        return ("no DVC remote is configured: only this clone's cache has the bundle",)
    if not missing:
        return ()
    if allow:
        return ("the DVC remote does not have the bundle: nobody else can serve it yet",)
    raise LineageError(
        f"the DVC remote does not have {found.path} of {revision.name(commit)}",
        where=f"{len(missing)} objects, such as {missing[0]}",
        expected="a bundle that every clone can fetch",
        run="dvc push, then the same again; or --allow-unpushed",
    )


def _registered(root: Path, artifact: str, commit: str, wish: Wish) -> str | None:
    for one in registry.versions(root, artifact):
        if one.tag.commit == commit:
            if wish.version not in (None, one.version):
                raise LineageError(
                    f"{revision.name(commit)} is registered as {one.version} already",
                    expected=f"no --version, or --version {one.version}",
                )
            return one.version
        if one.version == wish.version:
            raise LineageError(
                f"{artifact} {wish.version} is registered already, for {one.tag.commit[:12]}",
                expected="a version that is free; a registered one never moves",
                run="playbill models",
            )
    return None


def _refuse_repetition(root: Path, artifact: str, commit: str, stage: str) -> None:
    now = registry.current(root, artifact, stage)
    if now and now.active and now.tag.commit == commit:
        raise LineageError(
            f"{revision.name(commit)} is in stage {stage} already, by {now.tag.name}",
            expected="a revision that is not",
            run="playbill models",
        )
