"""Measures of predicted probabilities against what happened; None where one is not defined."""

from typing import TYPE_CHECKING, TypedDict

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CALIBRATION_BINS = 10


class Metrics(TypedDict):
    """The measures of one set of rows."""

    rows: int
    positive_share: float
    predicted_positive_share: float
    mean_probability: float
    roc_auc: float | None
    f1: float
    precision: float
    recall: float
    accuracy: float
    brier: float
    log_loss: float
    calibration_error: float


def measure(
    truth: "NDArray[np.int64]", probability: "NDArray[np.float64]", threshold: float
) -> Metrics:
    """Return the measures of `probability`, labelled positive from `threshold` on.

    Precision, recall and F1 are 0 where their divisor is; the AUC of one class is None.
    """
    label = probability >= threshold
    positive = truth == 1
    hits = int((label & positive).sum())
    precision = hits / max(int(label.sum()), 1)
    recall = hits / max(int(positive.sum()), 1)
    return Metrics(
        rows=len(truth),
        positive_share=float(positive.mean()),
        predicted_positive_share=float(label.mean()),
        mean_probability=float(probability.mean()),
        roc_auc=roc_auc(positive, probability),
        f1=2 * precision * recall / (precision + recall) if hits else 0.0,
        precision=precision,
        recall=recall,
        accuracy=float((label == positive).mean()),
        brier=float(np.square(probability - positive).mean()),
        log_loss=_log_loss(positive, probability),
        calibration_error=_calibration_error(positive, probability),
    )


def roc_auc(positive: "NDArray[np.bool_]", probability: "NDArray[np.float64]") -> float | None:
    """Return the chance that a positive row scores above a negative one; ties count half."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(probability, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2  # mean rank of each run of equal scores
    ranks = float(middle[inverse][positive].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def _log_loss(positive: "NDArray[np.bool_]", probability: "NDArray[np.float64]") -> float:
    tiny = float(np.finfo(np.float64).eps)
    right = np.where(positive, probability, 1 - probability)
    return float(-np.log(np.clip(right, tiny, 1)).mean())


def _calibration_error(positive: "NDArray[np.bool_]", probability: "NDArray[np.float64]") -> float:
    """Return the mean gap between predicted and seen share over bins of equal width, by rows."""
    place = np.minimum((probability * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    predicted = np.bincount(place, weights=probability, minlength=CALIBRATION_BINS)
    seen = np.bincount(place, weights=positive, minlength=CALIBRATION_BINS)
    return float(np.abs(predicted - seen).sum() / len(positive))
