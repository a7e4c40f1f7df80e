"""Verification from end to end: room, contradictions, rerun, causes, verdict, attestation."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from playbill.config.environment import CONSTRAINTS
from playbill.errors import LineageError, PlaybillError
from playbill.lineage import attestation, bundle, git, locked, registry, revision, store, worktree
from playbill.pipeline.verification import cause, rerun, room, statement
from playbill.pipeline.verification.room import Choice, Room, Say
from playbill.pipeline.verification.verdict import Closeness, Verdict, Word

TOLERANCE = 1e-6
PREDICTIONS = "predictions.parquet"
_WITHIN = (
    "the predictions are the same within the tolerance: if the run was made on another platform, "
    "--elsewhere accepts that"
)


@dataclass(frozen=True)
class Wish:
    """What is asked of a verification.

    Attributes:
        environment: Which environment; see room.opened.
        from_source: Ingest again instead of fetching the raw data.
        elsewhere: The recorded run was made on another platform, so that predictions may differ
            within the tolerance.
        tolerance: Largest difference of a predicted number.
        attest: Write an attestation if the answer is yes.
    """

    environment: Choice = "auto"
    from_source: bool = False
    elsewhere: bool = False
    tolerance: float = TOLERANCE
    attest: bool = True


@dataclass(frozen=True)
class Done:
    """A verdict, and the attestation if there is one: its tag and its envelope."""

    verdict: Verdict
    tag: str = ""
    envelope: str = ""


def verify(root: Path, ref: str, wish: Wish, say: Say) -> Done:
    """Run a revision again in a clean room and say whether it comes out the same.

    Raises:
        LineageError: The revision, its raw data or DVC's own files cannot be had.
        InstalledError: The environment cannot be had.
    """
    begin, started = time.monotonic(), datetime.now(UTC)
    commit = bundle.commit_of(root, ref)
    name = revision.model_name(root, commit)
    notes = _notes(root, commit)
    with room.opened(root, commit, wish.environment, say, from_source=wish.from_source) as clean:
        wrong = rerun.contradictions(root, clean.root, commit)
        outcomes = rerun.run_again(clean, say, from_source=wish.from_source)
        facts = room.platform_facts(clean.python)
        found = Verdict(
            word="identical",
            model=name,
            ref=ref,
            commit=commit,
            outcomes=tuple(outcomes),
            contradictions=tuple(wrong),
            causes=(),
            environment=clean.how,
            platform=facts,
            recorded_platform=_recorded_platform(root, commit),
            snapshots=clean.snapshots,
            closeness=None,
            notes=tuple(notes),
            seconds=0.0,
        )
        found = _judged(root, clean, found, wish, say)
        found = replace(found, seconds=time.monotonic() - begin)
        if found.word == "different" or not wish.attest:
            return Done(found)
        envelope = attestation.seal(root, statement.build(root, clean, found, started))
    artifact = registry.artifact(root, name)
    subject = f"Attest {artifact} at {commit[:12]}: {found.word}"
    return Done(found, attestation.keep(root, envelope, commit, artifact, subject), envelope)


def _judged(root: Path, clean: Room, found: Verdict, wish: Wish, say: Say) -> Verdict:
    first = found.first
    if first is None:
        word: Word = "different" if found.contradictions else "identical"
        return replace(found, word=word, causes=_of_lock(found) if found.contradictions else ())
    near = None
    with contextlib.suppress(PlaybillError):  # without them the verdict is about bytes alone
        near = _closeness(root, clean, wish.tolerance)
    recorded = _recorded(root, clean, first)
    causes = cause.find(clean, first, found.contradictions, recorded, say)
    other = found.recorded_platform and dict(found.recorded_platform) != dict(found.platform)
    ours = {"time", "seed", "hash order", "threads", "folder", "host", "unknown",
            "stage failed"}  # fmt: skip
    excused = (
        (wish.elsewhere or other)
        and not found.contradictions
        and not any(one.kind in ours for one in causes)
    )
    word = "equivalent" if excused and near is not None and near.holds else "different"
    notes = found.notes
    is_ours = any(one.kind in ours for one in causes)
    if near is not None and near.holds and word == "different" and not (wish.elsewhere or is_ours):
        notes = (*notes, _WITHIN)
    if first.stage in _source_stages(clean) and first.state == "differs":
        what = "the source gives other rows than it gave then"
        causes = [cause.Cause("source", first.stage, what), *causes]
    return replace(found, word=word, closeness=near, causes=tuple(causes), notes=notes)


def _of_lock(found: Verdict) -> tuple[cause.Cause, ...]:
    each = found.contradictions[0]
    what = "dvc.lock was edited or is not this commit's: the commit contradicts it"
    mend = "dvc repro, and commit what it says"
    return (cause.Cause("lock edited", each.stage, what, (each.what,), mend),)


def _source_stages(clean: Room) -> set[str]:
    stages = locked.stages(clean.root, None)
    return {name for name, stage in stages.items() if locked.brings_in(stage, stages)}


def _notes(root: Path, commit: str) -> Iterator[str]:
    if git.head(root) == commit and worktree.is_dirty(root):
        yield "the workspace has changes that are not committed; the commit was verified"
    if not git.read_if_any(root, commit, CONSTRAINTS):
        yield "the revision pins no environment (no constraints.txt): packages were not compared"


def _recorded_platform(root: Path, commit: str) -> Mapping[str, str]:
    with contextlib.suppress(LineageError):
        if (found := attestation.attestation_for(root, commit)) and found.verdict == "identical":
            return {str(key): str(value) for key, value in found.platform.items()}
    return {}


def _recorded(root: Path, clean: Room, first: rerun.Outcome) -> dict[str, Path]:
    """Return the recorded outputs of a stage, as far as Git, DVC's cache or its remote has them."""
    known = store.outputs(root, clean.commit)
    found: dict[str, Path] = {}
    for each in first.changed:
        target = clean.folder / "recorded" / each.path
        if _from_git(clean, each.path, target):
            found[each.path] = target
        elif each.path in known:
            with contextlib.suppress(LineageError):
                cache = clean.folder / "fetched"
                store.restore(root, known[each.path], target, clean.commit, cache)
                found[each.path] = target
    return found


