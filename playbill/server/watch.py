"""Watches the features: missing and unknown values, and drift from the reference.

Accepted rows are put aside as they come and counted about once a second, column by column. The
window is made of blocks that are emptied in turn; each worker has its own, and they are added up
when somebody asks. What is compared is what the reference profile has: counts per bin.
"""

import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import is_
from typing import Any

from playbill.server.measure import Board, Family, line
from playbill.server.plain import Plain, values_of

FEATURES = "playbill_feature_values_total"
ASPECTS = ("missing", "unknown", "out_of_range", "invalid")
BLOCKS = 12
SAMPLED = 500  # rows a second that are compared with the reference; all are counted
WAITING = 5_000  # rows that may wait to be counted
# pydantic's error types by what they say of a value.
ASPECT_OF = {
    "literal_error": "unknown",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "missing": "missing",
}


@dataclass(frozen=True)
class Bins:
    """The reference of one column: how a value finds its bin, and the counts to compare with.

    The last two bins are: other values, missing.
    """

    name: str
    edges: tuple[float, ...] | None
    places: Mapping[str, int]
    known: frozenset[str] | None
    counts: tuple[float, ...]

    def place(self, value: Any) -> int:
        """Return the bin of a value."""
        if value is None:
            return len(self.counts) - 1
        if self.edges is not None:
            return bisect_left(self.edges, value)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return self.places.get(text, len(self.counts) - 2)


def bins_of(name: str, column: Mapping[str, Any]) -> Bins:
    """Return the bins of a column of the reference profile."""
    counts = [float(count) for count in column["counts"]]
    if "edges" in column:
        edges = tuple(float(edge) for edge in column["edges"])
        return Bins(name, edges, {}, None, (*counts, 0.0, float(column["missing"])))
    names = [str(each) for each in column["categories"]]
    complete = column.get("complete") and column["kind"] == "text"
    known = frozenset([*names, *column.get("known", [])]) if complete else None
    rest = (float(column["other"]), float(column["missing"]))
    return Bins(
        name, None, {each: place for place, each in enumerate(names)}, known, (*counts, *rest)
    )


def family(columns: Sequence[str]) -> Family:
    """Return the metric of the features' values."""
    text = "Values of a feature that were missing, unknown, out of range or of another type."
    return Family(FEATURES, text, labels=("feature", "aspect"), values=(tuple(columns), ASPECTS))


