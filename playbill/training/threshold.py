"""The decision threshold that a declared cost or measure asks for, on rows out of the folds."""

from typing import TYPE_CHECKING

from playbill.config.schema import Threshold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST = 0.999999  # a threshold is below 1 ...
_LEAST = 0.000001  # ... and above 0, as evaluation.threshold


def tune(
    truth: "NDArray[np.int64]", probability: "NDArray[np.float64]", config: Threshold
) -> tuple[float, float]:
    """Return the best threshold, and what it is worth: the measure, or the mean cost of a row.

    Every probability that occurs is tried. Of equally good thresholds the highest is taken: it
    calls the fewest rows positive.

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
    found = float(np.clip(candidates[best], _LEAST, _MOST))
    return found, -value if config.kind == "cost" else value


def _counts(
    truth: "NDArray[np.int64]", probability: "NDArray[np.float64]"
) -> "tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]":
    """Return rising thresholds, and true and false positives from each of them on."""
    import numpy as np

    candidates, where = np.unique(probability, return_inverse=True)
    size = len(candidates)
    hits = np.bincount(where, weights=truth, minlength=size)[::-1].cumsum()[::-1]
    alarms = np.bincount(where, weights=1 - truth, minlength=size)[::-1].cumsum()[::-1]
    return candidates, hits, alarms


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
