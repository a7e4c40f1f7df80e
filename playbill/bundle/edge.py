"""Rows at the edges of a model: where a runtime that is almost right would answer otherwise.

Rows of the hold-out, each changed in one column: missing, unknown, every category, the contract's
bounds and beyond, every threshold of the model and the doubles on both sides of it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from playbill.contract.column import Column

UNKNOWN = "no category has this name"
BEYOND = 1e300
LARGEST_INTEGER = 2.0**53
LIMIT = 30_000  # rows; beyond it thresholds are sampled at equal distances
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Edges:
    """Rows at the edges.

    Attributes:
        columns: Values by input column, as a request would bring them.
        kinds: What was changed in each row: missing, category, extreme or threshold.
        possible: How many such rows there are, those that were left out by sampling included.
    """

    columns: Mapping[str, list[Any]]
    kinds: tuple[str, ...]
    possible: int


@dataclass(frozen=True)
class _Change:
    kind: str
    values: Mapping[str, Any]


def edges_of(
    rows: Mapping[str, Sequence[Any]],
    inputs: "Sequence[Column]",
    breaks: "Mapping[str, NDArray[np.float64]]",
    words: Sequence[str],
    *,
    limit: int = LIMIT,
) -> Edges:
    """Return the rows to try.

    Args:
        rows: Rows of the hold-out by input column, None for a missing value.
        inputs: The contract's input columns.
        breaks: Raw numbers at which the model's answer may change, by column.
        words: Texts that the Pipeline knows.
        limit: Most rows.
    """
    fixed = [change for column in inputs for change in _changes(column, rows, words)]
    fixed += _together(inputs)
    at = [
        _Change("threshold", {column.name: value})
        for column in inputs
        for value in _around(column, breaks.get(column.name, ()))
    ]
    possible = len(fixed) + len(at)
    room = max(limit - len(fixed), 0)
    if len(at) > room:
        at = [at[place * len(at) // room] for place in range(room)]
    changes = fixed + at
    count = len(next(iter(rows.values()))) if rows else 0
    columns = {}
    for column in inputs:
        known, name = rows[column.name], column.name
        columns[name] = [
            change.values[name] if name in change.values else known[place % count]
            for place, change in enumerate(changes)
        ]
    return Edges(columns, tuple(change.kind for change in changes), possible)


def _changes(
    column: "Column", rows: Mapping[str, Sequence[Any]], words: Sequence[str]
) -> Iterator[_Change]:
    name = column.name
    if column.nullable:
        yield _Change("missing", {name: None})
    if column.kind == "text":
        known = column.categories or [*words, UNKNOWN, ""]
        yield from (_Change("category", {name: word}) for word in known)
    elif column.kind == "boolean":
        yield from (_Change("category", {name: value}) for value in (True, False))
    else:
        seen = [value for value in rows[name] if value is not None]
        ends = [min(seen), max(seen)] if seen else []
        for value in [*ends, *_bounds(column)]:
            yield _Change("extreme", {name: value})


def _bounds(column: "Column") -> list[Any]:
    if column.kind == "datetime":
        return [EPOCH, datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)]
    beyond = LARGEST_INTEGER if column.kind == "integer" else BEYOND
    low = -beyond if column.minimum is None else float(column.minimum)
    high = beyond if column.maximum is None else float(column.maximum)
    inside = [value for value in (0.0, -0.0, 5e-324) if low <= value <= high]
    return [low, high, *inside]


def _together(inputs: "Sequence[Column]") -> list[_Change]:
    """Return changes of many columns at once."""
    missing = {column.name: None for column in inputs if column.nullable}
    unknown = {c.name: UNKNOWN for c in inputs if c.kind == "text" and not c.categories}
    found: list[tuple[str, dict[str, Any]]] = [
        ("missing", missing),
        ("category", unknown),
        ("missing", {**unknown, **missing}),
    ]
    return [_Change(kind, values) for kind, values in found if values]


def _around(column: "Column", breaks: "Sequence[float] | NDArray[np.float64]") -> Iterator[Any]:
    for each in breaks:
        value = float(each)
        if column.kind == "datetime":
            yield from _moments(value)
        else:
            yield from (math.nextafter(value, -math.inf), value, math.nextafter(value, math.inf))


def _moments(seconds: float) -> Iterator[datetime]:
    """Yield the microseconds around a number of seconds; a request cannot be more exact."""
    try:
        moment = EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return
    step = timedelta(microseconds=1)
    yield from (moment - step, moment, moment + step)
