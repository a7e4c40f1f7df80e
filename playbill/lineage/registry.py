"""The registry: annotated Git tags in GTO's convention, each with its evidence as JSON.

`flights@v1.2.0` registers a version, `flights#prod#3` puts it into a stage, a `!` takes back. In a
project below the Git root the artifact carries its path: `teams/flights:flights`, with `=` for `:`
in the tag. They are read from Git alone, much faster than through GTO, which `registration.py`
writes them with.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playbill.config.nearest import nearest
from playbill.errors import LineageError
from playbill.lineage import git, gittag, tagname

PRODUCTION = "prod"
NEWEST = ("latest", "greatest")


@dataclass(frozen=True)
class Assignment:
    """A stage tag: who serves from then on, or (not `active`) that the stage was emptied."""

    artifact: str
    stage: str
    number: int
    active: bool
    tag: gittag.Tag

    @property
    def evidence(self) -> dict[str, Any]:
        """Return the evidence that the tag carries; empty for a tag that carries none."""
        return evidence(self.tag.message)


@dataclass(frozen=True)
class Version:
    """A registered version, and the stages that it is in now."""

    artifact: str
    version: str
    tag: gittag.Tag
    stages: tuple[str, ...] = field(default=())

    @property
    def evidence(self) -> dict[str, Any]:
        """Return the evidence that the tag carries; empty for a tag that carries none."""
        return evidence(self.tag.message)


def artifact(root: Path, name: str) -> str:
    """Return the name under which GTO knows the project's model: with its path in a monorepo."""
    folder = git.prefix(root)
    return f"{folder}:{name}" if folder else name


def versions(root: Path, of: str | None = None, *, withdrawn: bool = False) -> list[Version]:
    """Return the registered versions, by artifact and version.

    Args:
        root: The project.
        of: Keep one artifact.
        withdrawn: Return those that were withdrawn instead.
    """
    found: dict[tuple[str, str], gittag.Tag] = {}
    gone: set[tuple[str, str]] = set()
    for tag in gittag.tags(root):
        if (place := tagname.place_of(tag.name)) and place.version:
            if not place.active:
                gone.add((place.artifact, place.version))
            elif of in (None, place.artifact):
                found[place.artifact, place.version] = tag
    serving: dict[tuple[str, str], list[str]] = {}
    for each in stages(root):
        if each.active:
            serving.setdefault((each.artifact, each.tag.commit), []).append(each.stage)
    listed = [
        Version(name, version, tag, tuple(serving.get((name, tag.commit), ())))
        for (name, version), tag in found.items()
        if ((name, version) in gone) == withdrawn
    ]
    return sorted(listed, key=lambda one: (one.artifact, tagname.precedence(one.version)))


def withdrawal(root: Path, of: str, version: str) -> gittag.Tag | None:
    """Return the tag that withdrew a version; None if none did."""
    for tag in gittag.tags(root, f"{of.replace(':', '=')}@{version}!*"):
        if (place := tagname.place_of(tag.name)) and not place.active and place.version == version:
            return tag
    return None


def withdrawn_model(root: Path, of: str, digest: object) -> Version | None:
    """Return the withdrawn version whose model has that digest, if no version in force has it."""
    if not digest or any(one.evidence.get("model_digest") == digest for one in versions(root, of)):
        return None
    gone = versions(root, of, withdrawn=True)
    return next((one for one in gone if one.evidence.get("model_digest") == digest), None)


def reason(tag: gittag.Tag) -> str:
    """Return why a tag was made: the reason in its evidence, else the first line it says."""
    facts = evidence(tag.message)
    for key in ("withdrawal", "rollback", "override"):
        if isinstance(found := facts.get(key), dict) and found.get("reason"):
            return str(found["reason"])
    return next(iter(tag.message.splitlines()), "")


def exact(root: Path, name: str) -> gittag.Tag | None:
    """Return the tag of that very name."""
    return next(iter(gittag.tags(root, name)), None)


def before(root: Path, place: tagname.Place) -> Assignment | None:
    """Return the stage's tag before the one that `place` names; None if that is its first."""
    earlier = assignments(root, place.artifact, place.stage)
    return next((one for one in reversed(earlier) if one.number < place.number), None)


