"""The names that GTO gives its tags, read: which model, version or stage each speaks of."""

import re
from dataclasses import dataclass

from playbill.errors import UsageError

_NAME = r"[a-zA-Z0-9](?:[\w/-]*[a-zA-Z0-9])?"
_ARTIFACT = rf"(?:[\w./-]+=)?{_NAME}"
SEMVER = r"v(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:[-+][0-9A-Za-z.+-]+)?"
_VERSION_TAG = re.compile(
    rf"^(?P<artifact>{_ARTIFACT})@(?P<version>{SEMVER})(?P<back>!?)(?:#\d+)?$"
)
_STAGE_TAG = re.compile(
    rf"^(?P<artifact>{_ARTIFACT})#(?P<stage>{_NAME})(?P<back>!?)#(?P<number>\d+)$"
)
REFERENCE = re.compile(
    rf"^(?P<artifact>(?:[\w./-]+[:=])?{_NAME})"
    rf"(?:#(?P<stage>{_NAME})(?:#(?P<number>\d+))?|@(?P<version>latest|greatest|{SEMVER}))$"
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


def place_of(name: str) -> Place | None:
    """Return what a tag's name says; None if it is none of the registry's."""
    if match := _VERSION_TAG.match(name):
        return Place(to_name(match["artifact"]), match["version"], active=not match["back"])
    if match := _STAGE_TAG.match(name):
        number, active = int(match["number"]), not match["back"]
        return Place(to_name(match["artifact"]), "", match["stage"], number, active)
    return None


def is_version(text: str) -> bool:
    """Say whether a word is a version by its form, as v1.2.0."""
    return re.fullmatch(SEMVER, text) is not None


def precedence(version: str) -> tuple[int, int, int, bool, str]:
    """Return a key that sorts versions: numbers first, a release after its candidates."""
    numbers, _, rest = version.removeprefix("v").partition("+")[0].partition("-")
    major, minor, patch = (int(number) for number in numbers.split("."))
    return major, minor, patch, not rest, rest


def to_name(in_tag: str) -> str:
    """Return an artifact's name as GTO shows it: a tag cannot hold the colon of a monorepo."""
    return in_tag.replace("=", ":")


def check_stage(stage: str) -> None:
    """Refuse a word that GTO cannot take as a stage.

    Raises:
        UsageError: It is not made of letters, digits, `-`, `_` and `/`.
    """
    if not re.fullmatch(_NAME, stage):
        raise UsageError(f"`{stage}` cannot name a stage", expected="a word, as prod or staging")
