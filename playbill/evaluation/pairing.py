"""Compares two models on the rows that both predicted: AUC and Brier score, with an interval."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

CONFIDENCE = 0.95
DRAWS = 1000
SEED = 20_130_101
LOWER_IS_BETTER = ("brier", "log_loss", "calibration_error")


@dataclass(frozen=True)
class Predictions:
    """A frame of predictions and which of its columns are what."""

    frame: "pd.DataFrame"
    key: str
    target: str
    probability: str


@dataclass(frozen=True)
class Paired:
    """A metric of two models on the rows that both predicted, with their difference's interval."""

    side: str
    metric: str
    rows: int
    first: float
    other: float
    difference: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Return better, worse, or `no clear difference` if the interval holds zero."""
        if self.low <= 0 <= self.high:
            return "no clear difference"
        return "better" if (self.difference < 0) == (self.metric in LOWER_IS_BETTER) else "worse"


def pair(first: Predictions, other: Predictions, name: str) -> tuple[list[Paired], str]:
    """Compare two models on the rows that both predicted, matched by key.

    Returns:
        AUC and Brier score with intervals, or nothing; and a note on rows that were left out.
    """
    left, right = _indexed(first), _indexed(other)
    if left.index.has_duplicates or right.index.has_duplicates:
        return [], f"{name}: keys occur more than once, so rows cannot be matched"
    shared = left.index.intersection(right.index, sort=False)
    left, right = left.loc[shared], right.loc[shared]
    if not all(_are_numbers(column) for side in (left, right) for _, column in side.items()):
        return [], f"{name}: labels and probabilities are not all numbers"
    if (clash := int((left["label"] != right["label"]).sum())) > 0:
        return [], f"{name}: {clash} shared rows have another label, so the rows are not the same"
    labels = left["label"].to_numpy(dtype=float) > 0
    if labels.all() or not labels.any():
        return [], f"{name}: no two classes among the {len(shared)} rows that both predicted"
    most = max(len(first.frame), len(other.frame))
    note = f"{name}: {len(shared)} rows were predicted by both, of {most}"
    scores = (left["score"].to_numpy(dtype=float), right["score"].to_numpy(dtype=float))
    return _bootstrap(labels, scores, name), "" if len(shared) == most else note


def _indexed(predictions: Predictions) -> "pd.DataFrame":
    names = {predictions.target: "label", predictions.probability: "score"}
    frame = predictions.frame[[predictions.key, *names]].rename(columns=names)
    return frame.set_index(predictions.key)


def _are_numbers(column: "pd.Series[Any]") -> bool:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return (is_numeric_dtype(column) or is_bool_dtype(column)) and bool(column.notna().all())


def _bootstrap(
    labels: "NDArray[np.bool_]",
    scores: tuple["NDArray[np.float64]", "NDArray[np.float64]"],
    name: str,
) -> list[Paired]:
    import numpy as np

    rng = np.random.default_rng(SEED)
    areas = [_Area(labels, score) for score in scores]
    losses = [(score - labels) ** 2 for score in scores]
    gap = losses[1] - losses[0]
    rows = len(labels)
    draws: dict[str, list[float]] = {"roc_auc": [], "brier": []}
    for _ in range(DRAWS):
        drawn = rng.integers(rows, size=rows, dtype=np.int32)
        weights = np.bincount(drawn, minlength=rows).astype(np.float64)
        draws["roc_auc"].append(areas[1](weights) - areas[0](weights))
        draws["brier"].append(float(np.sum(weights * gap)) / rows)
    whole = np.ones(rows)
    point = {
        "roc_auc": [area(whole) for area in areas],
        "brier": [float(loss.mean()) for loss in losses],
    }
    tail = 50 * (1 - CONFIDENCE)
    found = []
    for metric, (before, after) in point.items():
        # A draw without two classes has no AUC; it says nothing about the difference.
        low, high = np.nanpercentile(draws[metric], [tail, 100 - tail])
        gained = after - before
        found.append(Paired(name, metric, rows, before, after, gained, float(low), float(high)))
    return found


class _Area:
    """The area under the ROC curve of rows that count by weight; equal scores count half."""

    def __init__(self, labels: "NDArray[np.bool_]", scores: "NDArray[np.float64]") -> None:
        import numpy as np

        order = np.argsort(scores, kind="stable")
        self.positive, self.negative = order[labels[order]], order[~labels[order]]
        below, above = scores[self.negative], scores[self.positive]
        # Among the negatives in order: how many lie under each positive, and under or beside it.
        self.under = np.searchsorted(below, above, side="left")
        self.beside = np.searchsorted(below, above, side="right")

    def __call__(self, weights: "NDArray[np.float64]") -> float:
        import numpy as np

        won = np.concatenate(([0.0], np.cumsum(weights[self.negative])))
        stake = weights[self.positive]
        total = stake.sum() * won[-1]
        # Not a dot product: BLAS would share it among threads, slower and summed in another order.
        wins = np.sum(stake * (won[self.under] + won[self.beside]))
        return float(wins / (2 * total or np.nan))
