"""Runs every stage of a revision again and compares what it writes, digest by digest."""

import hashlib
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playbill.errors import LineageError
from playbill.lineage import git, locked, repro, revision, store
from playbill.pipeline.verification.room import Room, Say

State = Literal["same", "differs", "failed", "brought in", "not run"]
IN_GIT = "in Git"
_RUNNING = re.compile(r"^Running stage '(?P<name>[^']+)'")
_LAST_LINES = 12


@dataclass(frozen=True)
class Changed:
    """An output that is not what was recorded.

    Attributes:
        path: Its path.
        recorded: The digest in dvc.lock, or `in Git` for a file that Git alone has.
        now: The digest of what was written now; empty: nothing was written.
    """

    path: str
    recorded: str
    now: str


@dataclass(frozen=True)
class Outcome:
    """What became of one stage.

    Attributes:
        stage: Its name.
        state: same: every byte; differs; failed; brought in: its outputs were fetched, their
            digests checked; not run: a stage before it failed.
        outputs: How many outputs it has.
        changed: Those that differ.
        said: The last lines of a stage that failed.
    """

    stage: str
    state: State
    outputs: int
    changed: tuple[Changed, ...] = ()
    said: str = ""


@dataclass(frozen=True)
class Contradiction:
    """Something in dvc.lock that the commit itself contradicts: no run wrote this.

    Attributes:
        stage: The stage in dvc.lock.
        what: What does not fit, in words.
    """

    stage: str
    what: str


def run_again(room: Room, say: Say, *, from_source: bool = False) -> list[Outcome]:
    """Run the stages again, without DVC's run cache, and compare each with dvc.lock.

    Returns:
        What became of each stage, in the order of the flow.
    """
    before = locked.stages(room.root, None)
    wanted = [
        stage.name
        for stage in before.values()
        if from_source or not locked.brings_in(stage, before)
    ]
    # `compose` writes what the others are told; nothing else says that it comes first.
    wanted.sort(key=lambda name: revision.PARAMS not in before[name].outs)
    said = _repro(room, wanted, say)
    after = locked.stages(room.root, None)
    loose = _changed_in_git(room)
    done = [name for name in wanted if said.finished(name)]
    return [_outcome(stage, after, wanted, done, loose, said) for stage in before.values()]


@dataclass(frozen=True)
class _Said:
    """What DVC said: the stages that it started, whether the last failed, and its words."""

    started: tuple[str, ...]
    failed: bool
    words: str

    def finished(self, name: str) -> bool:
        """Say whether a stage ran to its end."""
        return name in (self.started[:-1] if self.failed else self.started)


