"""Says which of the known names somebody most likely meant."""

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 12


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the `expected` part of an error: the nearest known name, else the known ones."""
    names = list(dict.fromkeys(known))
    if close := get_close_matches(name, names, n=1):
        return f"`{close[0]}` is the nearest name"
    if not names:
        return ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"one of {', '.join(names[:SHOWN])}{more}"
