"""The measures that folds are judged by: one number from the truth and a model's answers."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from playbill.config.learning import METRICS
from playbill.config.outcome import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Answers = "NDArray[np.float64]"
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae"})
_ON_SCORES = frozenset({"roc_auc", "average_precision", "log_loss", "brier"})
# scikit-learn's function by ours, with its further arguments; the same for every task.
_FUNCTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "roc_auc": ("roc_auc_score", {}),
    "average_precision": ("average_precision_score", {}),
    "log_loss": ("log_loss", {}),
    "brier": ("brier_score_loss", {}),
    "accuracy": ("accuracy_score", {}),
    "balanced_accuracy": ("balanced_accuracy_score", {}),
    "f1": ("f1_score", {"zero_division": 0.0}),
    "f1_macro": ("f1_score", {"average": "macro", "zero_division": 0.0}),
    "precision": ("precision_score", {"zero_division": 0.0}),
    "recall": ("recall_score", {"zero_division": 0.0}),
    "mcc": ("matthews_corrcoef", {}),
    "rmse": ("root_mean_squared_error", {}),
    "mae": ("mean_absolute_error", {}),
    "r2": ("r2_score", {}),
}
_HALF = 0.5


def sign(metric: str) -> int:
    """Return 1 for a measure of which more is better, -1 for one of which less is."""
    return -1 if metric in LOWER_IS_BETTER else 1


def usual(task: Task) -> tuple[str, ...]:
    """Return the measures of a task that are reported when conf/ names none."""
    return {
        "binary": ("roc_auc", "average_precision", "log_loss", "brier"),
        "multiclass": ("log_loss", "accuracy", "balanced_accuracy", "f1_macro"),
        "regression": METRICS["regression"],
    }[task]


def measure(
    metric: str,
    truth: "NDArray[Any]",
    answers: "NDArray[np.float64]",
    *,
    task: Task,
    classes: Sequence[Any] = (),
) -> float | None:
    """Return a measure; None where it is not defined, as the AUC of one class.

    Args:
        metric: One of `METRICS` of the task.
        truth: Shape (n,): 0 and 1, labels or numbers.
        answers: As `playbill.model.estimator.predict` gives them. Measures of labels take a binary
            row as positive from 0.5 on, and the most probable of several classes.
        task: The contract's task.
        classes: The contract's classes, of a multiclass task.
    """
    import numpy as np
    from sklearn import metrics

    name, options = _FUNCTIONS[metric]
    function: Callable[..., Any] = getattr(metrics, name)
    if (
        task != "regression"
        and metric == "roc_auc"
        and len(np.unique(truth)) < max(len(classes), 2)
    ):
        return None
    if task == "multiclass":
        return float(_multiclass(metric, function, truth, answers, classes, options))
    if task == "binary" and metric == "log_loss":
        options = {"labels": [0, 1]}
    if task == "binary" and metric not in _ON_SCORES:
        answers = (answers >= _HALF).astype(np.int64)
    return float(function(truth, answers, **options))


def _multiclass(
    metric: str,
    function: Callable[..., Any],
    truth: "NDArray[Any]",
    answers: "NDArray[np.float64]",
    classes: Sequence[Any],
    options: dict[str, Any],
) -> float:
    import numpy as np

    codes = np.searchsorted(np.array(classes), np.asarray(truth, dtype=np.array(classes).dtype))
    labels = list(range(len(classes)))
    if metric == "log_loss":
        return float(function(codes, answers, labels=labels))
    if metric == "roc_auc":
        return float(function(codes, answers, multi_class="ovr", labels=labels))
    return float(function(codes, answers.argmax(axis=1), **options))
