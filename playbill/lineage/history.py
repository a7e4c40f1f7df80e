"""The past of a project, read from Git alone: which runs were committed, and what names them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from playbill.errors import LineageError, UsageError
from playbill.lineage import attestation, bundle, git, locked, revision

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Named:
    """A name that Git has for a commit: a tag, branch, remote branch or experiment."""

    kind: str
    name: str
    commit: str


@dataclass(frozen=True)
class Trained:
    """A model that learned from rows of a source.

    Attributes:
        model: Its name.
        bundle: The digest of its bundle in dvc.lock.
        window: First day, and the first that is no longer part; None: the source knows no window.
        share: `all` of the window that was asked for, or `part` of it.
        snapshots: The digest of each folder or file that the sources were brought into.
        commits: The commits that recorded this run, the oldest first.
        names: Tags, branches and experiments whose dvc.lock holds it.
    """

    model: str
    bundle: str
    window: tuple[str, str] | None
    share: str
    snapshots: dict[str, str]
    commits: tuple[str, ...]
    names: tuple[Named, ...]


def names(root: Path) -> list[Named]:
    """Return every tag, branch, remote branch and experiment, but the tags of attestations."""
    form = "--format=%(refname)%09%(*objectname)%09%(objectname)"
    out = git.run(
        root, "for-each-ref", form, "refs/tags", "refs/heads", "refs/remotes", "refs/exps"
    )
    found = []
    for line in out.decode(errors="replace").splitlines():
        reference, peeled, own = line.split("\t")
        _, kind, name = reference.split("/", 2)
        if kind == "exps":
            name = name.rpartition("/")[2]
        is_ours = kind == "tags" and name.startswith(f"{attestation.TAGS}/")
        if not is_ours and not name.endswith("/HEAD") and name not in ("stash", "EXEC_HEAD"):
            found.append(Named(_KINDS[kind], name, peeled or own))
    return found


_KINDS = {"tags": "tag", "heads": "branch", "remotes": "remote branch", "exps": "experiment"}


def runs(root: Path) -> list[tuple[str, str]]:
    """Return each commit that changed dvc.lock and the blob of its dvc.lock, the oldest first."""
    git.head(root)
    out = git.run(root, "rev-list", "--all", "HEAD", "--reverse", "--", revision.LOCK)
    return blobs(root, out.decode().split())


def blobs(root: Path, commits: list[str]) -> list[tuple[str, str]]:
    """Return the blob of dvc.lock in each commit that has one."""
    path = "/".join(filter(None, (git.prefix(root), revision.LOCK)))
    words = "".join(f"{commit}:{path}\n" for commit in commits)
    out = git.call(root, ["cat-file", "--batch-check=%(objectname)"], words.encode()).stdout
    answers = out.decode(errors="replace").splitlines()
    pairs = zip(commits, answers, strict=True)
    return [(commit, answer) for commit, answer in pairs if not answer.endswith("missing")]


def trained_on(
    root: Path, source: str, window: tuple[date, date] | None, say: Progress | None = None
) -> list[Trained]:
    """Return every committed model that learned from rows of a source, the oldest first.

    Args:
        root: The project.
        source: The source's name in conf/source.
        window: First day and the first day no longer of interest; None: any.
        say: Called with how many runs are done and how many there are.

    Raises:
        UsageError: No committed run ever had a source of that name.
    """
    commits = runs(root)
    named = _names_by_blob(root)
    first: dict[str, str] = {}
    for commit, blob in commits:
        first.setdefault(blob, commit)
    found: dict[tuple[str, ...], Trained] = {}
    known: set[str] = set()
    for number, (blob, commit) in enumerate(first.items()):
        if say:
            say(number, len(first))
        run = _run(root, commit)
        known |= set(run.sources) if run else set()
        one = _match(run, source, window) if run else None
        if one is None:
            continue
        mine = tuple(c for c, b in commits if b == blob)
        merged = found.setdefault((one.model, one.bundle, str(one.window)), one)
        found[one.model, one.bundle, str(one.window)] = Trained(
            one.model, one.bundle, one.window, one.share, one.snapshots,
            (*merged.commits, *mine), (*merged.names, *named.get(blob, ())),
        )  # fmt: skip
    if not found and source not in known:
        raise UsageError(
            f"no committed run has a source `{source}`",
            where="conf/source of every revision of this clone",
            expected=f"one of {', '.join(sorted(known))}" if known else "a run with sources",
            run="git fetch --unshallow --tags" if git.is_shallow(root) else "",
        )
    return list(found.values())


@dataclass(frozen=True)
class _Run:
    model: str
    bundle: str
    sources: dict[str, Any]
    window: dict[str, Any]
    snapshots: dict[str, str]


def _run(root: Path, commit: str) -> _Run | None:
    """Return what a commit's run learned from; None if it had no source or cannot be read."""
    try:
        found = locked.stages(root, commit)
        model, path = revision.model_name(root, commit), bundle.path(root, commit)
    except (LineageError, yaml.YAMLError):
        return None
    told = next((s for s in found.values() if locked.brings_in(s, found)), None)
    if told is None or not isinstance(told.params["source"], dict):
        return None
    digest = next((s.outs[path] for s in found.values() if path in s.outs), "")
    source = told.params["source"]
    return _Run(
        model, digest, source.get("sources") or {}, source.get("window") or {}, dict(told.outs)
    )


def _match(run: _Run, source: str, window: tuple[date, date] | None) -> Trained | None:
    declared = run.sources.get(source)
    if not isinstance(declared, dict):
        return None
    start, end = str(run.window.get("start", "")), str(run.window.get("end", ""))
    share = "all"
    if not is_windowed(declared):
        return Trained(run.model, run.bundle, None, share, run.snapshots, (), ())
    if window is not None:
        asked = (window[0].isoformat(), window[1].isoformat())  # ISO days sort as text
        if end <= asked[0] or start >= asked[1]:
            return None
        share = "all" if start <= asked[0] and end >= asked[1] else "part"
    return Trained(run.model, run.bundle, (start, end), share, run.snapshots, (), ())


def is_windowed(declared: dict[str, Any]) -> bool:
    """Say whether a source's config picks rows by the window."""
    if declared.get("kind") == "file":
        return declared.get("time") is not None
    if declared.get("kind") in {"sql", "rest", "html"}:
        said = (declared.get(key) for key in ("query", "url", "parameters"))
        return any(mark in str(text) for text in said for mark in (":start", "{start}"))
    return bool(declared.get("windowed", True))


def _names_by_blob(root: Path) -> dict[str, list[Named]]:
    listed = names(root)
    blob_of = dict(blobs(root, sorted({one.commit for one in listed})))
    found: dict[str, list[Named]] = {}
    for one in listed:
        if one.commit in blob_of:
            found.setdefault(blob_of[one.commit], []).append(one)
    return found


def holders(root: Path, digest: str, path: str) -> Iterator[str]:
    """Yield the commits whose dvc.lock records an output with this digest, the newest first."""
    for commit, _ in reversed(runs(root)):
        content = git.read_if_any(root, commit, revision.LOCK) or b""
        if digest.encode() in content:
            found = locked.stages(root, commit)
            if any(stage.outs.get(path) == digest for stage in found.values()):
                yield commit