class Watch:
    """Counts the values of accepted and refused rows.

    Args:
        fields: Field of a row by the name of its column.
        profile: The bundle's reference profile; without columns nothing is compared.
        seconds: Length of the window.
    """

    def __init__(
        self, fields: Mapping[str, str], profile: Mapping[str, Any], seconds: float
    ) -> None:
        self._columns = list(fields)
        profiled = profile.get("columns", {})
        self._bins = {name: bins_of(name, profiled[name]) for name in fields if name in profiled}
        self._block = seconds / BLOCKS
        self._waiting: list[Plain] = []
        self._second = 0
        self._left = SAMPLED
        self._size = 1 + sum(len(each.counts) for each in self._bins.values())
        self._board: Board | None = None
        self._window_board: Board | None = None

    @property
    def extra(self) -> int:
        """Doubles that the window needs in each slot: per block its number, rows and bins."""
        return BLOCKS * (self._size + 1)

    def attach(self, board: Board, window: Board | None = None) -> None:
        """Count on a board; the window is there too, or on one of its own, of `extra` doubles."""
        self._board = board
        self._window_board = window or board
        self._places = {
            (name, aspect): board.place(FEATURES, name, aspect)
            for name in self._columns
            for aspect in ASPECTS
        }

    def accept(self, rows: Sequence[Plain]) -> None:
        """Put rows aside that were answered."""
        if len(self._waiting) < WAITING:
            self._waiting.extend(rows)
        if len(self._waiting) >= WAITING:
            self.count()

    def refuse(self, seen: Sequence[tuple[str, str]]) -> None:
        """Count what a refused row had, as column and pydantic's error type."""
        assert self._board is not None
        for name, kind in seen:
            place = self._places.get((name, ASPECT_OF.get(kind, "invalid")))
            if place is not None:
                self._board.add(place)

    def count(self) -> None:
        """Count the rows that wait."""
        rows, self._waiting = self._waiting, []
        if not rows or self._board is None:
            return
        columns = list(zip(*map(values_of, rows), strict=True))
        for name, values in zip(self._columns, columns, strict=True):
            # By identity: `count` would compare every number with None first.
            if missing := sum(map(is_, values, repeat(None))):
                self._board.add(self._places[name, "missing"], missing)
            reference = self._bins.get(name)
            if reference is not None and reference.known is not None:
                strange = set(values).difference(reference.known, (None,))
                if unknown := sum(map(strange.__contains__, values)) if strange else 0:
                    self._board.add(self._places[name, "unknown"], unknown)
        if step := self._step(len(rows)):
            self._compare({n: v[::step] for n, v in zip(self._columns, columns, strict=True)})

    def _step(self, rows: int) -> int:
        """Return which share of the rows is compared, as every how many; 0: this second is full."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._left = second, SAMPLED
        step = -(-rows // self._left) if self._left > 0 else 0
        self._left -= -(-rows // step) if step else 0
        return step

    def _compare(self, columns: Mapping[str, Sequence[Any]]) -> None:
        assert self._window_board is not None
        if not self._bins:
            return
        mine, start = self._window_board.mine, self._start()
        mine[start] += len(next(iter(columns.values())))
        place = start + 1
        for name, reference in self._bins.items():
            for value in columns[name]:
                mine[place + reference.place(value)] += 1.0
            place += len(reference.counts)

    def _start(self) -> int:
        """Return where the present block's counts begin; an old one's are dropped."""
        assert self._window_board is not None
        mine, number = self._window_board.mine, int(time.time() / self._block)
        start = self._window_board.extra_start + (number % BLOCKS) * (self._size + 1)
        if mine[start] != number:
            for place in range(start, start + self._size + 1):
                mine[place] = 0.0
            mine[start] = number
        return start + 1

    def render(self) -> str:
        """Return the drift statistics of the window in Prometheus' text format.

        The distance is total variation, half the sum of |share - share| over the bins; sampling
        alone makes it positive, by about the expected distance: half the sum of
        sqrt(2 p (1 - p) (1/n + 1/m) / pi), a normal approximation for each bin.
        """
        if not self._bins:
            return ""
        rows, counts = self._window()
        name = "playbill_drift"
        lines = [
            f"# HELP {name}_rows Sampled rows in the window.",
            f"# TYPE {name}_rows gauge",
            line(f"{name}_rows", {}, rows),
            f"# HELP {name}_distance Total variation distance of the window from the reference.",
            f"# TYPE {name}_distance gauge",
        ]
        expected = [
            f"# HELP {name}_expected_distance What sampling alone would make of the distance.",
            f"# TYPE {name}_expected_distance gauge",
        ]
        missing = _head("missing_share", "Share of missing values in the window.")
        before = _head("reference_missing_share", "Share of missing values in the reference.")
        place = 0
        for column, reference in self._bins.items():
            end = place + len(reference.counts)
            feature = {"feature": column}
            missing.append(line(f"{name}_missing_share", feature, _last(counts[place:end])))
            share = _last(reference.counts)
            before.append(line(f"{name}_reference_missing_share", feature, share))
            distance, chance = _distance(reference.counts, counts[place:end])
            lines.append(line(f"{name}_distance", feature, distance))
            expected.append(line(f"{name}_expected_distance", feature, chance))
            place = end
        return "\n".join([*lines, *expected, *missing, *before]) + "\n"

    def _window(self) -> tuple[float, list[float]]:
        assert self._window_board is not None
        newest = int(time.time() / self._block)
        rows, counts = 0.0, [0.0] * (self._size - 1)
        for slot in self._window_board.slots():
            for block in range(BLOCKS):
                start = self._window_board.extra_start + block * (self._size + 1)
                if slot[start] <= newest - BLOCKS:
                    continue
                rows += slot[start + 1]
                counts = [a + b for a, b in zip(
                    counts, slot[start + 2 : start + 1 + self._size], strict=True
                )]  # fmt: skip
        return rows, counts


def _head(name: str, text: str) -> list[str]:
    return [f"# HELP playbill_drift_{name} {text}", f"# TYPE playbill_drift_{name} gauge"]


def _last(counts: Sequence[float]) -> float:
    """Return the share of the last bin, that of missing values."""
    total = sum(counts)
    return counts[-1] / total if total else 0.0


def _distance(reference: Sequence[float], current: Sequence[float]) -> tuple[float, float]:
    n, m = sum(reference), sum(current)
    if not n or not m:
        return 0.0, 0.0
    pairs = list(zip(reference, current, strict=True))
    distance = sum(abs(a / n - b / m) for a, b in pairs) / 2
    shares = [(a + b) / (n + m) for a, b in pairs]
    spread = sum((2 * p * (1 - p) * (1 / n + 1 / m) / 3.141592653589793) ** 0.5 for p in shares)
    return distance, spread / 2
