"""What the gate may decide by: metrics and tests, and which of them go together.

It stands here, below `playbill.evaluation`, because `compose` asks it before any data is read.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from playbill.config.nearest import nearest

if TYPE_CHECKING:
    from playbill.config.outcome import Task
    from playbill.config.schema import Params

Problem = tuple[str, str, str]  # key, what, expected
Test = Literal["bootstrap", "delong", "mcnemar"]
Metric = Literal[
    "roc_auc", "average_precision", "f1", "precision", "recall", "accuracy", "brier", "log_loss",
    "roc_auc_ovr", "balanced_accuracy", "macro_f1", "weighted_f1", "cohen_kappa",
    "mae", "rmse", "r2",
]  # fmt: skip
METRICS: "dict[Task, tuple[Metric, ...]]" = {
    "binary": ("roc_auc", "average_precision", "f1", "precision", "recall", "accuracy", "brier",
               "log_loss"),
    "multiclass": ("roc_auc_ovr", "accuracy", "balanced_accuracy", "macro_f1", "weighted_f1",
                   "cohen_kappa", "brier", "log_loss"),
    "regression": ("rmse", "mae", "r2"),
}  # fmt: skip
DEFAULT: "dict[Task, Metric]" = {
    "binary": "roc_auc", "multiclass": "brier", "regression": "rmse",
}  # fmt: skip
# Metrics without a scale of their own: a margin is a share of the champion's value.
RELATIVE: tuple[Metric, ...] = ("log_loss", "mae", "rmse")
# Tests with a form of their own for one metric; the bootstrap takes every metric.
SPECIAL: dict[Test, Metric] = {"delong": "roc_auc", "mcnemar": "accuracy"}


def metric_of(metric: Metric | None, task: "Task") -> Metric:
    """Return the metric that decides: the declared one, else the task's own."""
    return metric or DEFAULT[task]


def gate_problems(params: "Params") -> Iterator[Problem]:
    """Yield key, problem and expectation where the gate does not suit the task or the columns."""
    gate, task = params.evaluation.gate, params.contract.task
    known = METRICS[task]
    metric = metric_of(gate.metric, task)
    if metric not in known:
        what = f"`{metric}` is no metric of a {task} task"
        yield "evaluation.gate.metric", what, nearest(metric, known)
    for name in gate.floors:
        if name not in known:
            what = f"`{name}` is no metric of a {task} task"
            yield f"evaluation.gate.floors.{name}", what, nearest(name, known)
    if gate.test in SPECIAL and metric != SPECIAL[gate.test]:
        what = f"the test {gate.test} compares {SPECIAL[gate.test]}, not {metric}"
        yield "evaluation.gate.test", what, "bootstrap, which takes every metric"
    if gate.test in SPECIAL and params.evaluation.interval.block:
        what = f"the test {gate.test} takes rows for independent, and evaluation.interval.block not"
        yield "evaluation.gate.test", what, "bootstrap, or no `block`"
    for column in gate.slices or ():
        if column not in (columns := list(params.contract.schema_["columns"])):
            what = f"`{column}` is no column of the contract"
            yield "evaluation.gate.slices", what, nearest(column, columns)
