"""What a constructor takes, read from the source that defines its class.

Importing scikit-learn to see a signature would cost every compose more than a second; parsing the
one file that defines the class costs some hundredths. Where a class states scikit-learn's
`_parameter_constraints`, values are checked too, as far as they are plain literals.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from playbill.config.definition import Definition, Sources
from playbill.config.imported import ask
from playbill.config.target import PROJECT


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
        required: Those of its keyword arguments that have no default.
    """

    names: tuple[str, ...]
    takes_any: bool
    constraints: Mapping[str, tuple[Rule, ...]]
    required: tuple[str, ...] = ()


def fits(value: Any, rules: tuple[Rule, ...]) -> bool:
    """Say whether one of the rules takes a value."""
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
        if known is None or known.names is None:
            return None
        return Signature(known.names, known.takes_any, {}, known.required)
    if isinstance(found.node, ast.FunctionDef):
        return _signature(found.node.args, {}, skip=0)
    constructor = method(found, "__init__", sources)
    if constructor is None:
        return None
    rules = _constraints(found, sources)
    own = _signature(constructor.args, rules, skip=1)
    if not own.takes_any:
        return own
    # What it does not name it hands to its bases: xgboost.XGBClassifier names one argument of 40.
    names = [*own.names, *_handed_on(found, sources)]
    return Signature(tuple(dict.fromkeys(names)), own.takes_any, rules, own.required)


def _handed_on(found: Definition, sources: Sources) -> Iterator[str]:
    for base in sources.bases(found):
        inner = method(base, "__init__", sources)
        if inner is not None:
            signature = _signature(inner.args, {}, skip=1)
            yield from signature.names
            if signature.takes_any:
                yield from _handed_on(base, sources)


def _signature(
    arguments: ast.arguments, constraints: Mapping[str, tuple[Rule, ...]], *, skip: int
) -> Signature:
    plain = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    required = plain[skip : len(plain) - len(arguments.defaults)]
    alone = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    required += [a.arg for a, default in alone if default is None]
    names = plain[skip:] + [a.arg for a in arguments.kwonlyargs]
    return Signature(tuple(names), arguments.kwarg is not None, constraints, tuple(required))


def method(found: Definition, name: str, sources: Sources) -> ast.FunctionDef | None:
    """Return a class's method by its name, its own or one of its bases'; None if none is read."""
    for item in getattr(found.node, "body", []):
        if isinstance(item, ast.FunctionDef) and item.name == name:
            return item
    for base in sources.bases(found):
        if (inherited := method(base, name, sources)) is not None:
            return inherited
    return None


def _constraints(found: Definition, sources: Sources) -> dict[str, tuple[Rule, ...]]:
    """Read scikit-learn's `_parameter_constraints`, those of the base classes first."""
    rules: dict[str, tuple[Rule, ...]] = {}
    for base in sources.bases(found):
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
