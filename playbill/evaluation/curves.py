"""The points that `dvc plots` draws, for each task the files that conf/pipeline names."""

from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.evaluation.calibration import told

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from playbill.evaluation.scored import Scored

CALIBRATION_BINS = 10
DIGITS = 6


def curves(scored: "Scored", *, points: int) -> "dict[str, pd.DataFrame]":
    """Return the plots' tables by file name, each curve with at most `points` points."""
    tables = {"calibration.csv": calibration(*reversed(told(scored)))}
    if scored.task == "regression":
        return tables | _numbers(scored, points)
    if scored.task == "multiclass":
        return tables | _classes(scored, points)
    positive, probability = scored.truth == 1, scored.scores
    return {
        "roc.csv": roc(positive, probability, points=points),
        "precision_recall.csv": precision_recall(positive, probability, points=points),
        "confusion.csv": confusion(scored.truth, scored.labels()),
        **tables,
    }


def importance(found: "Mapping[str, Any] | None") -> "dict[str, pd.DataFrame]":
    """Return the table of the inputs' importance by file name; empty columns if not measured."""
    import pandas as pd

    columns = ["column", "increase", "spread"]
    frame = pd.DataFrame(found["columns"] if found else [], columns=columns)
    return {"importance.csv": frame.round(DIGITS)}


def _numbers(scored: "Scored", points: int) -> "dict[str, pd.DataFrame]":
    """Return predicted against actual numbers, and the error's quantiles (Bi and Bennett 2003)."""
    import pandas as pd

    error = np.sort(np.abs(scored.scores - scored.truth))
    order = np.argsort(scored.scores, kind="stable")
    pairs = pd.DataFrame({"predicted": scored.scores[order], "actual": scored.truth[order]})
    share = np.arange(1, len(error) + 1) / max(len(error), 1)
    within = pd.DataFrame({"absolute_error": error, "share_within": share})
    return {"predicted.csv": _thin(pairs, 5 * points), "error.csv": _thin(within, points)}


def _classes(scored: "Scored", points: int) -> "dict[str, pd.DataFrame]":
    """Return the mean ROC curve of each class against the rest, the confusion, and each class."""
    import pandas as pd

    names, label = np.array(scored.classes, dtype=object), scored.labels()
    grid = np.linspace(0, 1, points)
    rates, rows = [], []
    for position, name in enumerate(scored.classes):
        mine, said = scored.truth == position, label == position
        if mine.any() and not mine.all():
            one = roc(mine, scored.scores[:, position], points=len(scored) + 1)
            rates.append(np.interp(grid, one["false_positive_rate"], one["true_positive_rate"]))
        hits = int((mine & said).sum())
        rows.append({
            "class": name,
            "rows": int(mine.sum()),
            "precision": hits / max(int(said.sum()), 1),
            "recall": hits / max(int(mine.sum()), 1),
            "f1": 2 * hits / max(int(mine.sum()) + int(said.sum()), 1),
        })  # fmt: skip
    mean = np.mean(rates, axis=0) if rates else np.empty(0)
    columns = {"false_positive_rate": grid[: len(mean)], "true_positive_rate": mean}
    return {
        "roc.csv": pd.DataFrame(columns).round(DIGITS),
        "confusion.csv": confusion(names[scored.truth], names[label]),
        "class.csv": pd.DataFrame(rows).round(DIGITS),
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


def calibration(seen: "NDArray[Any]", predicted: "NDArray[np.float64]") -> "pd.DataFrame":
    """Return the means of what was predicted and seen in bins of about equally many rows."""
    import pandas as pd

    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, CALIBRATION_BINS) if len(part)]
    columns = {
        "mean_predicted": [float(predicted[part].mean()) for part in parts],
        "mean_seen": [float(seen[part].mean()) for part in parts],
        "rows": [len(part) for part in parts],
    }
    return pd.DataFrame(columns).round(DIGITS)


def confusion(truth: "NDArray[Any]", label: "NDArray[Any]") -> "pd.DataFrame":
    """Return a line for each row, sorted: DVC's confusion template counts the lines itself."""
    import pandas as pd

    frame = pd.DataFrame({"actual": truth, "predicted": label})
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
