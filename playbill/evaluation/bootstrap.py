"""Bootstrap intervals: rows, or whole blocks of dependent rows, drawn with replacement.

A metric is a function of how often each row counts, so one matrix of counts serves every metric,
slice and model at once: what is measured on the same draws can be subtracted. Percentile and BCa
intervals after Efron (1979, 1987); blocks as in the cluster bootstrap (Davison and Hinkley 1997,
3.8). Nothing here depends on the number of threads.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Combine = Callable[["NDArray[np.float64]"], dict[str, "NDArray[np.float64]"]]
Ranked = Callable[["NDArray[np.float64]"], "NDArray[np.float64]"]
Drawn = dict[str, "NDArray[np.float64]"]
Method = Literal["percentile", "bca"]

CELLS = 1 << 20  # counts held at once: 8 MB
JACKKNIFE = 200  # most groups that are left out one at a time for the acceleration of BCa
TAIL = 5  # least draws beyond an end of a BCa interval: a quantile of fewer is one draw's whim
DEFINED = 0.9  # share of the draws in which a metric must be defined to have an interval


@dataclass(frozen=True)
class Statistic:
    """Metrics of a set of rows as functions of how often each row counts.

    Attributes:
        sums: What is added up over the rows, float64 (n, k).
        combine: From totals (k, b) to metrics (b,) by name.
        ranked: Metrics that need the rows in order: from counts (n, b) to (b,), by name.
    """

    sums: "NDArray[np.float64]"
    combine: Combine
    ranked: Mapping[str, Ranked]

    def without(self, *names: str) -> "Statistic":
        """Return the same without some of the ranked metrics, which cost the most."""
        kept = {name: rank for name, rank in self.ranked.items() if name not in names}
        return Statistic(self.sums, self.combine, kept)

    def values(self) -> dict[str, float]:
        """Return the metrics of the rows as they are; NaN where one is not defined."""
        drawn = self.combine(self.sums.sum(axis=0)[:, None])
        whole = np.ones((len(self.sums), 1)) if self.ranked else None
        drawn |= {name: rank(whole) for name, rank in self.ranked.items()}  # type: ignore[arg-type]
        return {name: float(value[0]) for name, value in drawn.items()}


@dataclass(frozen=True)
class Plan:
    """How intervals are drawn.

    Attributes:
        blocks: Position of each row's block, int64 (n,), every position used; None: each row is
            its own block.
        draws: Number of draws.
        level: Share of intervals that should hold the true value.
        method: `percentile`, or `bca`, which corrects for bias and skewness.
        seed: Seed of the draws.
        advance: Told after some draws how many they were; None: nobody watches.
    """

    blocks: "NDArray[np.int64] | None" = None
    draws: int = 1000
    level: float = 0.95
    method: Method = "percentile"
    seed: int = 0
    advance: Callable[[int], None] | None = field(default=None, compare=False, repr=False)

    def of(self, rows: int) -> int:
        """Return how many blocks `rows` rows are drawn in."""
        return rows if self.blocks is None else int(self.blocks.max(initial=-1)) + 1

    def take(self, rows: "NDArray[Any]") -> "Plan":
        """Return the plan for some of the rows, their blocks counted anew."""
        if self.blocks is None:
            return self
        _, blocks = np.unique(self.blocks[rows], return_inverse=True)
        return replace(self, blocks=blocks.astype(np.int64))


@dataclass(frozen=True)
class Part:
    """A statistic of some of the rows that a plan draws.

    Attributes:
        statistic: Its metrics.
        rows: Positions of its rows among all, int64; None: all of them.
    """

    statistic: Statistic
    rows: "NDArray[np.int64] | None" = None


class Span(NamedTuple):
    """An interval, and how it was found where that is not how the plan says."""

    low: float
    high: float
    instead: Method | None = None


def draw(parts: Sequence[Part], plan: Plan, rows: int) -> list[Drawn]:
    """Return every metric of every part in each draw, the same draws for all parts.

    Args:
        parts: Statistics of all the rows, or of some of them.
        plan: How to draw.
        rows: How many rows there are.

    Returns:
        For each part its metrics (draws,), NaN where one is not defined.
    """
    size = plan.of(rows)
    generator = np.random.default_rng(plan.seed)
    prepared = [_Prepared(part, plan, size) for part in parts]
    found: list[list[Drawn]] = [[] for _ in parts]
    for chunk in _chunks(plan.draws, max(rows, size)):
        counts = _counts(generator, size, chunk)
        for part, drawn in zip(prepared, found, strict=True):
            drawn.append(part(counts))
        if plan.advance is not None:
            plan.advance(chunk)
    return [
        {name: np.concatenate([chunk[name] for chunk in drawn]) for name in drawn[0]}
        for drawn in found
    ]


def intervals(parts: Sequence[Part], plan: Plan, rows: int) -> list[dict[str, Span | None]]:
    """Return the interval of every metric of every part; None where draws seldom define it."""
    drawn = draw(parts, plan, rows)
    if plan.method == "percentile":
        return [{n: percentile(v, plan.level) for n, v in each.items()} for each in drawn]
    return [
        {name: bca(values, point[name], left[name], plan.level) for name, values in each.items()}
        for part, each in zip(parts, drawn, strict=True)
        for point, left in [(part.statistic.values(), _jackknife(part, plan, rows))]
    ]


def percentile(drawn: "NDArray[np.float64]", level: float) -> Span | None:
    """Return the percentile interval of a metric's draws (Efron 1979)."""
    known = drawn[np.isfinite(drawn)]
    if len(known) < DEFINED * len(drawn) or not len(known):
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Span(float(low), float(high))


