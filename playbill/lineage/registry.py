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
    rf"(?:#(?P<stage>{_NAME})|@(?P<version>latest|greatest|{_SEMVER}))$"
)


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


def versions(root: Path, of: str | None = None) -> list[Version]:
    """Return the registered versions, by artifact and version; `of` keeps one artifact."""
    found: dict[tuple[str, str], git.Tag] = {}
    withdrawn: set[tuple[str, str]] = set()
    for tag in git.tags(root):
        if match := _VERSION_TAG.match(tag.name):
            identity = (_to_name(match["artifact"]), match["version"])
            if match["back"]:
                withdrawn.add(identity)
            elif of in (None, identity[0]):
                found[identity] = tag
    serving: dict[tuple[str, str], list[str]] = {}
    for each in stages(root):
        if each.active:
            serving.setdefault((each.artifact, each.tag.commit), []).append(each.stage)
    listed = [
        Version(name, version, tag, tuple(serving.get((name, tag.commit), ())))
        for (name, version), tag in found.items()
        if (name, version) not in withdrawn
    ]
    return sorted(listed, key=lambda one: (one.artifact, precedence(one.version)))


def listing(root: Path) -> list[dict[str, Any]]:
    """Return the versions with stages, commit, date and metrics, as plain values."""
    return [
        {
            "model": one.artifact,
            "version": one.version,
            "stages": list(one.stages),
            "commit": one.tag.commit,
            "date": one.tag.date.isoformat(),
            "by": one.tag.tagger,
            "metrics": one.evidence.get("metrics", {}),
            "model_digest": one.evidence.get("model_digest"),
        }
        for one in versions(root)
    ]


def assignments(root: Path, of: str | None = None, stage: str | None = None) -> list[Assignment]:
    """Return every stage tag in the order in which they were made: by artifact and number."""
    found = []
    for tag in git.tags(root):
        if match := _STAGE_TAG.match(tag.name):
            name = _to_name(match["artifact"])
            if of in (None, name) and stage in (None, match["stage"]):
                number, active = int(match["number"]), not match["back"]
                found.append(Assignment(name, match["stage"], number, active, tag))
    return sorted(found, key=lambda one: (one.artifact, one.number, one.tag.date, one.stage))


def stages(root: Path, of: str | None = None) -> list[Assignment]:
    """Return the newest tag of each stage of each artifact: it alone says who is in the stage."""
    newest = {(one.artifact, one.stage): one for one in assignments(root, of)}
    return [newest[key] for key in sorted(newest)]


def current(root: Path, of: str, stage: str) -> Assignment | None:
    """Return the newest tag of a stage, which may have emptied it; None if it never had one."""
    return next((one for one in reversed(assignments(root, of, stage))), None)


def find(root: Path, reference: str, default: str) -> git.Tag | None:
    """Return the tag that `flights@v1.2.0`, `flights@latest` or `flights#prod` means.

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
    if match["stage"]:
        return _in_stage(root, name, match["stage"])
    known = {one.version: one.tag for one in versions(root, name)}
    wanted = match["version"]
    if wanted in NEWEST and known:
        return known[max(known, key=precedence)]
    if wanted in known:
        return known[wanted]
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
    if not re.fullmatch(_SEMVER, chosen):
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


def check_stage(stage: str) -> None:
    """Refuse a word that GTO cannot take as a stage.

    Raises:
        UsageError: It is not made of letters, digits, `-`, `_` and `/`.
    """
    if not re.fullmatch(_NAME, stage):
        raise UsageError(f"`{stage}` cannot name a stage", expected="a word, as prod or staging")


def next_version(root: Path, of: str, bump: Bump) -> str:
    """Return the version that follows the greatest registered one; v0.0.1, v0.1.0 or v1.0.0."""
    known = [precedence(one.version) for one in versions(root, of)]
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


def _in_stage(root: Path, name: str, stage: str) -> git.Tag:
    newest = current(root, name, stage)
    if newest is None:
        known = sorted({one.stage for one in assignments(root, name)})
        raise LineageError(
            f"no version of `{name}` was ever put into stage {stage}",
            expected=f"one of the stages {', '.join(known)}" if known else "a promoted version",
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
