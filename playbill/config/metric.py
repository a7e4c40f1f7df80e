"""Every metric by its one name: which tasks have it, which way is better, how people call it.

Folds, search, evaluation, gate, comparison and pages all read this list. The names are those of
scikit-learn's scorers. Its `neg_` losses are the exception: here a loss is a loss, positive and
better when less, under its short name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from playbill.config.outcome import Task

Metric = Literal[
    "roc_auc", "roc_auc_ovr", "average_precision", "f1", "f1_macro", "f1_weighted", "precision",
    "recall", "accuracy", "balanced_accuracy", "matthews_corrcoef", "cohen_kappa", "brier",
    "log_loss", "mae", "rmse", "r2", "mape", "median_absolute_error",
]  # fmt: skip
_CLASSES: tuple[Task, ...] = ("binary", "multiclass")


@dataclass(frozen=True)
class About:
    """What is known of a metric.

    Attributes:
        title: As people write it.
        tasks: The tasks that have it.
        better: Which way is better; None: it only describes.
    """

    title: str
    tasks: tuple[Task, ...]
    better: Literal["higher", "lower"] | None


# In the order in which people read them.
ABOUT: dict[str, About] = {
    "roc_auc": About("Area under the ROC curve", ("binary",), "higher"),
    "roc_auc_ovr": About("Area under the ROC curve, one versus rest", ("multiclass",), "higher"),
    "average_precision": About("Average precision", ("binary",), "higher"),
    "f1": About("F1", ("binary",), "higher"),
    "f1_macro": About("F1, macro", ("multiclass",), "higher"),
    "f1_weighted": About("F1, weighted", ("multiclass",), "higher"),
    "precision": About("Precision", ("binary",), "higher"),
    "recall": About("Recall", ("binary",), "higher"),
    "accuracy": About("Accuracy", _CLASSES, "higher"),
    "balanced_accuracy": About("Balanced accuracy", _CLASSES, "higher"),
    "matthews_corrcoef": About("Matthews correlation", _CLASSES, "higher"),
    "cohen_kappa": About("Cohen's kappa", ("multiclass",), "higher"),
    "brier": About("Brier score", _CLASSES, "lower"),
    "log_loss": About("Log loss", _CLASSES, "lower"),
    "calibration_error": About("Calibration error", _CLASSES, "lower"),
    "positive_share": About("Share of positives", ("binary",), None),
    "predicted_positive_share": About("Share predicted positive", ("binary",), None),
    "mean_probability": About("Mean probability", ("binary",), None),
    "mae": About("Mean absolute error", ("regression",), "lower"),
    "rmse": About("Root mean squared error", ("regression",), "lower"),
    "r2": About("R2", ("regression",), "higher"),
    "mape": About("Mean absolute percentage error", ("regression",), "lower"),
    "median_absolute_error": About("Median absolute error", ("regression",), "lower"),
    "bias": About("Bias (predicted minus true)", ("regression",), None),
}
TITLES = {name: about.title for name, about in ABOUT.items()}
HIGHER_IS_BETTER = frozenset(name for name, about in ABOUT.items() if about.better == "higher")
LOWER_IS_BETTER = frozenset(name for name, about in ABOUT.items() if about.better == "lower")
# Those that folds are judged by and that the gate may decide by.
METRICS: dict[Task, tuple[Metric, ...]] = {
    task: tuple(name for name in get_args(Metric) if task in ABOUT[name].tasks)
    for task in get_args(Task)
}
# The metric that a task's slices, curves and cards are led by.
LEADING: dict[Task, Metric] = {
    "binary": "roc_auc", "multiclass": "roc_auc_ovr", "regression": "rmse",
}  # fmt: skip
# What a metric was called before, and what scikit-learn calls it where the sign differs.
RENAMED: dict[str, Metric] = {
    "macro_f1": "f1_macro",
    "weighted_f1": "f1_weighted",
    "mcc": "matthews_corrcoef",
    "neg_log_loss": "log_loss",
    "neg_brier_score": "brier",
    "neg_root_mean_squared_error": "rmse",
    "neg_mean_absolute_error": "mae",
    "neg_mean_absolute_percentage_error": "mape",
    "neg_median_absolute_error": "median_absolute_error",
}


def modern(plain: Any, task: str = "") -> Any:
    """Return what an older version wrote, with today's names of metrics: keys, and `metric:`.

    Args:
        plain: What was read of JSON or YAML.
        task: The task that it is about, where it does not say so itself: `roc_auc` of several
            classes has another name than of two.
    """
    if isinstance(plain, list):
        return [modern(each, task) for each in plain]
    if not isinstance(plain, Mapping):
        return plain
    task = str(plain.get("task") or task)
    found = {_today(str(key), task): modern(value, task) for key, value in plain.items()}
    if isinstance(name := found.get("metric"), str):
        found["metric"] = _today(name, task)
    return found


def _today(name: str, task: str) -> str:
    several = {"roc_auc": "roc_auc_ovr"} if task == "multiclass" else {}
    return RENAMED.get(name) or several.get(name, name)
