"""The metrics of each task: which there are, which way is better, and their values."""

import math
from collections.abc import Callable
from typing import Any

from playbill.config.outcome import Task
from playbill.evaluation.binary import binary
from playbill.evaluation.bootstrap import Statistic
from playbill.evaluation.multiclass import multiclass
from playbill.evaluation.regression import regression
from playbill.evaluation.scored import Scored

TASKS: dict[Task, Callable[[Scored], Statistic]] = {
    "binary": binary,
    "multiclass": multiclass,
    "regression": regression,
}
# The metric that a task's slices, curves and cards are led by.
LEADING: dict[Task, str] = {"binary": "roc_auc", "multiclass": "roc_auc_ovr", "regression": "rmse"}
HIGHER_IS_BETTER = frozenset({
    "roc_auc", "average_precision", "precision", "recall", "f1", "accuracy",
    "roc_auc_ovr", "balanced_accuracy", "macro_f1", "weighted_f1", "cohen_kappa", "r2",
})  # fmt: skip
LOWER_IS_BETTER = frozenset({
    "brier", "log_loss", "calibration_error", "mae", "rmse", "mape", "median_absolute_error",
})  # fmt: skip
TITLES = {
    "roc_auc": "Area under the ROC curve",
    "average_precision": "Average precision",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "accuracy": "Accuracy",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "calibration_error": "Calibration error",
    "positive_share": "Share of positives",
    "predicted_positive_share": "Share predicted positive",
    "mean_probability": "Mean probability",
    "roc_auc_ovr": "Area under the ROC curve, one versus rest",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "F1, macro",
    "weighted_f1": "F1, weighted",
    "cohen_kappa": "Cohen's kappa",
    "mae": "Mean absolute error",
    "rmse": "Root mean squared error",
    "r2": "R2",
    "mape": "Mean absolute percentage error",
    "median_absolute_error": "Median absolute error",
    "bias": "Bias (predicted minus true)",
}
"""Every metric by its name in metrics.json, in the order in which people read them."""


def statistic(scored: Scored) -> Statistic:
    """Return the metrics of rows as functions of how often each row counts."""
    return TASKS[scored.task](scored)


def measure(scored: Scored) -> dict[str, Any]:
    """Return the metrics of rows and their number; None where one is not defined."""
    return {"rows": len(scored), **plain(statistic(scored).values())}


def plain(values: dict[str, float]) -> dict[str, float | None]:
    """Return numbers with None for what JSON has no form for."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
