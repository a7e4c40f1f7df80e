"""What the server counts, in memory that its workers share.

Each worker writes doubles into its own slot of one mapped file and nobody else's, so no lock is
needed; whoever answers `/metrics` adds the slots up. A worker that replaces a dead one goes on in
the same slot, so that no counter ever goes back.
"""

import mmap
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Literal

DOUBLE = 8

Merge = Literal["sum", "max"]


@dataclass(frozen=True)
class Family:
    """A metric with all its series; nothing that a sender writes can add one.

    Attributes:
        name: Its name for Prometheus.
        text: What it says.
        kind: Prometheus' kind.
        labels: Names of its labels.
        values: The values that each label may have; the series are all their combinations.
        buckets: Upper bounds of a histogram's buckets, the last (infinity) left out.
        merge: How the workers' values of a gauge become one.
    """

    name: str
    text: str
    kind: Literal["counter", "gauge", "histogram"] = "counter"
    labels: tuple[str, ...] = ()
    values: tuple[tuple[str, ...], ...] = ()
    buckets: tuple[float, ...] = ()
    merge: Merge = "sum"
    index: dict[tuple[str, ...], int] = field(init=False, hash=False)

    def __post_init__(self) -> None:
        """Number the series."""
        found = {key: place for place, key in enumerate(product(*self.values))}
        object.__setattr__(self, "index", found)

    @property
    def width(self) -> int:
        """Doubles of one series."""
        return len(self.buckets) + 2 if self.kind == "histogram" else 1

    @property
    def size(self) -> int:
        """Doubles of all series."""
        return len(self.index) * self.width


class Board:
    """The slots of all workers.

    Args:
        families: What is counted; the same in every worker.
        extra: Doubles of each slot for the caller's own use, such as windows.
        workers: Number of slots; a worker that is replaced while it drains has two.
        slot: The slot of this worker.
        path: File that the workers share; none: memory of this process.
    """

    def __init__(
        self,
        families: Sequence[Family],
        *,
        extra: int = 0,
        workers: int = 1,
        slot: int = 0,
        path: Path | None = None,
    ) -> None:
        self.families = tuple(families)
        self.workers = workers
        self.slot = slot
        self._starts: dict[str, int] = {}
        size = 0
        for family in self.families:
            self._starts[family.name] = size
            size += family.size
        self.extra_start = size
        self.size = size + extra
        self._slots = _mapped(path, workers, self.size)
        self.mine = self._slots[slot]
        self.forget()

    def forget(self) -> None:
        """Empty this worker's gauges: what a dead one last said of itself is no longer true."""
        for family in self.families:
            if family.kind == "gauge":
                start = self._starts[family.name]
                for place in range(start, start + family.size):
                    self.mine[place] = 0.0

    def place(self, name: str, *key: str) -> int:
        """Return where a series' first double lies in a slot; kept by who counts often."""
        family = self.family(name)
        return self._starts[name] + family.index[key] * family.width

    def family(self, name: str) -> Family:
        """Return a family by its name."""
        return next(each for each in self.families if each.name == name)

    def add(self, place: int, value: float = 1.0) -> None:
        """Add to a counter of this worker."""
        self.mine[place] += value

    def set(self, place: int, value: float) -> None:
        """Set a gauge of this worker."""
        self.mine[place] = value

    def observe(self, place: int, buckets: Sequence[float], value: float) -> None:
        """Count a value in a histogram of this worker."""
        mine = self.mine
        mine[place + bisect_left(buckets, value)] += 1.0
        mine[place + len(buckets) + 1] += value

    def observe_all(self, place: int, buckets: Sequence[float], values: list[float]) -> None:
        """Count values in a histogram of this worker."""
        if len(values) == 1:
            self.observe(place, buckets, values[0])
            return
        mine = self.mine
        for bucket, count in Counter([bisect_left(buckets, value) for value in values]).items():
            mine[place + bucket] += count
        mine[place + len(buckets) + 1] += sum(values)

    def total(self, place: int, merge: Merge = "sum") -> float:
        """Return a double over all workers."""
        values = [slot[place] for slot in self._slots]
        return max(values) if merge == "max" else sum(values)

    def slots(self) -> Iterator["memoryview[float]"]:
        """Yield the slot of every worker."""
        yield from self._slots

    def render(self) -> str:
        """Return the metrics in Prometheus' text format."""
        lines: list[str] = []
        for family in self.families:
            lines += [f"# HELP {family.name} {family.text}", f"# TYPE {family.name} {family.kind}"]
            start = self._starts[family.name]
            for key, number in family.index.items():
                labels = dict(zip(family.labels, key, strict=True))
                lines += self._series(family, labels, start + number * family.width)
        return "\n".join(lines) + "\n"

    def _series(self, family: Family, labels: dict[str, str], place: int) -> Iterator[str]:
        if family.kind != "histogram":
            value = self.total(place, family.merge if family.kind == "gauge" else "sum")
            # A counter that never moved says nothing, and there may be thousands.
            if value or family.kind == "gauge" or not labels:
                yield line(family.name, labels, value)
            return
        count = 0.0
        for number, bound in enumerate((*family.buckets, float("inf"))):
            count += self.total(place + number)
            name = "+Inf" if bound == float("inf") else f"{bound:g}"
            yield line(f"{family.name}_bucket", {**labels, "le": name}, count)
        yield line(f"{family.name}_sum", labels, self.total(place + len(family.buckets) + 1))
        yield line(f"{family.name}_count", labels, count)


def line(name: str, labels: dict[str, str], value: float) -> str:
    """Return a line of Prometheus' text format."""
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    number = str(int(value)) if value == int(value) else repr(value)
    return f"{name}{{{inside}}} {number}" if inside else f"{name} {number}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _mapped(path: Path | None, workers: int, size: int) -> "list[memoryview[float]]":
    length = workers * size * DOUBLE
    if path is None:
        whole: memoryview = memoryview(bytearray(length))
    else:
        with path.open("r+b") as file:
            if path.stat().st_size < length:
                file.truncate(length)  # zeros; a worker that came later finds it as it is
            whole = memoryview(mmap.mmap(file.fileno(), length))
    doubles = whole.cast("d")
    return [doubles[number * size : (number + 1) * size] for number in range(workers)]
