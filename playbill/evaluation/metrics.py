"""The metrics of each task and their values; config/metric.py lists them."""

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


def statistic(scored: Scored) -> Statistic:
    """Return the metrics of rows as functions of how often each row counts."""
    return TASKS[scored.task](scored)


def measure(scored: Scored) -> dict[str, Any]:
    """Return the metrics of rows and their number; None where one is not defined."""
    return {"rows": len(scored), **plain(statistic(scored).values())}


def plain(values: dict[str, float]) -> dict[str, float | None]:
    """Return numbers with None for what JSON has no form for."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
