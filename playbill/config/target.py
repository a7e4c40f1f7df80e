"""Imports what a `_target_` names, and nothing that the allow list does not name.

A `_target_` in YAML is code execution: only prefixes in `allow:` of conf/config.yaml are imported.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from playbill.errors import ConfigError, TargetError

KEY = "_target_"


def is_allowed(path: str, allow: Sequence[str]) -> bool:
    """Say whether `path` starts with an allowed prefix; a prefix without a dot must match whole."""
    return any(path.startswith(p) if p.endswith(".") else path == p for p in allow)


def import_target(path: str, allow: Sequence[str]) -> Any:
    """Return the object that `path` (`package.module.Name` or `package.module:name`) names.

    Raises:
        TargetError: `path` is not allowed.
        ConfigError: It is allowed and does not exist.
    """
    dotted = path.replace(":", ".")
    if not is_allowed(dotted, allow):
        raise TargetError(
            f"`{path}` is not on the allow list",
            expected=f"a name that starts with one of {list(allow)}",
            run=f"to allow it, add `{dotted}` to `allow:` in conf/config.yaml",
        )
    module, _, name = dotted.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"`{path}` cannot be imported: {error}",
            expected="an importable `package.module.Name`",
            run="correct the name, or install the package that has it",
        ) from error


def build(target: Mapping[str, Any], allow: Sequence[str]) -> Any:
    """Call the `_target_` of a mapping with the rest of the mapping as keyword arguments.

    Nested mappings that have a `_target_` are built first.

    Raises:
        TargetError: A target is not allowed.
        ConfigError: A target does not exist or refuses its arguments.
    """
    arguments = {key: _value(value, allow) for key, value in target.items() if key != KEY}
    factory = import_target(str(target[KEY]), allow)
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
