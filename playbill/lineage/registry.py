"""The registry: annotated Git tags in GTO's convention, each with its evidence as JSON.

`flights@v1.2.0` registers a version, `flights#prod#3` puts it into a stage, a `!` takes back. In a
project below the Git root the artifact carries its path: `teams/flights:flights`, with `=` for `:`
in the tag. Tags are written through GTO and read from Git alone, which is much faster.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playbill.config.nearest import nearest
from playbill.errors import LineageError, UsageError
from playbill.lineage import git

Bump = Literal["major", "minor", "patch"]
PRODUCTION = "prod"
NEWEST = ("latest", "greatest")

_NAME = r"[a-zA-Z0-9](?:[\w/-]*[a-zA-Z0-9])?"
_ARTIFACT = rf"(?:[\w./-]+=)?{_NAME}"
_SEMVER = r"v(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:[-+][0-9A-Za-z.+-]+)?"
_VERSION_TAG = re.compile(
    rf"^(?P<artifact>{_ARTIFACT})@(?P<version>{_SEMVER})(?P<back>!?)(?:#\d+)?$"
)
_STAGE_TAG = re.compile(
    rf"^(?P<artifact>{_ARTIFACT})#(?P<stage>{_NAME})(?P<back>!?)#(?P<number>\d+)$"
)
_REFERENCE = re.compile(
    rf"^(?P<artifact>(?:[\w./-]+[:=])?{_NAME})"
    rf"(?:#(?P<stage>{_NAME})(?:#(?P<number>\d+))?|@(?P<version>latest|greatest|{_SEMVER}))$"
)


@dataclass(frozen=True)
class Place:
    """What a tag's name says.

    Attributes:
        artifact: The model, with its path in a monorepo.
        version: The version, of a tag that registers or withdraws one.
        stage: The stage, of a tag that fills or empties one.
        number: The stage tag's number; 0 for a version.
        active: False if the tag takes back.
    """

    artifact: str
    version: str = ""
    stage: str = ""
    number: int = 0
    active: bool = True


@dataclass(frozen=True)
class Assignment:
    """A stage tag: who serves from then on, or (not `active`) that the stage was emptied."""

    artifact: str
    stage: str
    number: int
    active: bool
    tag: git.Tag

    @property
    def evidence(self) -> dict[str, Any]:
        """Return the evidence that the tag carries; empty for a tag that carries none."""
        return evidence(self.tag.message)


@dataclass(frozen=True)
class Version:
    """A registered version, and the stages that it is in now."""

    artifact: str
    version: str
    tag: git.Tag
    stages: tuple[str, ...] = field(default=())

    @property
    def evidence(self) -> dict[str, Any]:
        """Return the evidence that the tag carries; empty for a tag that carries none."""
        return evidence(self.tag.message)


def artifact(root: Path, name: str) -> str:
    """Return the name under which GTO knows the project's model: with its path in a monorepo."""
    folder = git.prefix(root)
    return f"{folder}:{name}" if folder else name


def place_of(name: str) -> Place | None:
    """Return what a tag's name says; None if it is none of the registry's."""
    if match := _VERSION_TAG.match(name):
        return Place(_to_name(match["artifact"]), match["version"], active=not match["back"])
    if match := _STAGE_TAG.match(name):
        number, active = int(match["number"]), not match["back"]
        return Place(_to_name(match["artifact"]), "", match["stage"], number, active)
    return None


def versions(root: Path, of: str | None = None, *, withdrawn: bool = False) -> list[Version]:
    """Return the registered versions, by artifact and version.

    Args:
        root: The project.
        of: Keep one artifact.
        withdrawn: Return those that were withdrawn instead.
    """
    found: dict[tuple[str, str], git.Tag] = {}
    gone: set[tuple[str, str]] = set()
    for tag in git.tags(root):
        if (place := place_of(tag.name)) and place.version:
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
    return sorted(listed, key=lambda one: (one.artifact, precedence(one.version)))


def withdrawal(root: Path, of: str, version: str) -> git.Tag | None:
    """Return the tag that withdrew a version; None if none did."""
    for tag in git.tags(root, f"{of.replace(':', '=')}@{version}!*"):
        if (place := place_of(tag.name)) and not place.active and place.version == version:
            return tag
    return None


def reason(tag: git.Tag) -> str:
    """Return why a tag was made: the reason in its evidence, else the first line it says."""
    facts = evidence(tag.message)
    for key in ("withdrawal", "rollback", "override"):
        if isinstance(found := facts.get(key), dict) and found.get("reason"):
            return str(found["reason"])
    return next(iter(tag.message.splitlines()), "")


def exact(root: Path, name: str) -> git.Tag | None:
    """Return the tag of that very name."""
    return next(iter(git.tags(root, name)), None)


def before(root: Path, place: Place) -> Assignment | None:
    """Return the stage's tag before the one that `place` names; None if that is its first."""
    earlier = assignments(root, place.artifact, place.stage)
    return next((one for one in reversed(earlier) if one.number < place.number), None)


