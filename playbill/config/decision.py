"""What the gate decides by and what a tag must carry: the typed keys, and what goes together.

It stands here, below `playbill.evaluation`, because `compose` asks it before any data is read.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from playbill.config.group import Group
from playbill.config.metric import METRICS, Metric
from playbill.config.nearest import nearest
from playbill.config.scalar import Share

if TYPE_CHECKING:
    from playbill.config.outcome import Task
    from playbill.config.schema import Params

Problem = tuple[str, str, str]  # key, what, expected
Test = Literal["bootstrap", "delong", "mcnemar"]
DEFAULT: "dict[Task, Metric]" = {
    "binary": "roc_auc", "multiclass": "brier", "regression": "rmse",
}  # fmt: skip
# Metrics without a scale of their own: a margin is a share of the champion's value.
RELATIVE: tuple[Metric, ...] = ("log_loss", "mae", "rmse", "median_absolute_error")
# Tests with a form of their own for one metric; the bootstrap takes every metric.
SPECIAL: dict[Test, Metric] = {"delong": "roc_auc", "mcnemar": "accuracy"}


# Keys of `evaluation` that no stage reads: they say who is let in, not what is measured.
DECISIONS = ("gate", "promotion", "feedback")


class Gate(Group):
    """When a challenger may take a champion's place."""

    metric: Metric | None = None
    """What decides; none: roc_auc of two classes, brier of several, rmse of a number."""
    rule: Literal["non-inferior", "superior"] = "non-inferior"
    """non-inferior: shown not to be worse by more than `margin`; superior: shown to be better."""
    margin: Annotated[float, Field(ge=0)] = 0.01
    """Largest loss that counts as none; of log_loss and errors a share of the champion's."""
    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    """Share of runs in which a claim may be made that is not true; each bound is one-sided."""
    power: Share = 0.8
    """Share of runs in which the smallest difference that is stated would be found."""
    test: Test = "bootstrap"
    """bootstrap takes every metric; delong: roc_auc of two classes; mcnemar: accuracy."""
    draws: Annotated[int, Field(ge=200, le=100_000)] = 2000
    """Resamplings of the bootstrap."""
    minimum_rows: Annotated[int, Field(ge=2)] = 500
    """Rows that neither model was trained on; with fewer nothing is decided."""
    max_refused: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """Largest share of the rows that a model's contract may refuse; they are left out."""
    slices: list[str] | None = None
    """Columns none of whose values may get worse; none: evaluation.slices."""
    slice_margin: Annotated[float, Field(ge=0)] = 0.05
    """Loss that a slice may have, in the unit of `margin`."""
    slice_rule: Literal["harm", "proof"] = "harm"
    """harm: refused if a slice is shown to be worse; proof: each must be shown not to be."""
    k_anonymity: Annotated[int, Field(ge=2)] | None = None
    """Smallest group of equal privacy.quasi_identifiers among the rows that were prepared."""
    floors: dict[Metric, float] = {}
    """Worst value of a metric that is let through, whatever the champion has."""


class Promotion(Group):
    """What a tag must carry before its model is served."""

    stages: list[str] = ["prod"]
    """Stages that nobody enters without a passed gate."""
    attestation: bool = False
    """Whether `playbill verify` must have attested the revision."""


class Feedback(Group):
    """When the truth that came back is believed; a batch is a source's month, or a file."""

    difference: Annotated[float, Field(ge=0)] = 0.1
    """Difference in (truth - probability), or in the excess of the Brier score, between a batch and
    the others that is taken for no fault; of a regression in standard deviations."""
    alpha: Share = 0.01
    """Chance that any batch is held back though none differs by more."""
    minimum_rows: Annotated[int, Field(ge=2)] = 30
    """Batches with fewer rows are not compared."""


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
    if gate.k_anonymity and not params.privacy.quasi_identifiers:
        what = f"k = {gate.k_anonymity} is asked for, and no column may single a person out"
        yield "evaluation.gate.k_anonymity", what, "columns in privacy.quasi_identifiers"
    for column in gate.slices or ():
        if column not in (columns := list(params.contract.schema_["columns"])):
            what = f"`{column}` is no column of the contract"
            yield "evaluation.gate.slices", what, nearest(column, columns)
