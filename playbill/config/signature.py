"""A `_target_`'s keyword arguments against its constructor, read from the source.

Importing scikit-learn to see a signature would cost every compose more than a second; parsing the
one file that defines the class costs some hundredths. Where a class states scikit-learn's
`_parameter_constraints`, values are checked too, as far as they are plain literals.
"""

import ast
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playbill.config.definition import Definition, Node, Sources
from playbill.config.imported import ask
from playbill.config.nearest import nearest
from playbill.config.passed import Passed
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
    check = _Check(Sources(root), allow, Passed(root, __file__, allow))
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
        asked = self.passed.digest(key if key in CLASSES else "", target)
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
    key: str, path: str, target: Mapping[str, Any], signature: "Signature"
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
        elif (rules := signature.constraints.get(name)) and not _fits(value, rules):
            texts = " or ".join(text for rule in rules if (text := rule.text))
            yield f"{key}.{name}", f"`{key}.{name}` is {value!r}", texts


def _is_slip(name: str, known: tuple[str, ...]) -> bool:
    """Say whether a name that `**kwargs` would take is meant to be one of the named arguments."""
    return bool(difflib.get_close_matches(name, known, 1, _SLIP))


@dataclass(frozen=True)
class Rule:
    """One alternative of a parameter's constraint: plain types, a range, or a set of strings."""

    text: str
    types: tuple[type, ...] = ()
    low: float = float("-inf")
    high: float = float("inf")
    closed: str = "both"
    options: frozenset[Any] | None = None
    opaque: bool = False


@dataclass(frozen=True)
class Signature:
    """What a constructor takes.

    Attributes:
        names: Its keyword arguments.
        takes_any: True if it has `**kwargs`.
        constraints: The rules of the arguments that state some; absent: anything goes.
    """

    names: tuple[str, ...]
    takes_any: bool
    constraints: Mapping[str, tuple[Rule, ...]]


def _fits(value: Any, rules: tuple[Rule, ...]) -> bool:
    return any(_fits_one(value, rule) for rule in rules)


def _fits_one(value: Any, rule: Rule) -> bool:
    if rule.opaque:
        return True
    if rule.options is not None:
        return not isinstance(value, (list, Mapping)) and value in rule.options
    if bool not in rule.types and isinstance(value, bool):
        return False
    if not isinstance(value, rule.types):
        return False
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        above = value > rule.low or (value == rule.low and rule.closed in ("left", "both"))
        below = value < rule.high or (value == rule.high and rule.closed in ("right", "both"))
        return above and below
    return True


def read_signature(path: str, sources: Sources) -> Signature | None:
    """Return the signature of the class or function that `path` names; None if nobody knows it.

    Where no source is found the installed class is asked (config/imported.py).
    """
    found = sources.find(path)
    if found.node is None:
        mine = found.home.partition(".")[0] == PROJECT
        known = None if mine or found.known is not None else ask(path, sources.root)
        return None if known is None else Signature(*known, {})
    if isinstance(found.node, ast.FunctionDef):
        return _signature(found.node.args, {}, skip=0)
    constructor = _method(found, "__init__", sources)
    if constructor is None:
        return None
    rules = _constraints(found, sources)
    own = _signature(constructor.args, rules, skip=1)
    if not own.takes_any:
        return own
    # What it does not name it hands to its bases: xgboost.XGBClassifier names one argument of 40.
    names = [*own.names, *_handed_on(found, sources)]
    return Signature(tuple(dict.fromkeys(names)), own.takes_any, rules)


def _handed_on(found: Definition, sources: Sources) -> Iterator[str]:
    for base in _bases(found, sources):
        inner = _method(base, "__init__", sources)
        if inner is not None:
            signature = _signature(inner.args, {}, skip=1)
            yield from signature.names
            if signature.takes_any:
                yield from _handed_on(base, sources)


def _signature(
    arguments: ast.arguments, constraints: Mapping[str, tuple[Rule, ...]], *, skip: int
) -> Signature:
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)][skip:]
    names += [a.arg for a in arguments.kwonlyargs]
    return Signature(tuple(names), arguments.kwarg is not None, constraints)


def _method(found: Definition, name: str, sources: Sources) -> ast.FunctionDef | None:
    for item in getattr(found.node, "body", []):
        if isinstance(item, ast.FunctionDef) and item.name == name:
            return item
    for base in _bases(found, sources):
        if (method := _method(base, name, sources)) is not None:
            return method
    return None


def _bases(found: Definition, sources: Sources) -> Iterator[Definition]:
    node: Node | None = found.node
    for base in node.bases if isinstance(node, ast.ClassDef) else ():
        if isinstance(base, ast.Name):
            inner = sources.lookup(found.home, base.id)
            if isinstance(inner.node, ast.ClassDef):
                yield inner


