"""Reads composed values that need not have passed the typed models: what is not there is nothing.

So that every problem of conf/ can be told at once.
"""

from collections.abc import Mapping
from typing import Any


def get(values: Any, *keys: str) -> Any:
    """Return what stands at a path of mappings; None if nothing does."""
    for key in keys:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def items(values: Any) -> list[Any]:
    """Return a list; empty if it is none."""
    return values if isinstance(values, list) else []


def pairs(values: Any) -> list[tuple[str, Any]]:
    """Return the keys and values of a mapping; empty if it is none."""
    return list(values.items()) if isinstance(values, Mapping) else []
