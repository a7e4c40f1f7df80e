"""conf/recorded.yaml: what `dvc exp run -S` said, kept in conf/ so that it stays true.

DVC composes params.yaml itself for an experiment. The difference between what it wrote and what
conf/ composes to is recorded in one Hydra file that stands last in the defaults list. Each entry
carries, as a comment, the value that it hides: when that value is edited later, compose refuses
instead of silently ignoring the edit.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from playbill.config.composition import Composition, compose
from playbill.config.origin import Key
from playbill.config.params import changed_keys, leaves
from playbill.errors import RecordedError

FILE = Path("conf", "recorded.yaml")
EMPTY = "# @package _global_\n"
_NOTE = (
    "# Recorded from `dvc exp run -S`; each line hides the value named behind it.\n"
    "# `playbill adopt` folds these into the project's own files.\n"
)
_WAS = "  # was "


@dataclass(frozen=True)
class Recorded:
    """What stands in conf/recorded.yaml.

    Attributes:
        choices: Options by group.
        values: Values by key.
        hidden: The value that each dotted key (or group) hid when it was recorded.
    """

    choices: dict[str, str] = field(default_factory=dict)
    values: dict[Key, Any] = field(default_factory=dict)
    hidden: dict[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.choices or self.values)

    def lines(self) -> list[str]:
        """Return one line for each entry, for people."""
        found = [f"{group}={option}" for group, option in self.choices.items()]
        return found + [f"{'.'.join(key)}={json.dumps(v)}" for key, v in self.values.items()]


def read(root: Path) -> Recorded:
    """Return what is recorded; nothing if there is no file."""
    path = root / FILE
    if not path.is_file():
        return Recorded()
    text = path.read_text("utf-8")
    found = yaml.load(text, Loader=yaml.CSafeLoader) or {}
    choices = {
        key.removeprefix("override").strip().lstrip("/"): str(option)
        for item in found.pop("defaults", [])
        if isinstance(item, dict)
        for key, option in item.items()
    }
    return Recorded(choices, dict(leaves(found)) if found else {}, _hidden(text))


def _hidden(text: str) -> dict[str, Any]:
    """Read the `# was` comments; the path of a key follows from the indentation."""
    found: dict[str, Any] = {}
    path: list[str] = []
    for line in text.splitlines():
        body, mark, was = line.partition(_WAS)
        name = body.strip().removeprefix("- override /").partition(":")[0].strip("'\"")
        if not name or body.lstrip().startswith("#"):
            continue
        depth = (len(body) - len(body.lstrip())) // 2
        is_choice = body.strip().startswith("- override")
        path = path[:depth] if not is_choice else path
        key = name if is_choice else ".".join([*path, name])
        if not is_choice:
            path = [*path, name]
        if mark:
            found[key] = json.loads(was)
    return found


def render(recorded: Recorded) -> str:
    """Return the text of conf/recorded.yaml."""
    if not recorded:
        return EMPTY
    lines = [EMPTY, _NOTE]
    if recorded.choices:
        lines.append("defaults:\n")
        for group, option in recorded.choices.items():
            lines.append(f"  - override /{group}: {option}{_was(recorded, group)}\n")
    tree: dict[str, Any] = {}
    for key, value in recorded.values.items():
        inner = tree
        for part in key[:-1]:
            inner = inner.setdefault(part, {})
        inner[key[-1]] = value
    lines += _block(tree, (), recorded)
    return "".join(lines)


def _block(tree: Mapping[str, Any], path: Key, recorded: Recorded) -> Iterator[str]:
    for name, value in tree.items():
        key, indent = (*path, name), "  " * len(path)
        shown = json.dumps(name) if not name.replace("_", "").replace("-", "").isalnum() else name
        if key in recorded.values:
            yield f"{indent}{shown}: {json.dumps(value)}{_was(recorded, '.'.join(key))}\n"
        else:
            yield f"{indent}{shown}:\n"
            yield from _block(value, key, recorded)


def _was(recorded: Recorded, key: str) -> str:
    return f"{_WAS}{json.dumps(recorded.hidden[key])}" if key in recorded.hidden else ""


@contextmanager
def _trial(root: Path, recorded: Recorded) -> Iterator[Path]:
    """Yield a copy of conf/ in which `recorded` stands, to compose without touching the project."""
    with tempfile.TemporaryDirectory(prefix="playbill-") as folder:
        conf = Path(folder, "conf")
        shutil.copytree(root / "conf", conf)
        (conf / FILE.name).write_text(render(recorded), "utf-8")
        yield conf


def compose_with(root: Path, recorded: Recorded, *overrides: str) -> Composition:
    """Compose the project as if `recorded` stood in its conf/recorded.yaml."""
    with _trial(root, recorded) as conf:
        return compose(root, overrides, conf=conf)


def check_hidden(root: Path, recorded: Recorded) -> None:
    """Refuse when a line of conf/ was edited after a recorded value began to hide it.

    Raises:
        RecordedError: The text names both lines.
    """
    if not recorded:
        return
    plain = compose_with(root, Recorded())
    chosen = compose_with(root, Recorded(choices=recorded.choices))
    values = {".".join(path): value for path, value in leaves(chosen.values)}
    now: dict[str, Any] = {group: plain.choices.get(group) for group in recorded.choices}
    now |= {".".join(key): values.get(".".join(key)) for key in recorded.values}
    for key, was in recorded.hidden.items():
        if key in now and now[key] != was:
            source = plain if key in recorded.choices else chosen
            lookup = ("defaults", key) if key in recorded.choices else tuple(key.split("."))
            origin = source.origin(lookup)
            raise RecordedError(
                f"`{key}` was edited from {was!r} to {now[key]!r}, "
                f"but conf/recorded.yaml hides it with a recorded value",
                where=f"{origin or 'conf/config.yaml'} {key}",
                expected="one place that says the value",
                run="playbill adopt, which folds recorded values into conf/; "
                f"or delete `{key.rpartition('.')[2]}` from {FILE.as_posix()}",
            )


def record(root: Path, said: dict[str, Any]) -> Recorded:
    """Write what `said` (DVC's params) differs in from conf/ to conf/recorded.yaml.

    Afterwards composing conf/ gives `said`, but for recorded keys of an earlier choice that the
    new choice does not know, which are dropped.

    Args:
        root: The project.
        said: The values that DVC composed, without what compose adds.

    Returns:
        What now stands in the file.

    Raises:
        RecordedError: The difference cannot be said in a Hydra file.
    """
    before = read(root)
    plain = compose_with(root, Recorded())
    choices = _choices(root, said, before, plain)
    base = compose_with(root, Recorded(choices=choices))
    said = _without_stale(said, before, choices, base)
    difference = changed_keys(base.values, said)
    if removed := [k for k, (_, new) in difference.items() if not _has(said, k) and new is None]:
        raise RecordedError(
            f"the experiment removes {removed}, which a file in conf/ cannot say",
            where=FILE.as_posix(),
            expected="a value, null included",
        )
    raw = {".".join(path): value for path, value in leaves(base.raw)}
    derived = {k for k in difference if "${" in str(raw.get(k, ""))}
    hidden = {g: plain.choices[g] for g in choices}
    result = _assemble(choices, hidden, difference, set(difference) - derived)
    again = compose_with(root, result)
    if still := set(changed_keys(again.values, said)) & derived:
        result = _assemble(choices, hidden, difference, (set(difference) - derived) | still)
        again = compose_with(root, result)
    # The experiment's words, not a line of a file that is not written yet, are what is at fault.
    _ = replace(again, known_layers=base.layers, overrides=tuple(result.lines())).params
    if left := changed_keys(again.values, said):
        raise RecordedError(
            f"conf/ cannot be made to say what the experiment said of {sorted(left)}",
            where=FILE.as_posix(),
            run="say it in conf/ and use a plain `dvc exp run`",
        )
    (root / FILE).write_text(render(result), "utf-8", newline="\n")
    return result


def carried_over(before: Recorded, after: Recorded) -> list[str]:
    """Return the values recorded for an earlier choice that the new choice takes over."""
    return [
        f"{'.'.join(key)}={json.dumps(value)} was recorded for {key[0]}="
        f"{before.choices.get(key[0], before.hidden.get(key[0], 'the default'))}"
        for key, value in after.values.items()
        if key in before.values and before.choices.get(key[0]) != after.choices.get(key[0])
    ]


def _has(values: Any, dotted: str) -> bool:
    for part in dotted.split("."):
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True


def _assemble(
    choices: dict[str, str],
    hidden: dict[str, Any],
    difference: Mapping[str, tuple[Any, Any]],
    keys: set[str],
) -> Recorded:
    values = {tuple(k.split(".")): new for k, (_, new) in difference.items() if k in keys}
    was = {k: old for k, (old, _) in difference.items() if k in keys}
    return Recorded(choices, values, {**hidden, **was})


def _choices(
    root: Path, said: dict[str, Any], before: Recorded, plain: Composition
) -> dict[str, str]:
    """Find for each group the option that comes nearest to what was said."""
    current = {**plain.choices, **before.choices}
    now = compose_with(root, Recorded(choices=before.choices)).values
    found = {}
    for group, option in current.items():
        section = group.split("/")[0]
        same = now.get(section) == said.get(section)
        best = option if same else _nearest(root, group, option, said, plain)
        if best != plain.choices[group]:
            found[group] = best
    return found


def _nearest(root: Path, group: str, current: str, said: dict[str, Any], plain: Composition) -> str:
    section = group.split("/", maxsplit=1)[0]
    scored = []
    for option in plain.options[group]:
        values = compose_with(root, Recorded(), f"{group}={option}").values
        ours, theirs = values.get(section), said.get(section)
        if not isinstance(ours, dict) or not isinstance(theirs, dict):
            continue
        strange = len(set(ours) ^ set(theirs))
        other = ours.get("_target_") != theirs.get("_target_")
        differing = len(changed_keys(ours, theirs))
        scored.append(((other, strange, differing, option != current, option), option))
    return min(scored)[1] if scored else current


def _without_stale(
    said: dict[str, Any], before: Recorded, choices: dict[str, str], base: Composition
) -> dict[str, Any]:
    """Drop recorded keys of an earlier choice that the new choice does not know."""
    said = json.loads(json.dumps(said))
    for key in before.values:
        group = key[0]
        if before.choices.get(group) == choices.get(group):
            continue
        if not _has(base.values, ".".join(key)):
            inner: Any = said
            for part in key[:-1]:
                inner = inner.get(part, {})
            inner.pop(key[-1], None)
    return said
