"""New rows from the reference's own periods are compared period by period.

A sample of the training rows, or what another system says of the same days, has the reference's
weather hour by hour. Whatever differs between periods then cancels, and given its period a row is
an independent draw, so that a small shift is seen which would be usual between periods.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.drift.comparison import holm
from playbill.drift.periods import Windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 5  # rows that a bin should have on the smaller side; rarer bins are taken together


def strata(section: Mapping[str, Any], index: "NDArray[np.int64]") -> "NDArray[np.int64] | None":
    """Return the reference's period of every new row, or None if one lies outside of them.

    Args:
        section: What `profile_periods` returned.
        index: The period of every new row as `period_index` numbers them, int64 of shape (rows,).
    """
    starts = np.asarray(section["starts"], dtype=np.int64)
    if index.min() < starts[0] or index.max() > section["last"]:
        return None
    return np.searchsorted(starts, index, side="right") - 1


def against_same_periods(
    section: Mapping[str, Any], new: Mapping[str, "NDArray[np.int64]"]
) -> Windows:
    """Compare new rows with the reference rows of the same periods.

    The statistic is the generalised one of Cochran, Mantel and Haenszel for a nominal column
    (Landis, Heyman and Koch 1978): the excess over the shares of each period, summed over the
    periods, against its hypergeometric covariance. Holm's correction follows.

    Args:
        section: What `profile_periods` returned.
        new: Counts of the new rows by column, int64 of shape (periods, bins).
    """
    names = tuple(name for name in section["counts"] if name in new)
    found = [
        _haenszel(np.asarray(section["counts"][name], dtype=np.float64), new[name].astype(float))
        for name in names
    ]
    p_values = tuple(p for p, _ in found)
    effects = tuple(effect for _, effect in found)
    length = max((int((new[name].sum(axis=1) > 0).sum()) for name in names), default=0)
    return Windows(length, 0, p_values, tuple(holm(p_values)), effects, names, same_periods=True)


def _haenszel(reference: "NDArray[np.float64]", new: "NDArray[np.float64]") -> tuple[float, float]:
    """Return p-value and effect of two tables of counts, both of shape (periods, bins)."""
    from scipy.special import chdtrc

    used = (reference.sum(axis=1) > 0) & (new.sum(axis=1) > 0)
    reference, new = _joined(reference[used], new[used])
    rows = new.sum()
    if not rows or new.shape[1] < 2:  # noqa: PLR2004 - one bin has nothing to compare
        return 1.0, 0.0
    mine, theirs = new.sum(axis=1, keepdims=True), reference.sum(axis=1, keepdims=True)
    both = mine + theirs
    share = (new + reference) / both
    excess = (new - mine * share).sum(axis=0)
    weight = (mine * theirs / np.maximum(both - 1, 1))[:, 0]
    covariance = np.diag(weight @ share) - (share * weight[:, None]).T @ share
    statistic = float(excess @ np.linalg.pinv(covariance, rcond=1e-10, hermitian=True) @ excess)
    p_value = float(chdtrc(new.shape[1] - 1, max(statistic, 0.0)))
    # In shares of the new rows against those of the reference in the same periods.
    gap = new.sum(axis=0) / rows - (mine * reference / theirs).sum(axis=0) / rows
    spread = np.sqrt(np.maximum(np.diag(covariance), 0)) * _stretch(mine, theirs) / rows
    usual = 0.5 * float(np.sqrt(2 / np.pi) * spread.sum())
    return p_value, max((float(np.abs(gap).sum()) / 2) ** 2 - usual**2, 0.0) ** 0.5


def _stretch(mine: "NDArray[np.float64]", theirs: "NDArray[np.float64]") -> float:
    """Return what an excess over the pooled share is as one over the reference's, on average."""
    return float((mine * (mine + theirs) / theirs).sum() / mine.sum())


def _joined(
    reference: "NDArray[np.float64]", new: "NDArray[np.float64]"
) -> tuple["NDArray[np.float64]", "NDArray[np.float64]"]:
    """Return both tables with the rare bins as one, where chi-square would not hold for them."""
    totals: Sequence[NDArray[np.float64]] = (reference.sum(axis=0), new.sum(axis=0))
    pooled, smaller = totals[0] + totals[1], min(totals[0].sum(), totals[1].sum())
    expected = pooled * smaller / max(pooled.sum(), 1)
    common = expected >= FEWEST
    if common.all():
        return reference, new
    folded = [
        np.column_stack([each[:, common], each[:, ~common].sum(axis=1)])
        for each in (reference, new)
    ]
    return folded[0], folded[1]
