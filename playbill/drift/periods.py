"""The null of rows that time ties together: how much the reference's own periods differ.

Flights of one hour share its weather, orders of one day its holiday. Rows are then no independent
draws, and a test that believes so calls every single day of the reference different. Here the new
rows are compared with what is usual: every run of periods of the reference, as long as the new rows
are, is compared with the rest of the reference in just the same way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbill.drift.comparison import holm
from playbill.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.config.schema import Drift

PERIOD_LIMIT = 130  # periods of a profile; of more, neighbours are joined
# Windows side by side that a reference must hold: of long ones that overlap there are many, and yet
# they say only what so few independent ones say. With three, 23 % of reports were false alarms.
SIDE_BY_SIDE = 10


@dataclass(frozen=True)
class Windows:
    """What is usual between the reference's own windows, for one length of the new rows.

    Attributes:
        length: Periods that the new rows span.
        count: Windows of the reference that are as long and were compared with; 0 where there are
            too few of them and the design effect took their place.
        p_values: Chance of a difference as large, by column.
        adjusted: The same for the largest difference of all columns.
        effects: Total variation distance beyond the mean square one of the windows, by column.
        names: The columns.
        same_periods: The new rows are of the reference's own periods and were compared with those.
    """

    length: int
    count: int
    p_values: tuple[float, ...]
    adjusted: tuple[float, ...]
    effects: tuple[float, ...]
    names: tuple[str, ...]
    same_periods: bool = False

    def of(self, name: str) -> tuple[float, float, float]:
        """Return p-value, adjusted p-value and effect; 1, 1 and 0 for what has no periods."""
        if name not in self.names:
            return 1.0, 1.0, 0.0
        index = self.names.index(name)
        return self.p_values[index], self.adjusted[index], self.effects[index]


def profile_periods(
    time: "pd.Series[Any]",
    placed: Mapping[str, "NDArray[np.int64]"],
    sizes: Mapping[str, int],
    counted: "NDArray[np.bool_]",
    policy: "Drift",
) -> dict[str, Any]:
    """Return the counts of every column by period, in the order of time.

    Args:
        time: The time of every row.
        placed: The bin of every row by column, int64 of shape (rows,).
        sizes: Bins by column, `missing` included.
        counted: The rows that are counted, bool of shape (rows,).
        policy: Length of a period.

    Raises:
        DataError: A row has no time.
    """
    index = period_index(time, policy.period)
    distinct, order = np.unique(index, return_inverse=True)
    joined = ceil(len(distinct) / PERIOD_LIMIT)
    order = order // joined
    periods = int(order.max()) + 1
    rows, part = order[counted], {name: where[counted] for name, where in placed.items()}
    return {
        "column": str(time.name),
        "period": policy.period,
        "joined": joined,
        "starts": [int(first) for first in distinct[::joined]],
        "last": int(distinct[-1]),
        "rows": [int(n) for n in np.bincount(rows, minlength=periods)],
        "counts": {
            name: np.bincount(rows * sizes[name] + where, minlength=periods * sizes[name])
            .reshape(periods, sizes[name])
            .tolist()
            for name, where in part.items()
        },
    }


def length_of(section: Mapping[str, Any], present: int | None, rows: int) -> int:
    """Return how many of the reference's periods the new rows span.

    Args:
        section: What `profile_periods` returned.
        present: How many periods the rows are of; None: they have no time, their number says it.
        rows: How many rows.
    """
    if present:
        return ceil(present / int(section["joined"]))
    usual = float(sum(section["rows"]) / len(section["rows"]))
    return max(1, round(rows / usual))


def needed(alpha: float) -> int:
    """Return the windows that a p-value of `alpha` takes: with fewer nothing can be significant."""
    return ceil(1 / alpha - 1e-9) - 1


def against_windows(
    section: Mapping[str, Any], current: Mapping[str, Sequence[int]], length: int, alpha: float
) -> Windows:
    """Compare the new rows with the reference as each of its windows is compared with the rest.

    The statistic is Pearson's chi-square of the two rows of counts. p is (1 + windows at least as
    different) / (1 + windows): if the new rows are one more window of the same stationary series,
    each place in the order is as likely. For all columns together each statistic is divided by its
    column's mean over the windows, and the largest counts (Westfall and Young 1993, single step),
    so the chance of any false alarm in the report is the level whatever the columns share.

    Args:
        section: What `profile_periods` returned.
        current: The new rows' counts by column, `missing` last.
        length: Periods that they span.
        alpha: Level. Where it takes more windows than there are, or where fewer than `SIDE_BY_SIDE`
            fit beside each other, see `_by_design_effect`.
    """
    names = tuple(name for name in section["counts"] if name in current)
    periods = len(section["rows"])
    if periods - length + 1 < needed(alpha) or periods < SIDE_BY_SIDE * length:
        return _by_design_effect(section, current, length, names)
    usual, observed, distances, apart = [], [], [], []
    for name in names:
        counts = np.asarray(section["counts"][name], dtype=np.float64)
        total = counts.sum(axis=0)
        run = np.concatenate([np.zeros((1, counts.shape[1])), np.cumsum(counts, axis=0)])
        windows = run[length:] - run[:-length]
        chi, distance = _difference(windows, total - windows)
        new = np.asarray(current[name], dtype=np.float64)[None]
        chi_new, distance_new = _difference(new, total[None])
        usual.append(chi)
        distances.append(distance)
        observed.append(float(chi_new[0]))
        apart.append(float(distance_new[0]))
    scale = np.array([max(float(chi.mean()), 1e-12) for chi in usual])
    null = np.stack(usual) / scale[:, None]
    seen = np.array(observed) / scale
    largest, count = null.max(axis=0), null.shape[1]
    tie = 1 - 1e-9  # a tie is as extreme: rounding must not break it
    return Windows(
        names=names,
        length=length,
        count=count,
        p_values=tuple(
            float(p) for p in (1 + (null >= seen[:, None] * tie).sum(axis=1)) / (1 + count)
        ),
        adjusted=tuple(float((1 + (largest >= s * tie).sum()) / (1 + count)) for s in seen),
        effects=tuple(
            max(new**2 - float((own**2).mean()), 0.0) ** 0.5
            for new, own in zip(apart, distances, strict=True)
        ),
    )


def _by_design_effect(
    section: Mapping[str, Any],
    current: Mapping[str, Sequence[int]],
    length: int,
    names: tuple[str, ...],
) -> Windows:
    """Compare new rows that span too much of the reference for windows of that length.

    Rows that are tied together say less than their number. How much less is the design effect: the
    mean chi-square of short windows against the rest, over its degrees of freedom, which is 1 for
    independent rows. Pearson's statistic is taken with these effective numbers of rows and looked
    up in the F distribution, its second degrees of freedom the windows that the design effect was
    seen in (Rao and Scott 1981, first order; Thomas and Rao 1987). Windows of 1, 2, 4... periods
    are tried and the largest effect counts, since periods may hang together too. It shrinks with
    the rows of one period (Kish 1965): a thin sample over many periods is nearly independent.
    Holm's correction follows, as for single rows.
    """
    found = [
        _effective(
            np.asarray(section["counts"][name], dtype=np.float64),
            np.asarray(current[name], dtype=np.float64)[None],
            length,
        )
        for name in names
    ]
    p_values = tuple(p for p, _ in found)
    effects = tuple(effect for _, effect in found)
    return Windows(length, 0, p_values, tuple(holm(p_values)), effects, names)


def _effective(
    counts: "NDArray[np.float64]", new: "NDArray[np.float64]", length: int
) -> tuple[float, float]:
    """Return p-value and effect of one column.

    Args:
        counts: Reference counts, shape (periods, bins).
        new: New counts, shape (1, bins).
        length: Periods that the new rows span.
    """
    from scipy.special import fdtrc

    total, periods = counts.sum(axis=0), len(counts)
    rows, rows_new = max(total.sum(), 1.0), max(new.sum(), 1.0)
    freedom = max(int((total > 0).sum()) - 1, 1)
    run = np.concatenate([np.zeros((1, counts.shape[1])), np.cumsum(counts, axis=0)])
    tied, seen_in = 1.0, periods
    for each in (2**i for i in range(12) if 2**i <= max(periods // 4, 1)):
        part = run[each:] - run[:-each]
        effect = float(_difference(part, total - part)[0].mean()) / freedom
        if effect > tied:
            tied, seen_in = effect, periods // each
    dense = max(rows / periods - 1, 1e-9)  # rows of one period, itself left out
    tied_new = 1 + (tied - 1) * min(max(rows_new / length - 1, 0) / dense, 1)
    variance = tied / rows + tied_new / rows_new
    chi, distance = (float(x[0]) for x in _difference(new, total[None]))
    statistic = chi * (1 / rows + 1 / rows_new) / variance
    share = total / rows
    # The mean distance of like samples: |gap| of a normal gap is sqrt(2/pi) standard deviations.
    usual = 0.5 * float(np.sqrt(2 / np.pi * variance * share * (1 - share)).sum())
    p_value = float(fdtrc(freedom, max(seen_in - 1, 1), statistic / freedom))
    return p_value, max(distance**2 - usual**2, 0.0) ** 0.5


def _difference(
    one: "NDArray[np.float64]", other: "NDArray[np.float64]"
) -> tuple["NDArray[np.float64]", "NDArray[np.float64]"]:
    """Return chi-square and total variation distance of rows of counts, shape (windows,)."""
    rows_one = np.maximum(one.sum(axis=1, keepdims=True), 1)
    rows_other = np.maximum(other.sum(axis=1, keepdims=True), 1)
    gap = one / rows_one - other / rows_other
    pooled = (one + other) / (rows_one + rows_other)
    weight = 1 / (1 / rows_one + 1 / rows_other)
    chi = np.divide(gap**2, pooled, out=np.zeros_like(gap), where=pooled > 0) * weight
    return chi.sum(axis=1), np.abs(gap).sum(axis=1) / 2


def period_index(time: "pd.Series[Any]", period: str) -> "NDArray[np.int64]":
    """Return the number of the period of every row, counted from 1970, int64 of shape (rows,).

    Raises:
        DataError: The column holds no times, or a row has none.
    """
    try:
        moment = pd.to_datetime(time, utc=True)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"column {time.name!r} holds no times: {str(error)[:120]}",
            where=f"column {time.name}",
            expected="the time of each row, which drift.unit: period goes by",
        ) from error
    if moment.isna().any():
        row = int(np.flatnonzero(moment.isna().to_numpy())[0])
        raise DataError(
            f"column {time.name!r} has no time in {int(moment.isna().sum())} rows",
            where=f"column {time.name}, row {row + 1} of {len(time)}",
            expected="a time in every row, which drift.unit: period goes by",
        )
    seconds = moment.dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    unit = {"h": 3600, "d": 86_400, "w": 7 * 86_400}[period[-1]]
    return np.asarray(seconds // (int(period[:-1]) * unit), dtype=np.int64)
