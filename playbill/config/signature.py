"""A `_target_`'s keyword arguments against its constructor, read from the source.

Importing scikit-learn to see a signature would cost every compose more than a second; parsing the
one file that defines the class costs some hundredths. Where a class states scikit-learn's
`_parameter_constraints`, values are checked too, as far as they are plain literals.
"""

import ast
import difflib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from playbill.config.schema import Params
from playbill.config.target import KEY, is_allowed

Problem = tuple[str, str, str]  # key, what, expected
_MOST_REEXPORTS = 6  # a longer chain of imports is a cycle


def target_problems(params: Params) -> Iterator[Problem]:
    """Yield key, problem and expectation for every `_target_` in `feature` and `model`."""
    yield from _check("model", params.model, params.allow)
    for name, group in params.feature.groups.items():
        for index, step in enumerate(group.steps):
            yield from _check(f"feature.groups.{name}.steps.{index}", step, params.allow)
    for name, source in params.source.sources.items():
        if source.kind == "python" and not is_allowed(
            source.target.replace(":", "."), params.allow
        ):
            yield _refused(f"source.sources.{name}.target", source.target, params.allow)


def _refused(key: str, path: str, allow: list[str]) -> Problem:
    return (
        key,
        f"`{path}` is not on the allow list",
        f"a name that starts with one of {allow}; `allow:` in conf/config.yaml can name more",
    )


def _check(key: str, target: Mapping[str, Any], allow: list[str]) -> Iterator[Problem]:
    path = target.get(KEY)
    if not isinstance(path, str):
        yield key, f"`{KEY}` is missing", "the dotted name of a class"
        return
    if not is_allowed(path.replace(":", "."), allow):
        yield _refused(f"{key}.{KEY}", path, allow)
        return
    for name, value in target.items():
        if isinstance(value, Mapping) and KEY in value:
            yield from _check(f"{key}.{name}", value, allow)
    signature = read_signature(path)
    if signature is None:
        return
    yield from _against(key, path, target, signature)


def _against(
    key: str, path: str, target: Mapping[str, Any], signature: "Signature"
) -> Iterator[Problem]:
    for name, value in target.items():
        if name == KEY:
            continue
        if name not in signature.names and not signature.takes_any:
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


@cache
def read_signature(path: str) -> Signature | None:
    """Return the signature of the class or function `path` names, or None if no source is found."""
    module, _, name = path.replace(":", ".").rpartition(".")
    found = _definition(module, name, 0)
    if found is None:
        return None
    node, home = found
    if isinstance(node, ast.FunctionDef):
        return _signature(node.args, {}, skip=0)
    constructor = _method(node, home, "__init__")
    if constructor is None:
        return None
    return _signature(constructor.args, _constraints(node, home), skip=1)


def _signature(
    arguments: ast.arguments, constraints: Mapping[str, tuple[Rule, ...]], *, skip: int
) -> Signature:
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)][skip:]
    names += [a.arg for a in arguments.kwonlyargs]
    return Signature(tuple(names), arguments.kwarg is not None, constraints)


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _file(module: str) -> Path | None:
    """Return the source file of a module without importing it or its parents."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for folder in spec.submodule_search_locations or ():
        base = Path(folder, *rest)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None


Found = tuple[ast.ClassDef | ast.FunctionDef, str]


def _definition(module: str, name: str, depth: int) -> Found | None:
    """Follow `name` from `module` through its imports to the definition and its module."""
    path = _file(module)
    if path is None or depth > _MOST_REEXPORTS:
        return None
    is_package = path.name == "__init__.py"
    for node in _parse(path).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            return node, module
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    source = _absolute(module, node, is_package=is_package)
                    return _definition(source, alias.name, depth + 1)
    return None


def _absolute(module: str, node: ast.ImportFrom, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    base = parts[: len(parts) - node.level + (1 if is_package else 0)]
    return ".".join([*base, *([node.module] if node.module else [])])


def _method(node: ast.ClassDef, home: str, name: str) -> ast.FunctionDef | None:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == name:
            return item
    for base in _bases(node, home):
        if (found := _method(*base, name)) is not None:
            return found
    return None


def _bases(node: ast.ClassDef, home: str) -> Iterator[tuple[ast.ClassDef, str]]:
    for base in node.bases:
        if isinstance(base, ast.Name):
            found = _definition(home, base.id, 0)
            if found is not None and isinstance(found[0], ast.ClassDef):
                yield found[0], found[1]


def _constraints(node: ast.ClassDef, home: str) -> dict[str, tuple[Rule, ...]]:
    """Read scikit-learn's `_parameter_constraints`, those of the base classes first."""
    rules: dict[str, tuple[Rule, ...]] = {}
    for base in _bases(node, home):
        rules.update(_constraints(*base))
    for item in node.body:
        targets = [item.target] if isinstance(item, ast.AnnAssign) else getattr(item, "targets", [])
        named = any(isinstance(t, ast.Name) and t.id == "_parameter_constraints" for t in targets)
        if named and isinstance(dictionary := getattr(item, "value", None), ast.Dict):
            for key, value in zip(dictionary.keys, dictionary.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.List):
                    rules[str(key.value)] = tuple(_rule(element) for element in value.elts)
                elif isinstance(key, ast.Constant):
                    rules.pop(str(key.value), None)
    return rules


_KINDS: dict[str, tuple[type, ...]] = {
    "Integral": (int,), "Real": (int, float), "RealNotInt": (float,),
    "int": (int,), "float": (float,), "str": (str,), "bool": (bool,), "dict": (dict,),
}  # fmt: skip


def _rule(node: ast.expr) -> Rule:
    if isinstance(node, ast.Constant):
        return _constant_rule(node.value)
    if isinstance(node, ast.Name) and node.id in _KINDS:
        return Rule(node.id, _KINDS[node.id])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "Interval":
            return _interval(node)
        if node.func.id in ("StrOptions", "Options"):
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
    kind = node.args[0].id if isinstance(node.args[0], ast.Name) else ""
    if kind not in _KINDS:
        return Rule("", opaque=True)
    bounds = []
    for argument, default in zip(node.args[1:3], ("-inf", "inf"), strict=True):
        try:
            value = ast.literal_eval(argument)
        except ValueError:
            value = None
        bounds.append(float(default) if value is None else float(value))
    closed = next(
        (
            str(word.value.value)
            for word in node.keywords
            if word.arg == "closed" and isinstance(word.value, ast.Constant)
        ),
        "both",
    )
    left, right = (
        "[" if closed in ("left", "both") else "(",
        "]" if closed in ("right", "both") else ")",
    )
    name = "a whole number" if kind == "Integral" else "a number"
    text = f"{name} in {left}{bounds[0]:g}, {bounds[1]:g}{right}"
    return Rule(text, _KINDS[kind], bounds[0], bounds[1], closed)
