"""Metrics of a task with several classes: of each class's probability, and of the likeliest one."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from playbill.evaluation.binary import CALIBRATION_BINS, Area, bin_of
from playbill.evaluation.bootstrap import Drawn, Ranked, Statistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.evaluation.scored import Scored

FIXED = 4  # columns before those by class: rows, right, loss, square


def multiclass(scored: "Scored") -> Statistic:
    """Return the metrics of an scored with several classes.

    F1 of a class that is neither there nor predicted counts as 0, as in scikit-learn; the
    one-versus-rest AUC is the mean over the classes that are there, NaN if none or only one is.
    """
    label, k = scored.labels(), len(scored.classes)
    truth = scored.truth[:, None] == np.arange(k)
    said = label[:, None] == np.arange(k)
    right = label == scored.truth
    sure = scored.scores.max(axis=1)
    bins = bin_of(sure, CALIBRATION_BINS)[:, None] == np.arange(CALIBRATION_BINS)
    sums = [
        np.ones((len(scored), 1)),
        right[:, None],
        scored.losses()[:, None],
        np.square(scored.scores - truth).sum(axis=1)[:, None],
        truth,
        said,
        truth & said,
        np.where(bins, (sure - right)[:, None], 0.0),
    ]
    return Statistic(
        sums=np.hstack(sums).astype(np.float64),
        combine=partial(_combine, k=k),
        ranked={"roc_auc_ovr": _Areas(truth, scored.scores)},
    )


def _combine(totals: "NDArray[np.float64]", k: int) -> Drawn:
    rows, right, loss, square = totals[:FIXED]
    there, said, hits = (totals[FIXED + i * k : FIXED + (i + 1) * k] for i in range(3))
    gaps = totals[FIXED + 3 * k :]
    rows = np.maximum(rows, 1e-300)
    f1 = 2 * hits / np.where(there + said > 0, there + said, 1)
    known = (there + said > 0).sum(axis=0)
    recall = hits / np.where(there > 0, there, 1)
    chance = (there * said).sum(axis=0) / rows**2
    spread = (1 - np.square(said / rows).sum(axis=0)) * (1 - np.square(there / rows).sum(axis=0))
    accuracy = right / rows
    return {
        "accuracy": accuracy,
        "balanced_accuracy": recall.sum(axis=0) / np.maximum((there > 0).sum(axis=0), 1),
        "f1_macro": f1.sum(axis=0) / np.maximum(known, 1),
        "f1_weighted": (f1 * there).sum(axis=0) / rows,
        "matthews_corrcoef": (accuracy - chance) / np.sqrt(np.where(spread > 0, spread, np.inf)),
        "cohen_kappa": np.where(
            chance < 1, (accuracy - chance) / np.where(chance < 1, 1 - chance, 1), 0.0
        ),
        "log_loss": loss / rows,
        "brier": square / rows,
        "calibration_error": np.abs(gaps).sum(axis=0) / rows,
    }


class _Areas:
    """The mean over the classes of the area under the ROC curve of each against the rest."""

    def __init__(self, truth: "NDArray[np.bool_]", scores: "NDArray[np.float64]") -> None:
        self.each = [Area(mine, score) for mine, score in zip(truth.T, scores.T, strict=True)]

    def __call__(self, counts: "NDArray[np.float64]") -> "NDArray[np.float64]":
        return _mean([area(counts) for area in self.each])

    def by_block(self, blocks: "NDArray[np.int64]", size: int) -> Ranked:
        each = [area.by_block(blocks, size) for area in self.each]
        return lambda counts: _mean([area(counts) for area in each])


def _mean(areas: "list[NDArray[np.float64]]") -> "NDArray[np.float64]":
    """Return the mean over the classes that have an area."""
    known = np.isfinite(areas)
    total = np.where(known, areas, 0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)
