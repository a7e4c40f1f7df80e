"""Every `_target_` of conf/: is it allowed, does it exist, does it take its arguments?"""

import ast
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from playbill.config.definition import Definition, Sources
from playbill.config.imported import ask
from playbill.config.nearest import nearest
from playbill.config.outcome import Task
from playbill.config.passed import Passed
from playbill.config.role import Demand, model_lacks, step_lacks, takes_no_categories
from playbill.config.searched import search_problems
from playbill.config.signature import Signature, fits, read_signature
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
from playbill.config.untyped import get, items, pairs

Problem = tuple[str, str, str]  # key, what, expected
# What a target is for: a model answers, a step transforms, and what stands in them is theirs.
_MODEL, _STEP, _INNER = "model", "step", ""
_SLIP = 0.8  # likeness from which on two names are one and a slip of the pen


def target_problems(values: Mapping[str, Any], root: Path) -> Iterator[Problem]:
    """Yield key, problem and expectation for every `_target_` in `feature` and `model`.

    A `Refusal` in place of a plain tuple is a target that is not on the allow list. The values
    need not have passed the typed models, so that all problems can be told at once.
    """
    check = checker(values, root)
    for section in ("model", "feature"):
        yield from check.section(section, values.get(section))
    yield from search_problems(values, check.section)
    for name, source in pairs(get(values, "source", "sources")):
        if isinstance(path := get(source, "target"), str):
            yield from check.name(f"source.sources.{name}.target", path)
    check.passed.save()


def checker(values: Mapping[str, Any], root: Path) -> "_Check":
    """Return what checks the targets of these values."""
    listed = items(values.get("allow"))
    allow = [each for each in listed if isinstance(each, str)]
    task = get(values, "contract", "task")
    known: Task = task if task in get_args(Task) else "binary"
    calibrated = get(values, "training", "calibration", "method") in ("sigmoid", "isotonic")
    groups = [group for _, group in pairs(get(values, "feature", "groups"))]
    categories = any(get(group, "categorical") is True for group in groups)
    demand = Demand(known, calibrated, categories)
    return _Check(Sources(root), allow, Passed(root, __file__, allow), demand)


