"""Does it matter? What a classifier's measures are on new rows, before their truth is known.

The estimate rests on calibration: of rows that get the probability p a share of p turns out
positive, as it did on the hold-out. That holds when the inputs move and what they mean stays
(covariate shift). When their meaning changes (concept drift) no method can know it without labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.config.metric import LOWER_IS_BETTER

if TYPE_CHECKING:
    from numpy.typing import NDArray

RELIABILITY_BINS = 20  # of about equal rows; fewer smooth too much, more follow the noise
FINE_BINS = 400  # of the scores, on which the spread is simulated
DRAWS = 400
COVERAGE = 0.95
# In the order of a report.
MEASURES = ("roc_auc", "accuracy", "precision", "recall", "f1", "brier")


@dataclass(frozen=True)
class Estimate:
    """One measure: what it is expected to be on the new rows, and what that loses."""

    measure: str
    reference: float
    """The same estimate on the hold-out."""
    value: float
    low: float
    """The measure that these rows will show lies between `low` and `high` with 95 % chance."""
    high: float
    loss: float
    """How much worse than on the hold-out; negative is better."""
    loss_low: float
    loss_high: float


def profile_performance(
    scores: "NDArray[np.float64]", positive: "NDArray[np.bool_]", threshold: float
) -> dict[str, Any]:
    """Return what the estimate needs to know of the hold-out: a reliability curve and counts.

    Args:
        scores: Predicted probabilities of the positive class, float64 of shape (rows,).
        positive: The truth of the same rows, bool of shape (rows,).
        threshold: Probability from which on a row is labelled positive.
    """
    steps = np.arange(1, RELIABILITY_BINS) / RELIABILITY_BINS
    edges = np.unique(np.quantile(scores, steps, method="inverted_cdf"))
    place = np.searchsorted(edges, scores, side="left")
    size = len(edges) + 1
    rows = np.bincount(place, minlength=size)
    used = rows > 0
    mean = np.bincount(place, weights=scores, minlength=size)[used] / rows[used]
    fine = fine_bins(scores, positive)
    return {
        "threshold": threshold,
        "edges": [float(edge) for edge in edges],
        "scores": [float(score) for score in mean],
        "rows": [int(n) for n in rows[used]],
        "positives": [int(n) for n in np.bincount(place, weights=positive, minlength=size)[used]],
        "fine": {
            "scores": [float(score) for score in fine.scores],
            "rows": [int(n) for n in fine.rows],
            "positives": [int(n) for n in fine.positives],
        },
    }


def estimate(
    section: Mapping[str, Any], scores: "NDArray[np.float64]", *, seed: int
) -> tuple[Estimate, ...]:
    """Estimate the measures of new rows from their scores alone.

    Each score is calibrated along the hold-out's reliability curve, linear between the mean scores
    of its bins; the expected measures follow from the calibrated probabilities (confidence-based
    estimation, as in C. Guo et al., ICML 2017, for calibration, and NannyML's documentation for
    the measures). The intervals come from `DRAWS` simulations: of the curve, whose shares are known
    from finitely many rows (Jeffreys' beta), and of the truth of the rows themselves.

    Args:
        section: What `profile_performance` returned.
        scores: Predicted probabilities of the new rows, float64 of shape (rows,).
        seed: Seed of the simulations.
    """
    if not len(scores):
        return ()
    positives, rows = np.asarray(section["positives"]), np.asarray(section["rows"])
    known = np.asarray(section["scores"], dtype=np.float64)
    threshold = float(section["threshold"])
    fine, new = section["fine"], fine_bins(scores, np.zeros(len(scores), dtype=np.bool_))
    sides = {
        "reference": (np.asarray(fine["scores"], dtype=np.float64), np.asarray(fine["rows"])),
        "new": (new.scores, new.rows),
    }
    rng = np.random.default_rng(seed)
    curves = rng.beta(positives + 0.5, rows - positives + 0.5, size=(DRAWS, len(rows)))
    expected, drawn = {}, {}
    for side, (level, counts) in sides.items():
        share = np.interp(level, known, positives / rows)
        expected[side] = measures(level, (counts * share)[None], counts, threshold)
        chance = np.stack([np.interp(level, known, curve) for curve in curves])
        drawn[side] = measures(level, rng.binomial(counts, chance), counts, threshold)
    return tuple(
        as_estimate(
            name,
            {side: expected[side][name][0] for side in sides},
            {s: drawn[s][name] for s in sides},
        )
        for name in MEASURES
    )


def as_estimate(
    name: str, expected: Mapping[str, float], drawn: Mapping[str, "NDArray[np.float64]"]
) -> Estimate:
    """Return a measure from its values and its draws on both sides, `reference` and `new`."""
    sign = -1.0 if name in LOWER_IS_BETTER else 1.0
    tails = [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]
    low, high = (float(q) for q in np.quantile(drawn["new"], tails))
    losses = np.quantile(sign * (drawn["reference"] - drawn["new"]), tails)
    return Estimate(
        measure=name,
        reference=float(expected["reference"]),
        value=float(expected["new"]),
        low=low,
        high=high,
        loss=float(sign * (expected["reference"] - expected["new"])),
        loss_low=float(losses[0]),
        loss_high=float(losses[1]),
    )


@dataclass(frozen=True)
class FineBins:
    """Scores in rising order with the rows that have about each, all of shape (bins,)."""

    scores: "NDArray[np.float64]"
    rows: "NDArray[np.int64]"
    positives: "NDArray[np.int64]"


def fine_bins(scores: "NDArray[np.float64]", positive: "NDArray[np.bool_]") -> FineBins:
    """Return at most `FINE_BINS` scores, their rows, and the positive ones of these.

    Args:
        scores: Predicted probabilities, float64 of shape (rows,).
        positive: The truth of the same rows, bool of shape (rows,).
    """
    level, place = np.unique(scores, return_inverse=True)
    if len(level) > FINE_BINS:
        order = np.argsort(scores, kind="stable")
        place = np.empty(len(scores), dtype=np.int64)
        place[order] = np.arange(len(scores)) * FINE_BINS // len(scores)
        rows = np.bincount(place, minlength=FINE_BINS)
        level = np.bincount(place, weights=scores, minlength=FINE_BINS) / rows
    size = len(level)
    return FineBins(
        level,
        np.bincount(place, minlength=size).astype(np.int64),
        np.bincount(place[positive], minlength=size).astype(np.int64),
    )


def measures(
    level: "NDArray[np.float64]",
    positives: "NDArray[Any]",
    counts: "NDArray[np.int64]",
    threshold: float,
) -> dict[str, "NDArray[np.float64]"]:
    """Return each measure of tables of positives by score, each of shape (tables,).

    Args:
        level: Scores in rising order, shape (scores,).
        positives: Positive rows of each score, may be fractions, shape (tables, scores).
        counts: Rows of each score, shape (scores,) or (tables, scores).
        threshold: Score from which on a row is labelled positive.
    """
    negatives = counts - positives
    total, truth, false = counts.sum(axis=-1), positives.sum(axis=1), negatives.sum(axis=1)
    labelled = level >= threshold
    hits = positives[:, labelled].sum(axis=1)
    strays = negatives[:, labelled].sum(axis=1)
    below = np.cumsum(negatives, axis=1) - negatives / 2
    precision = _divide(hits, hits + strays)
    recall = _divide(hits, truth)
    gap = positives * (1 - level) ** 2 + negatives * level**2
    return {
        "roc_auc": _divide((positives * below).sum(axis=1), truth * false),
        "accuracy": (hits + false - strays) / total,
        "precision": precision,
        "recall": recall,
        "f1": _divide(2 * precision * recall, precision + recall),
        "brier": gap.sum(axis=1) / total,
    }


def _divide(above: "NDArray[Any]", below: "NDArray[Any]") -> "NDArray[np.float64]":
    """Return a quotient, 0 where there is nothing to divide by."""
    quotient = np.zeros(len(above))
    np.divide(above, below, out=quotient, where=np.asarray(below) > 0)
    return quotient
