"""Whether predictions mean what they say: in bins of the prediction, what was then seen."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.evaluation.binary import CALIBRATION_BINS, bin_of
from playbill.evaluation.bootstrap import Drawn, Part, Plan, Statistic, bounds, intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.evaluation.scored import Scored

NOISE_DRAWS = 200
BINS = 10


def reliability(scored: "Scored", plan: Plan) -> dict[str, Any]:
    """Return bins of about equally many rows with what was predicted, and seen, with intervals.

    Of several classes, the likeliest one's probability and whether it was right; of numbers, the
    prediction and the truth.
    """
    predicted, seen = told(scored)
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, BINS + 1)[1:-1]))
    place = np.searchsorted(edges, predicted, side="right")
    bins = np.unique(place)
    inside = place[:, None] == bins
    sums = [inside, np.where(inside, predicted[:, None], 0), np.where(inside, seen[:, None], 0)]
    statistic = Statistic(np.hstack(sums).astype(np.float64), partial(_means, k=len(bins)), {})
    point = statistic.values()
    spans = intervals([Part(statistic)], plan, len(scored))[0]
    rows = inside.sum(axis=0)
    report: dict[str, Any] = {"bins": []}
    for index in range(len(bins)):
        report["bins"].append({
            "rows": int(rows[index]),
            "predicted": point[f"predicted:{index}"],
            "seen": point[f"seen:{index}"],
            **bounds(spans[f"seen:{index}"]),
        })  # fmt: skip
    if scored.task != "regression":
        report["error_by_chance"] = by_chance(predicted, plan)
    return report


def told(scored: "Scored") -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """Return what was predicted and what was seen, float64 (n,) each."""
    if scored.task == "multiclass":
        right = scored.labels() == scored.truth
        return scored.scores.max(axis=1), right.astype(np.float64)
    return scored.scores, scored.truth.astype(np.float64)


def by_chance(probability: "NDArray[np.float64]", plan: Plan) -> dict[str, float]:
    """Return the calibration error that a perfectly calibrated model would show on these rows.

    The error is a sum of absolute gaps, so chance alone makes it positive: labels are drawn from
    the probabilities themselves, rows independent (Broecker and Smith 2007).

    Returns:
        Its mean, and the value that it stays below with the plan's level.
    """
    generator = np.random.default_rng(plan.seed)
    place = bin_of(probability, CALIBRATION_BINS)
    predicted = np.bincount(place, weights=probability, minlength=CALIBRATION_BINS)
    errors = []
    for _ in range(NOISE_DRAWS):
        drawn = generator.random(len(probability)) < probability
        seen = np.bincount(place[drawn], minlength=CALIBRATION_BINS)
        errors.append(np.abs(predicted - seen).sum() / len(probability))
    return {"mean": float(np.mean(errors)), "high": float(np.quantile(errors, plan.level))}


def _means(totals: "NDArray[np.float64]", k: int) -> Drawn:
    rows, predicted, seen = (totals[i * k : (i + 1) * k] for i in range(3))
    rows = np.where(rows > 0, rows, np.nan)
    means = {"predicted": predicted / rows, "seen": seen / rows}
    return {
        f"{name}:{index}": row for name, value in means.items() for index, row in enumerate(value)
    }