def bca(
    drawn: "NDArray[np.float64]", point: float, left: "NDArray[np.float64]", level: float
) -> Span | None:
    """Return the bias-corrected and accelerated interval (Efron 1987).

    The correction moves the ends to other quantiles of the draws. Where one lies so far out that
    fewer than `TAIL` draws are beyond it, or the correction turns over, the percentile interval
    stands instead and says so: a metric at its bound, or a greatest less a least, has draws that
    nearly all lie on one side of it.

    Args:
        drawn: The metric in each draw.
        point: The metric of the rows as they are.
        left: The metric with each block, or group of blocks, left out once.
        level: Share of intervals that should hold the true value.
    """
    from scipy.special import ndtr, ndtri

    known = drawn[np.isfinite(drawn)]
    plain = percentile(drawn, level)
    if plain is None or not np.isfinite(point) or np.ptp(known) == 0:
        return plain
    below = np.mean(known < point) + np.mean(known == point) / 2
    bias = ndtri(np.clip(below, 1 / (2 * len(known)), 1 - 1 / (2 * len(known))))
    left = left[np.isfinite(left)]
    gap = left.mean() - left if len(left) else np.zeros(1)
    spread = float(np.sum(gap**2)) ** 1.5
    skew = float(np.sum(gap**3)) / (6 * spread) if spread else 0.0
    edge = ndtri([(1 - level) / 2, (1 + level) / 2])
    scale = 1 - skew * (bias + edge)
    place = ndtr(bias + (bias + edge) / np.where(scale > 0, scale, 1))
    if (scale <= 0).any() or min(place[0], 1 - place[1]) * len(known) < TAIL:
        return plain._replace(instead="percentile")
    low, high = np.quantile(known, place)
    return Span(float(low), float(high))


def bounds(span: Span | None) -> dict[str, Any]:
    """Return an interval as a report has it: nothing of none, and `method` if it is another."""
    if span is None:
        return {}
    said: dict[str, Any] = {"low": span.low, "high": span.high}
    return said | ({"method": span.instead} if span.instead else {})


class _Prepared:
    """A part with its sums added up by block once, ready for many draws."""

    def __init__(self, part: Part, plan: Plan, size: int) -> None:
        self.statistic = part.statistic
        blocks = plan.blocks
        if part.rows is not None:
            blocks = part.rows if blocks is None else blocks[part.rows]
        self.ranked = {
            name: _by_block(rank, blocks, size, plan.draws)
            for name, rank in part.statistic.ranked.items()
        }
        self.sums = part.statistic.sums.T.copy()
        if blocks is not None:
            self.sums = np.stack(
                [np.bincount(blocks, weights=row, minlength=size) for row in self.sums]
            )

    def __call__(self, counts: "NDArray[np.float64]") -> Drawn:
        # einsum, not a dot product: BLAS would share it among threads and add up in another order.
        drawn = self.statistic.combine(np.einsum("kg,gb->kb", self.sums, counts))
        return drawn | {name: rank(counts) for name, rank in self.ranked.items()}


def _by_block(rank: Ranked, blocks: "NDArray[np.int64] | None", size: int, draws: int) -> Ranked:
    """Return a ranked metric as a function of the blocks' counts."""
    if blocks is None:
        return rank
    if size < draws and hasattr(rank, "by_block"):  # blocks are then fewer than draws to rank
        prepared: Ranked = rank.by_block(blocks, size)
        return prepared
    return lambda counts: rank(counts[blocks])


def _chunks(draws: int, rows: int) -> Iterator[int]:
    most = max(CELLS // max(rows, 1), 1)
    for start in range(0, draws, most):
        yield min(most, draws - start)


def _counts(generator: np.random.Generator, size: int, draws: int) -> "NDArray[np.float64]":
    """Return how often each block was drawn, float64 (size, draws)."""
    drawn = generator.integers(size, size=(draws, size), dtype=np.int64)
    drawn += np.arange(draws)[:, None] * size
    counts = np.bincount(drawn.ravel(), minlength=draws * size).reshape(draws, size)
    return np.ascontiguousarray(counts.T, dtype=np.float64)


def _jackknife(part: Part, plan: Plan, rows: int) -> Drawn:
    """Return the metrics with each of at most JACKKNIFE groups of blocks left out."""
    size = plan.of(rows)
    groups = min(size, JACKKNIFE)
    prepared = _Prepared(part, plan, size)
    found, start = [], 0
    for chunk in _chunks(groups, max(rows, size)):
        place = np.arange(size)[:, None] * groups // max(size, 1)
        found.append(prepared((place != np.arange(start, start + chunk)).astype(np.float64)))
        start += chunk
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]}
