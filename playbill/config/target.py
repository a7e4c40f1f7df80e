"""Imports what a `_target_` names, and nothing that the allow list does not name.

A `_target_` in YAML is code execution: only prefixes in `allow:` of conf/config.yaml are imported,
and what they give must come from an allowed module too. A prefix allows classes; of a library's
functions some unpickle a file (`sklearn.datasets.fetch_*`), so they are allowed one by one.
`compose` asks the same of the sources (config/targetcheck.py); the answer that counts is the one
here, about the object itself.
"""

import importlib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from playbill.errors import ConfigError, TargetError

KEY = "_target_"
PROJECT = "stages"  # the project's own functions are its own to call
NO_CLASS = "is no class, and a prefix on the allow list allows classes alone"
# What Playbill itself ships for `feature`; nobody needs to allow it.
READY = (
    "playbill.feature.crossing.Crossing",
    "playbill.feature.dates.DateParts",
    "playbill.feature.lines.Lines",
)
TO_ALLOW = "to allow it, add `{}` to `allow:` in conf/config.yaml"


class Refusal(NamedTuple):
    """A target that is not on the allow list: its key, what is wrong, what was expected."""

    key: str
    what: str
    expected: str


def is_allowed(path: str, allow: Sequence[str]) -> bool:
    """Say whether `path` starts with an allowed prefix; a prefix without a dot must match whole."""
    return path in READY or any(path.startswith(p) if p.endswith(".") else path == p for p in allow)


def is_plain(path: str) -> bool:
    """Say whether every part is a name, and none one of Python's own such as `__builtins__`."""
    return all(
        part.isidentifier() and not (part.startswith("__") and part.endswith("__"))
        for part in path.split(".")
    )


def may_call(path: str, allow: Sequence[str]) -> bool:
    """Say whether `path` may name what is no class: by its full name, or in the project."""
    return path in allow or path.partition(".")[0] == PROJECT


def reaches(path: str, end: str, allow: Sequence[str]) -> bool:
    """Say whether `path` may lead to `end`: it is allowed itself, or `path` is allowed by name."""
    return path in allow or is_allowed(end, allow) or is_allowed(f"{end}.", allow)


def import_target(path: str, allow: Sequence[str]) -> Any:
    """Return the object that `path` (`package.module.Name` or `package.module:name`) names.

    Raises:
        TargetError: `path` is not allowed, or leads to what is not.
        ConfigError: It is allowed and does not exist.
    """
    dotted = path.replace(":", ".")
    if not is_plain(dotted) or not is_allowed(dotted, allow):
        raise _refused(f"`{path}` is not on the allow list", dotted, allow)
    module, _, name = dotted.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"`{path}` cannot be imported: {error}",
            expected="an importable `package.module.Name`",
            run="correct the name, or install the package that has it",
        ) from error
    end = _end(found, name)
    if not reaches(dotted, end, allow):
        what = f"`{path}` leads to `{end}`, which is not on the allow list"
        raise _refused(what, dotted, allow)
    return found


def _end(found: Any, name: str) -> str:
    """Return the full name of an object where it was defined."""
    if isinstance(found, ModuleType):
        return found.__name__
    home = getattr(found, "__module__", None) or type(found).__module__
    return f"{home}.{getattr(found, '__qualname__', name)}"


def _refused(what: str, dotted: str, allow: Sequence[str]) -> TargetError:
    return TargetError(
        what,
        expected=f"a name that starts with one of {list(allow)}",
        run=TO_ALLOW.format(dotted),
    )


def build(target: Mapping[str, Any], allow: Sequence[str]) -> Any:
    """Call the `_target_` of a mapping with the rest of the mapping as keyword arguments.

    Nested mappings that have a `_target_` are built first.

    Raises:
        TargetError: A target is not allowed.
        ConfigError: A target does not exist or refuses its arguments.
    """
    arguments = {key: _value(value, allow) for key, value in target.items() if key != KEY}
    path = str(target[KEY])
    factory = import_target(path, allow)
    if not isinstance(factory, type) and not may_call(path.replace(":", "."), allow):
        raise _refused(f"`{path}` {NO_CLASS}", path, allow)
    try:
        return factory(**arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"`{target[KEY]}` refused its arguments: {error}",
            expected="keyword arguments of its constructor",
        ) from error


def _value(value: Any, allow: Sequence[str]) -> Any:
    if isinstance(value, Mapping):
        if KEY in value:
            return build(value, allow)
        return {key: _value(item, allow) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item, allow) for item in value]
    return value
