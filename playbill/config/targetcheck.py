"""Every `_target_` of conf/: is it allowed, does it exist, does it take its arguments?"""

import ast
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from playbill.config.definition import Sources
from playbill.config.estimator import suits
from playbill.config.nearest import nearest
from playbill.config.outcome import Task
from playbill.config.passed import Passed
from playbill.config.signature import Signature, fits, read_signature
from playbill.config.space import dimensions, placed, space_problems
from playbill.config.target import (
    KEY,
    NO_CLASS,
    PROJECT,
    TO_ALLOW,
    Refusal,
    is_allowed,
    is_plain,
    may_call,
    reaches,
)

Problem = tuple[str, str, str]  # key, what, expected
CLASSES = ("model",)  # where a library's function, which may do anything, is no estimator
_SLIP = 0.8  # likeness from which on two names are one and a slip of the pen


def target_problems(values: Mapping[str, Any], root: Path) -> Iterator[Problem]:
    """Yield key, problem and expectation for every `_target_` in `feature` and `model`.

    A `Refusal` in place of a plain tuple is a target that is not on the allow list. The values
    need not have passed the typed models, so that all problems can be told at once.
    """
    listed = _items(values.get("allow"))
    allow = [each for each in listed if isinstance(each, str)]
    task = _get(values, "contract", "task")
    known: Task = task if task in get_args(Task) else "binary"
    check = _Check(Sources(root), allow, Passed(root, __file__, allow), known)
    yield from check.one("model", values.get("model"))
    for name, group in _pairs(_get(values, "feature", "groups")):
        for index, step in enumerate(_items(_get(group, "steps"))):
            yield from check.one(f"feature.groups.{name}.steps.{index}", step)
    yield from _searched(check, values)
    for name, source in _pairs(_get(values, "source", "sources")):
        if isinstance(path := _get(source, "target"), str):
            yield from check.name(f"source.sources.{name}.target", path)
    check.passed.save()


def _searched(check: "_Check", values: Mapping[str, Any]) -> Iterator[Problem]:
    """Try the values of `tuning.space` where they will stand; the first that does not fit is told.

    What is wrong without them is told for itself.
    """
    space = _get(values, "tuning", "space")
    if not isinstance(space, Mapping) or list(space_problems(space, ranges=True)):
        return
    for dimension in dimensions(space):
        key, seen = f"tuning.space.{dimension.name}", values.get(dimension.path[0])
        for value in dimension.samples:
            try:
                tried = placed(seen, dimension.path[1:], value)
            except KeyError:
                yield key, f"`{dimension.name}` leads nowhere in conf/", "a path that is there"
                break
            found = [
                problem
                for problem in _at(check, dimension.path[0], tried)
                if problem[0] == dimension.name or dimension.name.startswith(f"{problem[0]}.")
            ]
            if found:
                yield key, *found[0][1:]
                break


def _at(check: "_Check", root: str, tried: Any) -> Iterator[Problem]:
    if root == "model":
        yield from check.one(root, tried)
    else:
        yield from check.walk(root, tried)


def _get(values: Any, *keys: str) -> Any:
    for key in keys:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _items(values: Any) -> list[Any]:
    return values if isinstance(values, list) else []


def _pairs(values: Any) -> list[tuple[str, Any]]:
    return list(values.items()) if isinstance(values, Mapping) else []


