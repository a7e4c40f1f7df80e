"""The points that `dvc plots` draws: ROC, precision and recall, calibration, confusion."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

CALIBRATION_BINS = 10
DIGITS = 6


def curves(
    truth: "NDArray[np.int64]",
    probability: "NDArray[np.float64]",
    *,
    threshold: float,
    points: int,
) -> "dict[str, pd.DataFrame]":
    """Return the plots' tables by file name, each curve with at most `points` points."""
    positive = truth == 1
    return {
        "roc.csv": roc(positive, probability, points=points),
        "precision_recall.csv": precision_recall(positive, probability, points=points),
        "calibration.csv": calibration(positive, probability),
        "confusion.csv": confusion(positive, probability >= threshold),
    }


def roc(
    positive: "NDArray[np.bool_]", probability: "NDArray[np.float64]", *, points: int
) -> "pd.DataFrame":
    """Return false and true positive rates by falling threshold; no point without both classes."""
    import pandas as pd

    hits, alarms, threshold = _steps(positive, probability)
    if not positive.any() or positive.all():
        hits, alarms, threshold = hits[:0], alarms[:0], threshold[:0]
    columns = {
        "false_positive_rate": (alarms - hits) / max(int((~positive).sum()), 1),
        "true_positive_rate": hits / max(int(positive.sum()), 1),
        "threshold": threshold,
    }
    return _thin(pd.DataFrame(columns), points)


def precision_recall(
    positive: "NDArray[np.bool_]", probability: "NDArray[np.float64]", *, points: int
) -> "pd.DataFrame":
    """Return recall and precision by falling threshold; no point without a positive row."""
    import pandas as pd

    hits, alarms, threshold = _steps(positive, probability)
    if not positive.any():
        hits, alarms, threshold = hits[:0], alarms[:0], threshold[:0]
    columns = {
        "recall": hits / max(int(positive.sum()), 1),
        "precision": hits / np.maximum(alarms, 1),
        "threshold": threshold,
    }
    return _thin(pd.DataFrame(columns)[1:], points)  # nothing labelled: precision is undefined


def calibration(
    positive: "NDArray[np.bool_]", probability: "NDArray[np.float64]"
) -> "pd.DataFrame":
    """Return mean prediction and share of positives in bins that hold about equally many rows."""
    import pandas as pd

    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, CALIBRATION_BINS) if len(part)]
    columns = {
        "mean_predicted": [float(probability[part].mean()) for part in parts],
        "share_positive": [float(positive[part].mean()) for part in parts],
        "rows": [len(part) for part in parts],
    }
    return pd.DataFrame(columns).round(DIGITS)


def confusion(positive: "NDArray[np.bool_]", label: "NDArray[np.bool_]") -> "pd.DataFrame":
    """Return a line for each row, sorted: DVC's confusion template counts the lines itself."""
    import pandas as pd

    frame = pd.DataFrame({"actual": positive.astype(np.int64), "predicted": label.astype(np.int64)})
    return frame.sort_values(["actual", "predicted"], kind="stable", ignore_index=True)


def _steps(
    positive: "NDArray[np.bool_]", probability: "NDArray[np.float64]"
) -> "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]":
    """Return hits and alarms at each distinct threshold, from none to all rows labelled."""
    order = np.argsort(-probability, kind="stable")
    scores = probability[order]
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    hits = np.cumsum(positive[order].astype(np.int64))[last]
    none = np.zeros(1, dtype=np.int64)
    return (
        np.concatenate([none, hits]),
        np.concatenate([none, last + 1]),
        np.concatenate([[1.0], scores[last]]),
    )


def _thin(frame: "pd.DataFrame", points: int) -> "pd.DataFrame":
    """Keep at most `points` rows, evenly by position, the first and the last among them."""
    if len(frame) > points:
        frame = frame.iloc[np.linspace(0, len(frame) - 1, points).round().astype(np.int64)]
    return frame.round(DIGITS).reset_index(drop=True)
