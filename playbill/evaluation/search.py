"""Finds the slices that a model is worst on, and says how many were looked at.

Every value of every input, numbers cut at their quantiles, and every pair of values of two inputs
is one slice, if it has enough rows in enough blocks. A slice is worse when the mean loss of its
rows is above that of all other rows. The test has a variance that adds up whole blocks of dependent
rows (Liang and Zeger 1986) and Student's t with as many degrees of freedom as the slice has blocks,
less one. Over all slices the false discovery rate is kept by Benjamini and Hochberg (1995); the
intervals of those that are found are widened as Benjamini and Yekutieli (2005) say, because they
were chosen for being bad. So an interval leaves out zero exactly where its slice was found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.evaluation.slices import MISSING

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FEWEST_BLOCKS = 5  # with fewer blocks than this a slice's variance is a guess
DENSE = 1 << 22  # pairs of a block and a slice that are counted in one array
NEARLY = 2 / 3  # a pair that is at most half as bad again as one of its values says nothing new


@dataclass(frozen=True)
class Coded:
    """A column as small whole numbers.

    Attributes:
        name: The column.
        codes: int64 (n,): which value a row has; -1 for one that is not looked at.
        labels: What the values are called.
    """

    name: str
    codes: "NDArray[np.int64]"
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Slice:
    """A slice and how much worse than the other rows it is."""

    where: dict[str, str]
    """The value, or the range of values, by column."""
    rows: int
    blocks: int
    loss: float
    difference: float
    """Mean loss of the slice less that of all other rows."""
    low: float
    high: float
    p_value: float
    adjusted_p_value: float


@dataclass(frozen=True)
class Found:
    """The worst slices, and what they were chosen from.

    Attributes:
        slices: Of those called worse the most telling ones, each with its adjusted interval.
        searched: Slices that were tested.
        skipped: Slices with too few rows or blocks to be tested.
        significant: Slices called worse, most of them parts of each other.
        columns: The columns that were crossed.
        rate: The false discovery rate that was kept.
    """

    slices: tuple[Slice, ...]
    searched: int
    skipped: int
    significant: int
    columns: tuple[str, ...]
    rate: float


@dataclass(frozen=True)
class _Tested:
    """All slices of one column or of two: arrays by slice, all of one length."""

    columns: tuple[Coded, ...]
    cells: "NDArray[np.int64]"
    rows: "NDArray[np.int64]"
    blocks: "NDArray[np.int64]"
    loss: "NDArray[np.float64]"
    difference: "NDArray[np.float64]"
    error: "NDArray[np.float64]"
    skipped: int


def code(column: "pd.Series[Any]", *, bins: int, categories: int) -> Coded:
    """Return a column's values as codes: numbers by quantiles, text by its commonest values.

    Args:
        column: The column.
        bins: Most ranges that a number is cut into.
        categories: Most values of a text that are looked at; rows of the others are in none.
    """
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    name = str(column.name)
    if is_numeric_dtype(column) and not is_bool_dtype(column) and column.nunique() > 2 * bins:
        return Coded(name, *_by_quantile(column.to_numpy(dtype=np.float64), bins))
    text = column.astype("str").fillna(MISSING)
    common = text.value_counts().sort_index().sort_values(ascending=False, kind="stable").index
    labels = tuple(sorted(str(label) for label in common[:categories]))
    place = {label: position for position, label in enumerate(labels)}
    return Coded(name, np.array([place.get(value, -1) for value in text], dtype=np.int64), labels)


def _by_quantile(
    values: "NDArray[np.float64]", bins: int
) -> "tuple[NDArray[np.int64], tuple[str, ...]]":
    missing = np.isnan(values)
    known = values[~missing]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))
    edges = edges[edges > known.min()]  # below the least value there is no row
    codes = np.searchsorted(edges, values, side="right")
    ends = [f"{edge:.6g}" for edge in edges]
    between = [f"{a} to {b}" for a, b in pairwise(ends)]
    labels = [f"below {ends[0]}", *between, f"from {ends[-1]}"] if ends else ["any number"]
    if missing.any():
        codes = np.where(missing, len(labels), codes)
        labels.append(MISSING)
    return codes.astype(np.int64), tuple(labels)


def search(
    columns: Sequence[Coded],
    losses: "NDArray[np.float64]",
    blocks: "NDArray[np.int64] | None",
    *,
    minimum_rows: int,
    rate: float,
    shown: int,
) -> Found:
    """Return the worst of the one- and two-way slices.

    Args:
        columns: What to look at.
        losses: Each row's loss, float64 (n,).
        blocks: Each row's block, int64 (n,); None: rows do not depend on each other.
        minimum_rows: Slices with fewer rows are not tested.
        rate: False discovery rate to keep.
        shown: Most slices to return.
    """
    from scipy.special import stdtr, stdtrit

    tested = list(_all(columns, losses, blocks, minimum_rows))
    none = np.empty(0)
    gap = np.concatenate([none, *(each.difference for each in tested)])
    error = np.concatenate([none, *(each.error for each in tested)])
    freedom = np.concatenate([none, *(each.blocks for each in tested)]) - 1
    p_values = 2 * stdtr(freedom, -np.abs(gap) / error)
    adjusted = benjamini_hochberg(p_values)
    called = adjusted <= rate
    reach = stdtrit(freedom, 1 - rate * called.sum() / max(len(gap), 1) / 2) * error
    places = [(each, position) for each in tested for position in range(len(each.rows))]
    worse = [
        _slice(*places[i], float(reach[i]), float(p_values[i]), float(adjusted[i]))
        for i in np.flatnonzero(called & (gap > 0))
    ]
    return Found(
        slices=tuple(_telling(worse)[:shown]),
        searched=len(gap),
        skipped=sum(each.skipped for each in tested),
        significant=len(worse),
        columns=tuple(column.name for column in columns),
        rate=rate,
    )


def _telling(worse: list[Slice]) -> list[Slice]:
    """Return the slices that say something new, those that are surely bad first.

    A pair of values is left out when one of the two alone is called worse and nearly as bad.
    """
    alone = {one: s.difference for s in worse if len(s.where) == 1 for one in s.where.items()}
    telling = [
        one
        for one in worse
        if len(one.where) == 1
        or all(alone.get(part, 0.0) < NEARLY * one.difference for part in one.where.items())
    ]
    return sorted(telling, key=lambda one: -one.low)


def benjamini_hochberg(p_values: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Return p-values adjusted for the false discovery rate (Benjamini and Hochberg 1995)."""
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * count / np.arange(1, count + 1)
    adjusted = np.empty(count)
    adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1].clip(max=1)
    return adjusted