def assignments(root: Path, of: str | None = None, stage: str | None = None) -> list[Assignment]:
    """Return every stage tag in the order in which they were made: by artifact and number.

    A lightweight tag counts too: it decides nothing, but who reads it must not take an older one.
    """
    found = [
        Assignment(place.artifact, place.stage, place.number, place.active, tag)
        for tag in gittag.tags(root, lightweight=True)
        if (place := tagname.place_of(tag.name)) and place.stage
        if of in (None, place.artifact) and stage in (None, place.stage)
    ]
    return sorted(found, key=lambda one: (one.artifact, one.number, one.tag.date, one.stage))


def stages(root: Path, of: str | None = None) -> list[Assignment]:
    """Return the newest tag of each stage of each artifact: it alone says who is in the stage."""
    newest = {(one.artifact, one.stage): one for one in assignments(root, of)}
    return [newest[key] for key in sorted(newest)]


def current(root: Path, of: str, stage: str) -> Assignment | None:
    """Return the newest tag of a stage, which may have emptied it; None if it never had one."""
    return next((one for one in reversed(assignments(root, of, stage))), None)


def find(root: Path, reference: str, default: str) -> gittag.Tag | None:
    """Return the tag that `flights@v1.2.0`, `@latest`, `flights#prod` or `flights#prod#3` means.

    Args:
        root: The project's root.
        reference: What the user named; the model's plain name stands for `default` too.
        default: The artifact of this project.

    Returns:
        The tag, or None when `reference` has another form.

    Raises:
        LineageError: It has the form and the registry has no such version, or the stage is empty.
    """
    match = tagname.REFERENCE.match(reference)
    if not match:
        return None
    name = tagname.to_name(match["artifact"])
    name = default if name == default.rpartition(":")[2] else name
    _known(root, name, default)
    if match["number"]:
        return _numbered(root, name, match["stage"], int(match["number"]))
    if match["stage"]:
        return _in_stage(root, name, match["stage"])
    known = {one.version: one.tag for one in versions(root, name)}
    wanted = match["version"]
    if wanted in NEWEST and known:
        return known[max(known, key=tagname.precedence)]
    if wanted in known:
        return known[wanted]
    if gone := withdrawal(root, name, wanted):
        raise LineageError(
            f"`{name}` {wanted} was withdrawn: {reason(gone)}",
            where=gone.name,
            expected=f"one of {', '.join(known)}" if known else "another version",
            run="playbill history",
        )
    raise LineageError(
        f"`{name}` has no registered version {wanted}",
        expected=f"one of {', '.join(known)}" if known else "a version; none was registered yet",
        run="git fetch --tags && playbill models",
    )


def evidence(message: str) -> dict[str, Any]:
    """Return the JSON block of a tag's message; empty if it has none."""
    start = message.find("\n{")
    if start < 0:
        return {}
    try:
        found, _ = json.JSONDecoder().raw_decode(message, start + 1)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _known(root: Path, name: str, default: str) -> None:
    """Refuse a model that neither the project has nor any tag names."""
    tagged = {place.artifact for tag in gittag.tags(root) if (place := tagname.place_of(tag.name))}
    if name != default and name not in tagged:
        plain = default.rpartition(":")[2]
        raise LineageError(
            f"no model is called `{name}`",
            expected=nearest(name, sorted({plain, *(tagged - {default})})),
            run="playbill models",
        )


def _numbered(root: Path, name: str, stage: str, number: int) -> gittag.Tag:
    for one in assignments(root, name, stage):
        if one.number == number and one.active:
            return one.tag
    numbers = [str(one.number) for one in assignments(root, name, stage) if one.active]
    raise LineageError(
        f"stage {stage} of `{name}` has no tag of number {number}",
        expected=f"one of {', '.join(numbers)}" if numbers else "a promoted version",
        run="git fetch --tags && playbill history",
    )


def _in_stage(root: Path, name: str, stage: str) -> gittag.Tag:
    newest = current(root, name, stage)
    if newest is None:
        known = sorted({one.stage for one in assignments(root, name)})
        raise LineageError(
            f"no version of `{name}` was ever put into stage {stage}",
            expected=f"a stage: {nearest(stage, known)}" if known else "a promoted version",
            run=f"git fetch --tags, or: playbill promote HEAD --stage {stage}",
        )
    if not newest.active:
        raise LineageError(
            f"stage {stage} of `{name}` is empty: {newest.tag.name} took its version out",
            expected="a version in the stage; no older one steps in by itself",
            run=f"playbill promote REV --stage {stage}",
        )
    return newest.tag