@dataclass(frozen=True)
class _Check:
    sources: Sources
    allow: list[str]
    passed: Passed
    task: Task

    def one(self, key: str, target: Any) -> Iterator[Problem]:
        """Check a mapping that must have a `_target_`."""
        if isinstance(target, Mapping) and KEY not in target:
            yield key, f"`{KEY}` is missing", "the dotted name of a class"
        yield from self.walk(key, target)

    def walk(self, key: str, value: Any) -> Iterator[Problem]:
        """Check every `_target_` in a section, however deep."""
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from self.walk(f"{key}.{index}", item)
        if not isinstance(value, Mapping):
            return
        if KEY in value:
            yield from self._target(key, value)
        for name, item in value.items():
            yield from self.walk(f"{key}.{name}", item)

    def _target(self, key: str, target: Mapping[str, Any]) -> Iterator[Problem]:
        path = target[KEY]
        if not isinstance(path, str):
            yield f"{key}.{KEY}", f"`{KEY}` is {path!r}", "the dotted name of a class"
            return
        asked = self.passed.digest(f"{key} {self.task}" if key in CLASSES else "", target)
        if asked in self.passed:
            return
        problems = list(self._problems(key, path, target))
        yield from problems
        if not problems and asked is not None:
            self.passed.add(asked)

    def _problems(self, key: str, path: str, target: Mapping[str, Any]) -> Iterator[Problem]:
        problems, dotted = list(self.name(f"{key}.{KEY}", path)), path.replace(":", ".")
        node = self.sources.find(dotted).node if not problems else None
        own = path.partition(".")[0] == PROJECT
        if key in CLASSES and isinstance(node, ast.FunctionDef) and not own:
            # Building the Pipeline would call it, whatever it does.
            what = f"`{path}` is a function"
            problems.append((f"{key}.{KEY}", what, "a class with fit and predict_proba"))
        elif key in CLASSES and not problems and (found := suits(path, self.task, self.sources)):
            yield f"{key}.{KEY}", *found
        elif isinstance(node, ast.FunctionDef) and not may_call(dotted, self.allow):
            problems.append(Refusal(f"{key}.{KEY}", f"`{path}` {NO_CLASS}", self._way(dotted)))
        yield from problems
        if not problems and (signature := read_signature(path, self.sources)) is not None:
            yield from _against(key, path, target, signature)

    def name(self, key: str, path: str) -> Iterator[Problem]:
        """Check that a dotted name is allowed, leads to where it says, and exists."""
        dotted = path.replace(":", ".")
        if not is_plain(dotted) or not is_allowed(dotted, self.allow):
            yield Refusal(key, f"`{path}` is not on the allow list", self._way(dotted))
            return
        found = self.sources.find(dotted)
        end = ".".join(part for part in (found.home, found.name) if part)
        if not reaches(dotted, end, self.allow):
            what = f"`{path}` leads to `{end}`, which is not on the allow list"
            yield Refusal(key, what, self._way(dotted))
        elif found.known is not None:
            lost = found.name.partition(".")[0]
            what = f"`{path}` does not exist: `{found.home}` has no `{lost}`"
            yield key, what, nearest(lost, found.known) or f"`{found.home}` installed"
        elif not found.name:
            yield key, f"`{path}` is a module", "a class or a function in it"

    def _way(self, dotted: str) -> str:
        return f"a name that starts with one of {self.allow}; {TO_ALLOW.format(dotted)}"


def _against(
    key: str, path: str, target: Mapping[str, Any], signature: Signature
) -> Iterator[Problem]:
    for name, value in target.items():
        if name == KEY:
            continue
        if name not in signature.names and (
            not signature.takes_any or _is_slip(name, signature.names)
        ):
            near = difflib.get_close_matches(name, signature.names, 1, 0.5) or [
                n for n in signature.names if n.lower() == name.lower()
            ]
            yield (
                f"{key}.{name}",
                f"`{path.rpartition('.')[2]}` takes no `{name}`",
                (f"`{near[0]}`; " if near else "") + f"one of {sorted(signature.names)}",
            )
        elif (rules := signature.constraints.get(name)) and not fits(value, rules):
            texts = " or ".join(text for rule in rules if (text := rule.text))
            yield f"{key}.{name}", f"`{key}.{name}` is {value!r}", texts


def _is_slip(name: str, known: tuple[str, ...]) -> bool:
    """Say whether a name that `**kwargs` would take is meant to be one of the named arguments."""
    return bool(difflib.get_close_matches(name, known, 1, _SLIP))
