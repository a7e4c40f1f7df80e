"""What a client of the generated server will notice of a change of params.yaml.

The server asks for every input column, refuses unknown ones, and checks type, range and category;
so a request that was fine is refused when any of these becomes narrower. What was before is read
leniently: it may be of an older Playbill.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from playbill.contract.column import Column, columns_of

_LIMITS = {
    "max_batch_rows": "rows in a batch",
    "max_body_bytes": "bytes in a body",
    "max_batch_bytes": "bytes in the body of a batch",
    "max_text_length": "characters in a text",
}
_WORDS = ("description", "example", "title")  # keys whose values are only shown


def breaks(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return what breaks a client that works today, one line each.

    Args:
        before: params.yaml as plain mappings, what the present server was made from.
        after: The same, of the server to come.
    """
    found = list(_name(before, after))
    old, new = columns_of(_section(before, "contract")), columns_of(_section(after, "contract"))
    found += [f"the field `{name}` is no longer known" for name in old if name not in new]
    found += [f"the field `{name}` is required" for name in new if name not in old]
    for name, column in new.items():
        if name in old:
            found += [f"the field `{name}` {text}" for text in narrowed(old[name], column)]
    return found + list(_limits(_section(before, "server"), _section(after, "server")))


def is_wording(key: str) -> bool:
    """Say whether a key of params.yaml holds a text that is only shown to people."""
    first, _, rest = key.partition(".")
    return first in {"contract", "server"} and rest.rpartition(".")[2] in _WORDS


def _section(params: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = params.get(key)
    return found if isinstance(found, Mapping) else {}


def _name(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    if before.get("name") and before["name"] != after.get("name"):
        yield f"the model is called {after.get('name')}, no longer {before['name']}"


def narrowed(old: Column, new: Column) -> Iterator[str]:
    """Yield what a column takes no longer: its kind, null, a part of its range, a category."""
    if old.kind != new.kind:
        yield f"becomes {new.kind}, was {old.kind}"
        return
    if old.nullable and not new.nullable:
        yield "may no longer be null"
    low, was_low = (_bound(c.minimum, c.exclusive_minimum, 1) for c in (new, old))
    if low > was_low:
        word = "above" if new.exclusive_minimum else "at"
        yield f"begins {word} {_shown(new.minimum)}, was {_shown(old.minimum)}"
    high, was_high = (_bound(c.maximum, c.exclusive_maximum, -1) for c in (new, old))
    if high > was_high:
        word = "below" if new.exclusive_maximum else "at"
        yield f"ends {word} {_shown(new.maximum)}, was {_shown(old.maximum)}"
    if new.categories is not None:
        yield from _categories(old.categories, new.categories)


def _bound(value: float | None, exclusive: object, side: int) -> tuple[float, bool]:
    """Return a bound so that the narrower one is the greater, on either side."""
    return (float("-inf") if value is None else side * float(value)), bool(exclusive)


def _shown(value: float | None) -> str:
    return "no bound" if value is None else f"{value:g}"


def _categories(old: Sequence[str] | None, new: Sequence[str]) -> Iterator[str]:
    if old is None:
        yield f"takes only {', '.join(new)}"
    elif gone := [name for name in old if name not in new]:
        yield f"no longer takes {', '.join(gone)}"


def _limits(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key, words in _LIMITS.items():
        was, now = old.get(key), new.get(key)
        if isinstance(was, int) and isinstance(now, int) and now < was:
            yield f"at most {now} {words}, was {was}"