def _repro(room: Room, names: Sequence[str], say: Say) -> _Said:
    words = [str(room.python), "-m", "dvc", "repro", "--single-item", "--force",
             "--no-run-cache", "--no-commit", *names]  # fmt: skip
    started: list[str] = []
    lines: list[str] = []
    with subprocess.Popen(  # noqa: S603 - the arguments are built here
        words,
        cwd=room.root,
        env=room.variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if match := _RUNNING.match(line):
                started.append(match["name"])
                say(f"running {match['name']}, stage {len(started)} of {len(names)}")
    failed = process.returncode != 0
    if failed and not started:
        raise LineageError(
            f"DVC could not start: {lines[-1] if lines else 'no message'}",
            where=" ".join(words[1:4]),
            expected="a revision whose dvc.yaml and dvc.lock DVC reads",
        )
    last = "\n".join(line for line in lines if line.strip()).split("Running stage")[-1]
    return _Said(tuple(started), failed, "\n".join(last.splitlines()[1:][-_LAST_LINES:]))


def _outcome(
    stage: locked.Locked,
    after: Mapping[str, locked.Locked],
    wanted: Sequence[str],
    done: Sequence[str],
    loose: Mapping[str, str],
    said: _Said,
) -> Outcome:
    if stage.name not in wanted:
        return Outcome(stage.name, "brought in", len(stage.outs))
    if stage.name not in done:
        is_last = said.failed and stage.name == said.started[-1]
        state: State = "failed" if is_last else "not run"
        return Outcome(stage.name, state, len(stage.outs), said=said.words if is_last else "")
    now = after[stage.name].outs if stage.name in after else {}
    changed = [
        Changed(path, digest, now.get(path, ""))
        for path, digest in stage.outs.items()
        if now.get(path) != digest
    ]
    known = {each.path for each in changed}
    changed += [
        Changed(path, IN_GIT, digest)
        for path, digest in loose.items()
        if not any(locked.within(path, other) for other in known) and _belongs(path, stage)
    ]
    return Outcome(stage.name, "differs" if changed else "same", len(stage.outs), tuple(changed))


def _belongs(path: str, stage: locked.Locked) -> bool:
    own = [*stage.outs, *(["dvc.yaml"] if revision.PARAMS in stage.outs else [])]
    return any(locked.within(path, out) for out in own)


def _changed_in_git(room: Room) -> dict[str, str]:
    """Return the tracked files that are not as committed, with their MD5; not dvc.lock itself."""
    out = git.run(room.root, "diff", "--name-only", "--relative", "-z", "HEAD", "--", ".")
    names = [name for name in out.decode(errors="surrogateescape").split("\0") if name]
    return {
        name: _md5(room.root / name) if (room.root / name).is_file() else ""
        for name in names
        if name != revision.LOCK
    }


def contradictions(root: Path, checkout: Path, commit: str) -> list[Contradiction]:
    """Return what dvc.lock of a commit says that the commit itself contradicts.

    Args:
        root: The project.
        checkout: The project as that commit has it, before anything ran.
        commit: The commit.
    """
    # Read as DVC reads: YAML 1.1 would take a text `off` for false, and call the two unequal.
    stages = locked.parse({"stages": repro.lock(root, commit)}, root, commit)
    made = {path: (s.name, digest) for s in stages.values() for path, digest in s.outs.items()}
    params = _as_dvc_reads(root, commit, revision.PARAMS)
    declared = _as_dvc_reads(root, commit, repro.PIPELINE)
    found = []
    for stage in stages.values():
        told = (declared.get("stages") or {}).get(stage.name)
        if told is None or told.get("cmd") != stage.command:
            words = f"it ran `{stage.command}`, which is not the command in dvc.yaml"
            found.append(Contradiction(stage.name, words))
        for path, digest in stage.deps.items():
            maker, other = made.get(path, ("", digest))
            if other != digest:
                words = f"it read {path} as {_cut(digest)}, but {maker} wrote {_cut(other)}"
                found.append(Contradiction(stage.name, words))
            if not maker and (have := _digest(checkout / path, digest)) not in ("", digest):
                words = f"it read {path} as {_cut(digest)}, but the commit has {_cut(have)}"
                found.append(Contradiction(stage.name, words))
        found += [
            Contradiction(
                stage.name, f"it wrote {path} as {_cut(digest)}, but Git has {_cut(have)}"
            )
            for path, digest in stage.outs.items()
            if (have := _digest(checkout / path, digest)) not in ("", digest)
            and git.blob(root, commit, path)
        ]
        found += [
            Contradiction(stage.name, f"it was told another `{key}` than params.yaml has")
            for key, value in stage.params.items()
            if _at(params, key) != value
        ]
    return found


def _as_dvc_reads(root: Path, commit: str, path: str) -> dict[str, Any]:
    found = repro.parse(git.read_if_any(root, commit, path) or b"", path)
    return found if isinstance(found, dict) else {}


def _at(params: Mapping[str, object], key: str) -> object:
    value: object = params
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _digest(path: Path, like: str) -> str:
    """Return a path's digest as DVC has it; empty if it is not there or of another kind."""
    if like.endswith(store.FOLDER):
        # A folder of sources: .dvcignore decides what counts, so that DVC alone can tell.
        return ""
    return _md5(path) if path.is_file() else ""


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def _cut(digest: str) -> str:
    return digest[:12]
