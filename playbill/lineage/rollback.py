"""The way back: a stage gets a version that it had before, or a version is withdrawn for good.

Both are new tags on top of the old ones. Nothing is deleted and nothing steps in by itself.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playbill.errors import LineageError, UsageError
from playbill.lineage import (
    bundle,
    evidence,
    gittag,
    promotion,
    registration,
    registry,
    revision,
    tagname,
    vouching,
)

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Decided:
    """What `rollback` or `withdraw` did.

    Attributes:
        artifact: The model.
        version: The version that serves again, or that was withdrawn.
        reason: Why.
        tags: The new tags.
        emptied: Stages that serve nothing now.
        notes: What a reader should know.
        next: What fills each of them again, a command.
    """

    artifact: str
    version: str
    reason: str
    tags: tuple[str, ...]
    emptied: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    next: tuple[str, ...] = ()


def rollback(root: Path, stage: str, reason: str, to: str | None = None) -> Decided:
    """Put a version back into a stage that it was in before.

    Args:
        root: The project.
        stage: The stage.
        reason: Why; it is recorded.
        to: `flights@v1.2.0`, `v1.2.0` or `flights#prod#3`; None: who was there before; after a
            rollback, who was there before the version that it brought back.

    Raises:
        LineageError: Nobody was there before, the version never was or was withdrawn, what its
            tag says does not hold, or its bundle is not in the DVC remote.
    """
    _reasoned(reason)
    promotion.ready(root, stage)
    name = revision.model_name(root)
    artifact = registry.artifact(root, name)
    now = registry.current(root, artifact, stage)
    earlier = _earlier(root, artifact, stage, now, to)
    facts = evidence.verify(root, earlier.tag)
    notes = promotion.check_pushed(root, earlier.tag.commit, allow=False)
    version = str(facts.get("version"))
    vouched = vouching.to_vouch(root, artifact)
    fresh = {
        **evidence.gather(root, earlier.tag.commit),
        "artifact": artifact,
        "stage": stage,
        "decision": "rollback",
        "rollback": {
            "from": now.tag.name if now else None,
            "to": earlier.tag.name,
            "reason": reason,
        },
        **promotion.vouch(vouched),
    }
    tag = registration.assign(root, artifact, version, stage, fresh)
    _signed(root, tag)
    notes = (*notes, *promotion.vouched_words(vouched))
    return Decided(artifact, version, reason, (tag,), notes=notes)


def withdraw(root: Path, ref: str, reason: str) -> Decided:
    """Take a version back for good: it leaves its stages, and nobody serves it any more.

    Args:
        root: The project.
        ref: `flights@v1.2.0`, `v1.2.0`, or a stage whose version is meant, `flights#prod`.
        reason: Why; it is recorded.

    Raises:
        LineageError: There is no such version, or it was withdrawn before.
    """
    _reasoned(reason)
    promotion.ready(root, registry.PRODUCTION)
    artifact = registry.artifact(root, revision.model_name(root))
    found = _version(root, artifact, ref)
    facts = {
        "format_version": evidence.FORMAT_VERSION,
        "artifact": artifact,
        "version": found.version,
        "commit": found.tag.commit,
        "withdrawal": {"reason": reason},
    }
    tags = [
        registration.unassign(root, artifact, found.version, stage, facts) for stage in found.stages
    ]
    tags.append(registration.deregister(root, artifact, found.version, facts))
    _signed(root, *tags)
    fills = tuple(_filling(root, artifact, stage) for stage in found.stages)
    return Decided(artifact, found.version, reason, tuple(tags), found.stages, next=fills)


def _filling(root: Path, artifact: str, stage: str) -> str:
    """Return the command that fills an empty stage: with the last who was there and still holds."""
    for one in reversed(registry.assignments(root, artifact, stage)):
        if one.active and not evidence.problems(root, one.tag):
            back = f"playbill rollback --stage {stage} --to '{one.tag.name}'"
            return f"{back} --reason ..., which is {one.evidence.get('version')}"
    return f"playbill promote REV --stage {stage}; nobody who was there before can come back"


def as_dict(done: Decided, *, pushed: bool) -> dict[str, Any]:
    """Return a decision as plain values for JSON."""
    return {"format_version": FORMAT_VERSION, **asdict(done), "pushed": pushed}


def _signed(root: Path, *tags: str) -> None:
    try:
        promotion.sign(root, *tags)
    except LineageError:
        gittag.remove_tags(root, *tags)
        raise


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise UsageError("the reason is empty", expected='--reason "TEXT", which is recorded')


def _earlier(
    root: Path, artifact: str, stage: str, now: registry.Assignment | None, to: str | None
) -> registry.Assignment:
    past = [one for one in registry.assignments(root, artifact, stage) if one.active]
    commit = now.tag.commit if now is not None and now.active else None
    gone = {one.tag.commit for one in registry.versions(root, artifact, withdrawn=True)}
    others = [one for one in past if one.tag.commit not in {commit, *gone}]
    came = None
    if to is None:
        came = _came(root, now)
        wanted = [one for one in others if came is not None and one.number < came.number]
    else:
        meant = bundle.commit_of(root, _full(artifact, to))
        wanted = [one for one in past if one.tag.commit == meant]
        if meant == commit:
            raise LineageError(
                f"{to} is in stage {stage} already", expected="another version of its past"
            )
    if wanted:
        return wanted[-1]
    before = f" before {came.tag.name}" if came is not None else ""
    raise LineageError(
        f"{to} was never in stage {stage} of `{artifact}`"
        if to
        else f"nobody was in stage {stage} of `{artifact}`{before} who could come back",
        expected="--to with one of " + ", ".join(one.tag.name for one in others)
        if others
        else "a past to go to",
        run="playbill history; a version that never served is promoted",
    )


def _came(root: Path, now: registry.Assignment | None) -> registry.Assignment | None:
    """Return the tag by which who is in a stage, or left it last, first came into it.

    A rollback's tag leads to the one that it went back to, so that the next one goes further back
    instead of returning to the version that was just left.
    """
    while now is not None:
        target = tagname.place_of(str((now.evidence.get("rollback") or {}).get("to")))
        if now.active and target is None:
            return now
        number = target.number if now.active and target else now.number - 1
        below = min(number, now.number - 1)  # a forged tag must not lead in circles
        past = registry.assignments(root, now.artifact, now.stage)
        now = next((one for one in reversed(past) if one.number <= below), None)
    return None


def _version(root: Path, artifact: str, ref: str) -> registry.Version:
    tag = registry.find(root, _full(artifact, ref), artifact)
    known = registry.versions(root, artifact)
    for one in known:
        if tag is not None and one.tag.commit == tag.commit:
            return one
    raise LineageError(
        f"`{ref}` is no registered version",
        expected=f"one of {', '.join(one.version for one in known)}" if known else "a version",
        run="playbill models",
    )


def _full(artifact: str, ref: str) -> str:
    """Return `v1.2.0` with the model's name before it, anything else as it is."""
    return f"{artifact}@{ref}" if tagname.is_version(ref) else ref