def _from_git(clean: Room, path: str, target: Path) -> bool:
    """Write what the commit has at a path, a file or a folder; False if it has nothing there."""
    listed = git.run(clean.root, "ls-tree", "-r", "--name-only", "-z", clean.commit, "--", path)
    names = [name for name in listed.decode(errors="surrogateescape").split("\0") if name]
    for name in names:
        place = target if name == path else target / name.removeprefix(f"{path}/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(git.read(clean.root, clean.commit, name))
    return bool(names)


def _closeness(root: Path, clean: Room, tolerance: float) -> Closeness | None:
    """Compare the predictions of this run with those recorded; None if there are none."""
    known = store.outputs(root, clean.commit)
    path = next((p for p in known if p.endswith(f"/{PREDICTIONS}")), None)
    if path is None or not (clean.root / path).is_file():
        return None
    import numpy as np
    import pandas as pd

    before = pd.read_parquet(store.obtain(root, path, clean.commit))
    now = pd.read_parquet(clean.root / path)
    if list(before.columns) != list(now.columns) or len(before) != len(now):
        return None
    largest, changed = 0.0, np.zeros(len(now), dtype=bool)
    for name in before.columns:
        if pd.api.types.is_float_dtype(before[name]) and name != "prediction":
            gap = np.abs(before[name].to_numpy(float) - now[name].to_numpy(float))
            largest = max(largest, float(np.nanmax(gap, initial=0.0)))
        else:
            changed |= (before[name].astype(str) != now[name].astype(str)).to_numpy()
    return Closeness(len(now), largest, int(changed.sum()), tolerance)
