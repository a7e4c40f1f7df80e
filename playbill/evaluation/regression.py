"""Metrics of a task whose target is a number."""

from typing import TYPE_CHECKING

import numpy as np

from playbill.evaluation.bootstrap import Drawn, Statistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.evaluation.scored import Scored


def regression(scored: "Scored") -> Statistic:
    """Return the metrics of predicted numbers.

    The mean absolute percentage error is NaN when a true value is 0; R2 when all are equal. Bias
    is predicted minus true.
    """
    truth, error = scored.truth.astype(np.float64), scored.scores - scored.truth
    middle = truth.mean() if len(truth) else 0.0  # shifted: squares of large numbers cancel badly
    zero = truth == 0
    share = np.abs(error) / np.where(zero, 1, np.abs(truth))
    sums = [
        np.ones(len(scored)), error, np.abs(error), np.square(error),
        truth - middle, np.square(truth - middle), share, zero,
    ]  # fmt: skip
    return Statistic(
        sums=np.column_stack(sums).astype(np.float64),
        combine=_combine,
        ranked={"median_absolute_error": Median(np.abs(error))},
    )


def _combine(totals: "NDArray[np.float64]") -> Drawn:
    rows, error, absolute, square, shifted, shifted_square, share, zero = totals
    rows = np.maximum(rows, 1e-300)
    spread = shifted_square - np.square(shifted) / rows
    flat = spread <= 1e-12 * np.maximum(shifted_square, 1e-300)
    return {
        "mae": absolute / rows,
        "rmse": np.sqrt(square / rows),
        "r2": np.where(flat, np.nan, 1 - square / np.where(flat, 1, spread)),
        "mape": np.where(zero > 0, np.nan, share / rows),
        "bias": error / rows,
    }


class Median:
    """The median of values that count by weight; between two, their mean."""

    def __init__(self, values: "NDArray[np.float64]") -> None:
        self.order = np.argsort(values, kind="stable")
        self.values = values[self.order]

    def __call__(self, counts: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Return the median for counts (n, b); NaN where nothing was drawn."""
        reached = np.cumsum(counts[self.order], axis=0)
        if not len(reached):
            return np.full(counts.shape[1], np.nan)
        half = reached[-1] / 2
        low = np.argmax(reached >= half, axis=0)
        high = np.argmax(reached > half, axis=0)
        middle = (self.values[low] + self.values[high]) / 2
        return np.where(half > 0, middle, np.nan)
