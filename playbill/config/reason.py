"""Why a stage runs again, in the words of the person who changed something."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from playbill.config import keydigest
from playbill.config.params import changed_keys

if TYPE_CHECKING:
    from playbill.config.plan import Locked, Node

Kind = Literal["config", "code", "package", "data", "command", "output", "new", "upstream"]
_LONGEST = 60  # characters of a value; longer ones say nothing side by side
_ABSENT, _FORGOTTEN = object(), object()


@dataclass(frozen=True)
class Reason:
    """One thing that changed.

    Attributes:
        kind: What sort of thing.
        text: One line for people.
        key: The dotted key of params.yaml, or the path, that it is about.
    """

    kind: Kind
    text: str
    key: str = ""


def own_reasons(
    node: "Node", deps: Mapping[str, str | None], locked: "Locked | None"
) -> list[Reason]:
    """Return what changed of a stage itself: command, parameters, files that no stage writes.

    Like DVC this looks at what is declared now: a parameter or an input that was dropped counts for
    nothing (but for `pipeline.stages.<name>`, which is a parameter and names both).

    Args:
        node: The stage.
        deps: Digests of its inputs that no stage writes.
        locked: The stage in dvc.lock.
    """
    if locked is None:
        found = [Reason("new", "it never ran", node.name)]
        return found + [
            Reason("data", f"{path} is missing", path) for path in deps if not deps[path]
        ]
    found = []
    if node.cmd != locked.cmd:
        found.append(Reason("command", f"command: {locked.cmd} -> {node.cmd}"))
    for name, told in node.params.items():
        if (before := locked.params.get(name, _ABSENT)) != told:
            old = (
                before
                if before is _ABSENT
                else locked.values.get(name, _unknown(node, name, before))
            )
            new = node.values.get(name, told)
            found += _param_reasons(node.name, keydigest.key(name), old, new)
    for path, digest in deps.items():
        if not digest:
            found.append(Reason("data", f"{path} is missing", path))
        elif digest != locked.deps.get(path):
            word = "changed" if path in locked.deps else "is new here"
            found.append(Reason(_kind(path), f"{path} {word}", path))
    return found


def output_reasons(
    node: "Node", locked: "Locked | None", broken: Mapping[str, str]
) -> list[Reason]:
    """Return which outputs are not what dvc.lock has, or not in it."""
    if locked is None:
        return []
    return [
        Reason("output", f"output {path} {broken.get(path, 'is new')}", path)
        for path in node.outs
        if path in broken or path not in locked.outs
    ]


def _kind(path: str) -> Kind:
    """Say what a file that no stage writes is; a folder is one that `compose` depends on."""
    if path == "conf":
        return "config"
    return "data" if PurePosixPath(path).suffix not in {"", ".py"} else "code"


def _unknown(node: "Node", name: str, before: Any) -> Any:
    """Return what stands for a value of dvc.lock that no params.yaml here has any more."""
    return _FORGOTTEN if name in node.values else before


def _param_reasons(stage: str, key: str, before: Any, value: Any) -> Iterator[Reason]:
    if before is _ABSENT:
        yield Reason("config", f"it now reads {key}", key)
        return
    if before is _FORGOTTEN:
        text = f"{key}: changed (no params.yaml here has what dvc.lock was made with)"
        yield Reason("code" if key.startswith("environment.") else "config", text, key)
        return
    leaves = changed_keys({key: before}, {key: value})
    # A mapping that was empty is a leaf itself; the keys that it gained say the same.
    told = {leaf: pair for leaf, pair in leaves.items() if pair not in (({}, None), (None, {}))}
    for leaf, (old, new) in (told or {key: (before, value)}).items():
        yield _leaf_reason(stage, leaf, old, new)


def _leaf_reason(stage: str, key: str, old: Any, new: Any) -> Reason:
    first, _, rest = key.partition(".")
    owner, _, what = rest.partition(".")
    if first == "environment" and what:
        whose = "" if owner == stage else f" (stage {owner})"
        part, _, name = what.partition(".")
        if part == "packages" and name:
            text = f"package {name}{whose}: {old or 'not used'} -> {new or 'not used'}"
            return Reason("package", text, key)
        return Reason("code", f"code of {name or 'playbill'} changed{whose}", key)
    own = f"pipeline.stages.{stage}."
    shown = f"declaration: {key.removeprefix(own)}" if key.startswith(own) else key
    return Reason("config", f"{shown}: {_pair(old, new)}", key)


def _pair(old: Any, new: Any) -> str:
    before, after = (json.dumps(value, ensure_ascii=False, default=str) for value in (old, new))
    if max(len(before), len(after)) > _LONGEST and before[:_LONGEST] == after[:_LONGEST]:
        return "changed"
    return f"{_short(before)} -> {_short(after)}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
