"""The decision threshold that a declared cost or measure asks for, on rows out of the folds."""

from typing import TYPE_CHECKING

from playbill.config.schema import Threshold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST, MOST = 0.000001, 0.999999  # a threshold is above 0 and below 1, as evaluation.threshold


def tune(
    truth: "NDArray[np.int64]", probability: "NDArray[np.float64]", config: Threshold
) -> tuple[float, float]:
    """Return the best threshold, and what it is worth: the measure, or the mean cost of a row.

    Every probability that occurs is tried, and the least and the greatest threshold: what is
    returned is worth what is said of it. Of equally good thresholds the highest is taken: it calls
    the fewest rows positive.

    Args:
        truth: 0 and 1, shape (n,).
        probability: Of the positive class, shape (n,), of rows that the model did not learn from.
        config: What to look for.
    """
    import numpy as np

    candidates, hits, alarms = _counts(truth, probability)
    positives = int(truth.sum())
    values = _worth(hits, alarms, positives, len(truth) - positives, config)
    best = len(values) - 1 - int(np.argmax(values[::-1]))
    value = float(values[best])
    return float(candidates[best]), -value if config.kind == "cost" else value


def _counts(
    truth: "NDArray[np.int64]", probability: "NDArray[np.float64]"
) -> "tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]":
    """Return rising thresholds, and true and false positives from each of them on."""
    import numpy as np

    inside = probability[(probability >= LEAST) & (probability <= MOST)]
    candidates = np.unique(np.append(inside, [LEAST, MOST]))
    order = np.argsort(probability, kind="stable")
    begin = np.searchsorted(probability[order], candidates)
    positives = np.append(truth[order][::-1].cumsum()[::-1], 0).astype("float64")
    hits = positives[begin]
    return candidates, hits, len(truth) - begin - hits


def _worth(
    hits: "NDArray[np.float64]",
    alarms: "NDArray[np.float64]",
    positives: int,
    negatives: int,
    config: Threshold,
) -> "NDArray[np.float64]":
    import numpy as np

    misses, quiet = positives - hits, negatives - alarms
    rows = positives + negatives
    if config.kind == "cost":
        return -(alarms * config.false_positive + misses * config.false_negative) / rows
    if config.metric == "f1":
        return 2 * hits / (2 * hits + alarms + misses)
    if config.metric == "accuracy":
        return (hits + quiet) / rows
    if config.metric == "balanced_accuracy":
        return (hits / max(positives, 1) + quiet / max(negatives, 1)) / 2
    spread = (hits + alarms) * (hits + misses) * (quiet + alarms) * (quiet + misses)
    return (hits * quiet - alarms * misses) / np.sqrt(np.maximum(spread, 1.0))
