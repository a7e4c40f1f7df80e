"""dvc.lock merged stage by stage, as text: a valid file, never a conflict.

Any valid dvc.lock will do, since `dvc repro` finds in its run cache what either side had; a stage
that one side alone changed keeps that side's entry, so that nothing has to be looked up for it.
"""

import re
from dataclasses import dataclass

import yaml

FILE = "dvc.lock"
_STAGE = re.compile(r"^  (?P<name>[^ #].*):\s*$")
_SCHEMA = "2.0"


@dataclass(frozen=True)
class _Blocks:
    """A dvc.lock cut up: what stands before the stages, each stage's lines, what stands after."""

    head: str
    stages: dict[str, str]
    tail: str


def is_valid(text: str) -> bool:
    """Say whether DVC would read `text` as a dvc.lock."""
    try:
        found = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 - makes text, nothing else
    except yaml.YAMLError:
        return False
    if not isinstance(found, dict) or found.get("schema") != _SCHEMA:
        return False
    stages = found.get("stages", {})
    if stages == "":  # `stages:` with nothing behind it
        return True
    return isinstance(stages, dict) and all(
        isinstance(stage, dict) and "cmd" in stage for stage in stages.values()
    )


def merge(base: str, ours: str, theirs: str) -> str | None:
    """Return a valid dvc.lock made of both sides, or None if neither is valid itself.

    A stage that theirs alone changed is theirs, any other is ours. The result is never guessed:
    if it is not valid, it is one of the sides.
    """
    if not is_valid(ours):
        return theirs if is_valid(theirs) else None
    if not is_valid(theirs):
        return ours
    mine, other = _split(ours), _split(theirs)
    before = _split(base).stages if is_valid(base) else {}
    merged = {
        name: block
        for name in [*mine.stages, *(n for n in other.stages if n not in mine.stages)]
        if (block := _pick(before.get(name), mine.stages.get(name), other.stages.get(name)))
    }
    text = mine.head + "".join(merged.values()) + mine.tail
    return text if is_valid(text) else ours


def _pick(before: str | None, ours: str | None, theirs: str | None) -> str | None:
    return theirs if ours == before else ours


def _split(text: str) -> _Blocks:
    head, tail = "", ""
    stages: dict[str, str] = {}
    name, inside, after = "", False, False
    for line in text.replace("\r\n", "\n").rstrip("\n").splitlines(keepends=True):
        full = line if line.endswith("\n") else line + "\n"
        if match := _STAGE.match(full) if inside else None:
            name = match["name"]
            stages[name] = full
        elif full.startswith("stages:"):
            inside, head = True, head + full
        elif inside and not full.startswith((" ", "\n")):
            inside, after, tail = False, True, full
        elif inside and name:
            stages[name] += full
        elif after:
            tail += full
        else:
            head += full
    return _Blocks(head, stages, tail)