@dataclass(frozen=True)
class _Check:
    sources: Sources
    allow: list[str]
    passed: Passed
    demand: Demand

    def section(self, name: str, value: Any, *, roles: bool = True) -> Iterator[Problem]:
        """Check the whole of `model` or `feature`; its targets' roles too, unless told not to."""
        if name == "model":
            yield from self._one(name, value, _MODEL if roles else _INNER)
            return
        for group, inner in pairs(get(value, "groups")):
            for index, step in enumerate(items(get(inner, "steps"))):
                role = _STEP if roles else _INNER
                yield from self._one(f"{name}.groups.{group}.steps.{index}", step, role)

    def _one(self, key: str, target: Any, role: str) -> Iterator[Problem]:
        if isinstance(target, Mapping) and KEY not in target:
            near = [n for n in target if isinstance(n, str) and n.strip("_") == KEY.strip("_")]
            what = f"`{KEY}` is missing" + (f"; `{near[0]}` is another key" if near else "")
            yield key, what, f"`{KEY}:` with the dotted name of a class"
        yield from self._walk(key, target, role)

    def _walk(self, key: str, value: Any, role: str = _INNER) -> Iterator[Problem]:
        """Check every `_target_` in a section, however deep."""
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from self._walk(f"{key}.{index}", item)
        if not isinstance(value, Mapping):
            return
        if KEY in value:
            yield from self._target(key, value, role)
        for name, item in value.items():
            yield from self._walk(f"{key}.{name}", item)

    def _target(self, key: str, target: Mapping[str, Any], role: str) -> Iterator[Problem]:
        path = target[KEY]
        if not isinstance(path, str):
            yield f"{key}.{KEY}", f"`{KEY}` is {path!r}", "the dotted name of a class"
            return
        asked = self.passed.digest(f"{role} {self.demand if role == _MODEL else ''}", target)
        if asked in self.passed:
            return
        problems = list(self._problems(key, path, target, role))
        yield from problems
        if not problems and asked is not None:
            self.passed.add(asked)

    def _problems(
        self, key: str, path: str, target: Mapping[str, Any], role: str
    ) -> Iterator[Problem]:
        problems = list(self.name(f"{key}.{KEY}", path)) or [
            *self._kind(f"{key}.{KEY}", path, role)
        ]
        signature = None if problems else read_signature(path, self.sources)
        if signature is not None:
            problems += _against(key, path, target, signature)
        if signature is not None and role == _MODEL and self.demand.categories:
            told = takes_no_categories(path, signature)
            problems += [(f"{key}.{KEY}", *told)] if told else []
        if not problems and role in (_MODEL, _STEP):
            lacks = self._lacks(target, role)
            problems += [(f"{key}.{KEY}", *lacks)] if lacks else []
        yield from problems

    def _lacks(self, target: Mapping[str, Any], role: str) -> tuple[str, str] | None:
        if role == _STEP:
            return step_lacks(target, self.sources, self.allow)
        return model_lacks(target, self.demand, self.sources, self.allow)

    def _kind(self, key: str, path: str, role: str) -> Iterator[Problem]:
        """Refuse what is no class, unless the project may call it."""
        found, dotted = self.sources.find(path), path.replace(":", ".")
        own = path.partition(".")[0] == PROJECT
        if own or isinstance(found.node, ast.ClassDef):
            return
        home = _class_of(found, self.sources)
        if home and role in (_MODEL, _STEP):
            inner = found.name.removeprefix(home)
            what = f"`{path}` is a part of a class, and not a class itself"
            yield key, what, f"the class, `{path.removesuffix(inner)}`"
        elif isinstance(found.node, ast.FunctionDef) and role == _MODEL:
            # Building the Pipeline would call it, whatever it does.
            yield key, f"`{path}` is a function", "a class with fit and predict_proba"
        elif may_call(dotted, self.allow):
            return
        elif found.node is not None or (not home and self._is_no_class(dotted)):
            yield Refusal(key, f"`{path}` {NO_CLASS}", self._way(dotted))

    def _is_no_class(self, path: str) -> bool:
        said = ask(path, self.sources.root)
        return said is not None and not said.is_class

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


def _class_of(found: Definition, sources: Sources) -> str:
    """Return the class that a name leads into, as `Ridge` in `Ridge.fit`; empty if into none."""
    outer, _, inner = found.name.rpartition(".")
    if found.node is not None or not inner or not outer or found.known is not None:
        return ""
    home = sources.lookup(found.home, outer)
    return outer if isinstance(home.node, ast.ClassDef) else ""


def _against(
    key: str, path: str, target: Mapping[str, Any], signature: Signature
) -> Iterator[Problem]:
    short = path.replace(":", ".").rpartition(".")[2]
    for name in signature.required:
        if name not in target:
            texts = " or ".join(
                t for rule in signature.constraints.get(name, ()) if (t := rule.text)
            )
            expected = f"`{name}:` beside `{KEY}`" + (f", {texts}" if texts else "")
            yield f"{key}.{KEY}", f"`{short}` needs `{name}`, which is not given", expected
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
                f"`{short}` takes no `{name}`",
                (f"`{near[0]}`; " if near else "") + f"one of {sorted(signature.names)}",
            )
        elif (rules := signature.constraints.get(name)) and not fits(value, rules):
            texts = " or ".join(text for rule in rules if (text := rule.text))
            yield f"{key}.{name}", f"`{key}.{name}` is {value!r}", texts


def _is_slip(name: str, known: tuple[str, ...]) -> bool:
    """Say whether a name that `**kwargs` would take is meant to be one of the named arguments."""
    return bool(difflib.get_close_matches(name, known, 1, _SLIP))