def assignments(root: Path, of: str | None = None, stage: str | None = None) -> list[Assignment]:
    """Return every stage tag in the order in which they were made: by artifact and number.

    A lightweight tag counts too: it decides nothing, but who reads it must not take an older one.
    """
    found = [
        Assignment(place.artifact, place.stage, place.number, place.active, tag)
        for tag in git.tags(root, lightweight=True)
        if (place := place_of(tag.name)) and place.stage
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


def find(root: Path, reference: str, default: str) -> git.Tag | None:
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
    match = _REFERENCE.match(reference)
    if not match:
        return None
    name = _to_name(match["artifact"])
    name = default if name == default.rpartition(":")[2] else name
    _known(root, name, default)
    if match["number"]:
        return _numbered(root, name, match["stage"], int(match["number"]))
    if match["stage"]:
        return _in_stage(root, name, match["stage"])
    known = {one.version: one.tag for one in versions(root, name)}
    wanted = match["version"]
    if wanted in NEWEST and known:
        return known[max(known, key=precedence)]
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


def register(
    root: Path, of: str, commit: str, facts: dict[str, Any], version: str | None = None
) -> str:
    """Register a commit as a version (default: one patch after the greatest); return the tag.

    Raises:
        LineageError: The version exists, or the commit has another version already.
    """
    from gto import api

    chosen = version or next_version(root, of, "patch")
    if not is_version(chosen):
        raise LineageError(
            f"`{chosen}` is not a version", expected="three numbers behind a v, as v1.2.0"
        )
    who, mail = git.identity(root)
    with _gto_errors():
        event = api.register(
            str(git.top(root)),
            of,
            commit,
            version=chosen,
            message=_message(f"Register {of} {chosen}", {**facts, "version": chosen}),
            author=who,
            author_email=mail,
        )
    return str(event.tag)


def assign(root: Path, of: str, version: str, stage: str, facts: dict[str, Any]) -> str:
    """Put a registered version into a stage and return the tag, `NAME#STAGE#NUMBER`.

    A version that was in the stage before gets a new tag: the newest one decides.

    Raises:
        LineageError: The stage's name is not one for GTO, or the version is not registered.
    """
    from gto import api

    check_stage(stage)
    who, mail = git.identity(root)
    text = _message(f"Put {of} {version} into {stage}", {**facts, "version": version})
    with _gto_errors():
        event = api.assign(
            str(git.top(root)),
            of,
            stage,
            version=version,
            message=text,
            force=True,
            author=who,
            author_email=mail,
        )
    return str(event.tag)


def unassign(root: Path, of: str, version: str, stage: str, facts: dict[str, Any]) -> str:
    """Take a version out of a stage, which is empty then; return the tag."""
    from gto import api

    who, mail = git.identity(root)
    text = _message(f"Take {of} {version} out of {stage}", {**facts, "stage": stage})
    with _gto_errors():
        event = api.unassign(str(git.top(root)), of, version=version, stage=stage, message=text,
                             author=who, author_email=mail)  # fmt: skip
    return str(event.tag)


def deregister(root: Path, of: str, version: str, facts: dict[str, Any]) -> str:
    """Withdraw a registered version; return the tag, `NAME@VERSION!`."""
    from gto import api

    who, mail = git.identity(root)
    text = _message(f"Withdraw {of} {version}", facts)
    with _gto_errors():
        event = api.deregister(str(git.top(root)), of, version=version, message=text,
                               author=who, author_email=mail)  # fmt: skip
    return str(event.tag)


def is_version(text: str) -> bool:
    """Say whether a word is a version by its form, as v1.2.0."""
    return re.fullmatch(_SEMVER, text) is not None


def check_stage(stage: str) -> None:
    """Refuse a word that GTO cannot take as a stage.

    Raises:
        UsageError: It is not made of letters, digits, `-`, `_` and `/`.
    """
    if not re.fullmatch(_NAME, stage):
        raise UsageError(f"`{stage}` cannot name a stage", expected="a word, as prod or staging")


def next_version(root: Path, of: str, bump: Bump) -> str:
    """Return the version that follows the greatest registered one; v0.0.1, v0.1.0 or v1.0.0."""
    taken = [*versions(root, of), *versions(root, of, withdrawn=True)]
    known = [precedence(one.version) for one in taken]
    major, minor, patch = max(known)[:3] if known else (0, 0, 0)
    if bump == "major":
        return f"v{major + 1}.0.0"
    return f"v{major}.{minor + 1}.0" if bump == "minor" else f"v{major}.{minor}.{patch + 1}"


def precedence(version: str) -> tuple[int, int, int, bool, str]:
    """Return a key that sorts versions: numbers first, a release after its candidates."""
    numbers, _, rest = version.removeprefix("v").partition("+")[0].partition("-")
    major, minor, patch = (int(number) for number in numbers.split("."))
    return major, minor, patch, not rest, rest


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
    tagged = {place.artifact for tag in git.tags(root) if (place := place_of(tag.name))}
    if name != default and name not in tagged:
        plain = default.rpartition(":")[2]
        raise LineageError(
            f"no model is called `{name}`",
            expected=nearest(name, sorted({plain, *(tagged - {default})})),
            run="playbill models",
        )


def _numbered(root: Path, name: str, stage: str, number: int) -> git.Tag:
    for one in assignments(root, name, stage):
        if one.number == number and one.active:
            return one.tag
    numbers = [str(one.number) for one in assignments(root, name, stage) if one.active]
    raise LineageError(
        f"stage {stage} of `{name}` has no tag of number {number}",
        expected=f"one of {', '.join(numbers)}" if numbers else "a promoted version",
        run="git fetch --tags && playbill history",
    )


def _in_stage(root: Path, name: str, stage: str) -> git.Tag:
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


def _message(subject: str, facts: dict[str, Any]) -> str:
    return f"{subject}\n\n{json.dumps(facts, indent=2, sort_keys=True, default=str)}\n"


def _to_name(in_tag: str) -> str:
    return in_tag.replace("=", ":")


@contextmanager
def _gto_errors() -> Iterator[None]:
    from gto.exceptions import GTOException

    try:
        yield
    except GTOException as error:
        raise LineageError(
            f"GTO refused: {error}", expected="a version and a stage that are free"
        ) from error