def _constraints(found: Definition, sources: Sources) -> dict[str, tuple[Rule, ...]]:
    """Read scikit-learn's `_parameter_constraints`, those of the base classes first."""
    rules: dict[str, tuple[Rule, ...]] = {}
    for base in _bases(found, sources):
        rules.update(_constraints(base, sources))
    for dictionary in map(_stated, getattr(found.node, "body", [])):
        for key, value in zip(dictionary.keys, dictionary.values, strict=True):
            if key is None:
                rules.update(_taken_over(found, value, sources))
            elif isinstance(key, ast.Constant) and isinstance(value, ast.List):
                rules[str(key.value)] = tuple(_rule(element) for element in value.elts)
            elif isinstance(key, ast.Constant):
                rules.pop(str(key.value), None)
    return rules


def _stated(statement: ast.stmt) -> ast.Dict:
    """Return what a statement of a class says in `_parameter_constraints`; empty if nothing."""
    targets: list[Any] = getattr(statement, "targets", [getattr(statement, "target", None)])
    value = getattr(statement, "value", None)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.args:
        targets = [value.func.value] if value.func.attr == "update" else []
        value = value.args[0]
    named = any(isinstance(t, ast.Name) and t.id == "_parameter_constraints" for t in targets)
    return value if named and isinstance(value, ast.Dict) else ast.Dict([], [])


def _taken_over(
    found: Definition, value: ast.expr, sources: Sources
) -> dict[str, tuple[Rule, ...]]:
    """Return what `**Other._parameter_constraints` stands for; a forest takes a tree's so."""
    if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
        return _constraints(sources.lookup(found.home, value.value.id), sources)
    return {}


_KINDS: dict[str, tuple[type, ...]] = {
    "Integral": (int,), "Real": (int, float), "RealNotInt": (float,),
    "int": (int,), "float": (float,), "str": (str,), "bool": (bool,), "dict": (dict,),
}  # fmt: skip
_SEQUENCES = ("tuple", "list", "set")


def _rule(node: ast.expr) -> Rule:
    if isinstance(node, ast.Constant):
        return _constant_rule(node.value)
    if isinstance(node, ast.Name) and node.id in _KINDS:
        return Rule(node.id, _KINDS[node.id])
    if isinstance(node, ast.Name) and node.id not in _SEQUENCES:
        return Rule("", (dict,))  # of another class YAML can only say how to make one
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _made_rule(node, node.func.id)
    return Rule("", opaque=True)


def _made_rule(node: ast.Call, name: str) -> Rule:
    """Return the rule of `Interval(...)`, `StrOptions(...)` and the like."""
    if name == "Interval":
        return _interval(node)
    if name == "Hidden":
        return replace(_rule(node.args[0]), text="")
    if name in ("StrOptions", "Options"):
        try:
            options = frozenset(ast.literal_eval(node.args[-1]))
        except (ValueError, TypeError):
            return Rule("", opaque=True)
        return Rule(f"one of {sorted(map(str, options))}", options=options)
    return Rule("", opaque=True)


def _constant_rule(value: Any) -> Rule:
    if value is None:
        return Rule("null", (type(None),))
    if value in ("boolean", "verbose"):
        return Rule("true or false", (bool, int) if value == "verbose" else (bool,))
    if value == "random_state":
        return Rule("a whole number", (int, type(None)), low=0)
    return Rule("", opaque=True)


def _interval(node: ast.Call) -> Rule:
    given: dict[str, ast.expr] = dict(zip(("type", "left", "right"), node.args, strict=False))
    given |= {word.arg: word.value for word in node.keywords if word.arg}
    made_of = given.get("type")
    kind = made_of.id if isinstance(made_of, ast.Name) else ""
    if kind not in _KINDS:
        return Rule("", opaque=True)
    low, high = _bound(given.get("left"), "-inf"), _bound(given.get("right"), "inf")
    closed = given.get("closed")
    side = str(closed.value) if isinstance(closed, ast.Constant) else "both"
    left = "[" if side in ("left", "both") else "("
    right = "]" if side in ("right", "both") else ")"
    name = "a whole number" if kind == "Integral" else "a number"
    return Rule(f"{name} in {left}{low:g}, {high:g}{right}", _KINDS[kind], low, high, side)


def _bound(node: ast.expr | None, default: str) -> float:
    """Return a bound of an interval; the default if it is none or no literal."""
    try:
        value = ast.literal_eval(node) if node is not None else None
    except ValueError:
        value = None
    return float(default if value is None else value)
