"""The metrics of config/metric.py on folds, by scikit-learn: one number from truth and answers."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from playbill.config.metric import LOWER_IS_BETTER, Metric
from playbill.config.outcome import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ON_SCORES = frozenset({"roc_auc", "roc_auc_ovr", "average_precision", "log_loss", "brier"})
# scikit-learn's function of each, with its further arguments.
_FUNCTIONS: dict[Metric, tuple[str, dict[str, Any]]] = {
    "roc_auc": ("roc_auc_score", {}),
    "roc_auc_ovr": ("roc_auc_score", {}),
    "average_precision": ("average_precision_score", {}),
    "log_loss": ("log_loss", {}),
    "brier": ("brier_score_loss", {}),
    "accuracy": ("accuracy_score", {}),
    "balanced_accuracy": ("balanced_accuracy_score", {}),
    "f1": ("f1_score", {"zero_division": 0.0}),
    "f1_macro": ("f1_score", {"average": "macro", "zero_division": 0.0}),
    "f1_weighted": ("f1_score", {"average": "weighted", "zero_division": 0.0}),
    "precision": ("precision_score", {"zero_division": 0.0}),
    "recall": ("recall_score", {"zero_division": 0.0}),
    "matthews_corrcoef": ("matthews_corrcoef", {}),
    "cohen_kappa": ("cohen_kappa_score", {"replace_undefined_by": 0.0}),
    "rmse": ("root_mean_squared_error", {}),
    "mae": ("mean_absolute_error", {}),
    "r2": ("r2_score", {"force_finite": False}),
    "mape": ("mean_absolute_percentage_error", {}),
    "median_absolute_error": ("median_absolute_error", {}),
}
_HALF = 0.5


def sign(metric: Metric) -> int:
    """Return 1 for a metric of which more is better, -1 for one of which less is."""
    return -1 if metric in LOWER_IS_BETTER else 1


def usual(task: Task) -> tuple[Metric, ...]:
    """Return the metrics of a task that are reported when conf/ names none."""
    chosen: dict[Task, tuple[Metric, ...]] = {
        "binary": ("roc_auc", "average_precision", "log_loss", "brier"),
        "multiclass": ("log_loss", "accuracy", "balanced_accuracy", "f1_macro"),
        "regression": ("rmse", "mae", "r2"),
    }
    return chosen[task]


def measure(
    metric: Metric,
    truth: "NDArray[Any]",
    answers: "NDArray[np.float64]",
    *,
    task: Task,
    classes: Sequence[Any] = (),
) -> float | None:
    """Return a metric; None where it is not defined, as the AUC of one class.

    Args:
        metric: One of `METRICS` of the task.
        truth: Shape (n,): 0 and 1, labels or numbers.
        answers: As `playbill.model.estimator.predict` gives them. Metrics of labels take a binary
            row as positive from 0.5 on, and the most probable of several classes.
        task: The contract's task.
        classes: The contract's classes, of a multiclass task.
    """
    import numpy as np
    from sklearn import metrics

    name, options = _FUNCTIONS[metric]
    function: Callable[..., Any] = getattr(metrics, name)
    if not _is_defined(metric, truth):
        return None
    if task == "multiclass":
        found = _multiclass(metric, function, truth, answers, classes, options)
        return found if math.isfinite(found) else None
    if task == "binary" and metric == "log_loss":
        options = {"labels": [0, 1]}
    if task == "binary" and metric not in _ON_SCORES:
        answers = (answers >= _HALF).astype(np.int64)
    return float(function(truth, answers, **options))


def _is_defined(metric: Metric, truth: "NDArray[Any]") -> bool:
    if metric in {"roc_auc", "roc_auc_ovr", "r2"}:
        return len(set(truth.tolist())) > 1
    if metric == "average_precision":
        return bool((truth == 1).any())
    return metric != "mape" or bool((truth != 0).all())


def _multiclass(
    metric: Metric,
    function: Callable[..., Any],
    truth: "NDArray[Any]",
    answers: "NDArray[np.float64]",
    classes: Sequence[Any],
    options: dict[str, Any],
) -> float:
    import numpy as np

    codes = np.searchsorted(np.array(classes), np.asarray(truth, dtype=np.array(classes).dtype))
    labels = list(range(len(classes)))
    if metric in {"log_loss", "brier"}:
        return float(function(codes, answers, labels=labels))
    if metric == "roc_auc_ovr":  # of the classes that are there, as in playbill.evaluation
        there = np.unique(codes)
        return float(np.mean([function(codes == k, answers[:, k]) for k in there]))
    return float(function(codes, answers.argmax(axis=1), **options))