def _slice(each: _Tested, position: int, reach: float, p_value: float, adjusted: float) -> Slice:
    cell, where = int(each.cells[position]), {}
    for column in reversed(each.columns):
        cell, code_ = divmod(cell, len(column.labels))
        where[column.name] = column.labels[code_]
    gap = float(each.difference[position])
    return Slice(
        where=dict(reversed(where.items())),
        rows=int(each.rows[position]),
        blocks=int(each.blocks[position]),
        loss=float(each.loss[position]),
        difference=gap,
        low=gap - reach,
        high=gap + reach,
        p_value=float(p_value),
        adjusted_p_value=float(adjusted),
    )


def _all(
    columns: Sequence[Coded],
    losses: "NDArray[np.float64]",
    blocks: "NDArray[np.int64] | None",
    minimum_rows: int,
) -> Iterator[_Tested]:
    for column in columns:
        yield _test((column,), column.codes, losses, blocks, minimum_rows)
    for one, two in combinations(columns, 2):
        both = np.where(
            (one.codes < 0) | (two.codes < 0), -1, one.codes * len(two.labels) + two.codes
        )
        yield _test((one, two), both, losses, blocks, minimum_rows)


def _test(
    columns: tuple[Coded, ...],
    codes: "NDArray[np.int64]",
    losses: "NDArray[np.float64]",
    blocks: "NDArray[np.int64] | None",
    minimum_rows: int,
) -> _Tested:
    """Test every cell of one column, or of two crossed, against all rows outside of it."""
    size = int(np.prod([len(column.labels) for column in columns]))
    inside = codes >= 0
    cell, loss = codes[inside], losses[inside]
    rows = np.bincount(cell, minlength=size)
    total = np.bincount(cell, weights=loss, minlength=size)
    rest = len(losses) - rows
    enough = (rows >= minimum_rows) & (rest >= minimum_rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, other = total / rows, (losses.sum() - total) / rest
    if blocks is None:
        square = np.bincount(cell, weights=np.square(loss), minlength=size)
        variance, count = _plain(rows, rest, total, square, losses), rows
    else:
        variance, count = _clustered(cell, loss, blocks, inside, (losses, rows, mean, rest, other))
    enough &= (count >= FEWEST_BLOCKS) & (variance > 0)
    kept = np.flatnonzero(enough)
    return _Tested(
        columns, kept, rows[kept], count[kept], mean[kept], (mean - other)[kept],
        np.sqrt(variance[kept]), int((rows > 0).sum() - len(kept)),
    )  # fmt: skip


def _plain(
    rows: "NDArray[Any]",
    rest: "NDArray[Any]",
    total: "NDArray[Any]",
    square: "NDArray[Any]",
    losses: "NDArray[np.float64]",
) -> "NDArray[np.float64]":
    """Return the variance of each difference of means, rows independent (Welch 1947)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = (square - total**2 / rows) / np.maximum(rows - 1, 1) / rows
        outer_total, outer_square = losses.sum() - total, np.square(losses).sum() - square
        outer = (outer_square - outer_total**2 / rest) / np.maximum(rest - 1, 1) / rest
    return np.asarray(np.nan_to_num(inner + outer), dtype=np.float64)


def _clustered(
    cell: "NDArray[np.int64]",
    loss: "NDArray[np.float64]",
    blocks: "NDArray[np.int64]",
    inside: "NDArray[np.bool_]",
    known: "tuple[NDArray[Any], ...]",
) -> "tuple[NDArray[np.float64], NDArray[np.int64]]":
    """Return the variance of each difference of means with whole blocks added up; and the blocks.

    The influence of a row on the difference is (loss - mean) / rows inside the slice and its
    negative outside; blocks are independent, so their sums are squared.
    """
    losses, rows, mean, rest, other = known
    size = len(rows)
    count, total = np.bincount(blocks), np.bincount(blocks, weights=losses)
    home, at, each, sums = _pairs(blocks[inside], cell, loss, size)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A block outside of a slice still has influence by its other rows: that part has a closed
        # form, so that only pairs of a block and a slice that share rows are ever held.
        apart = -(total[home] - other[at] * count[home]) / rest[at]
        shared = sums * (1 / rows + 1 / rest)[at] - each * (mean / rows + other / rest)[at]
        whole = np.sum(total**2) - 2 * other * np.sum(total * count) + other**2 * np.sum(count**2)
        variance = np.bincount(at, weights=shared * (shared + 2 * apart), minlength=size)
        variance = variance + whole / rest**2
    touched = np.bincount(at, minlength=size)
    scale = touched / np.maximum(touched - 1, 1)
    return np.maximum(np.nan_to_num(variance), 0) * scale, touched


def _pairs(
    blocks: "NDArray[np.int64]", cell: "NDArray[np.int64]", loss: "NDArray[np.float64]", size: int
) -> "tuple[NDArray[Any], ...]":
    """Return block, slice, number of rows and sum of losses of each pair that has rows."""
    place = blocks * size + cell
    if int(place.max(initial=0)) < DENSE:  # counting is faster than sorting while it fits
        each = np.bincount(place)
        kept = np.flatnonzero(each)
        sums = np.bincount(place, weights=loss)[kept]
        return kept // size, kept % size, each[kept], sums
    kept, inverse = np.unique(place, return_inverse=True)
    return (
        kept // size, kept % size, np.bincount(inverse), np.bincount(inverse, weights=loss)
    )  # fmt: skip
