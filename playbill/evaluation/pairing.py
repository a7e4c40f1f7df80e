"""Compares two models on the same rows: every metric of the task, each with an interval.

Both models are drawn with the same counts of rows or blocks, so what their errors have in common
cancels out of the difference; that is why it can be sure where neither metric is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.config.metric import HIGHER_IS_BETTER, LOWER_IS_BETTER, TITLES
from playbill.config.outcome import Task
from playbill.evaluation.bootstrap import Part, Plan, draw, percentile
from playbill.evaluation.metrics import statistic

if TYPE_CHECKING:
    import pandas as pd

    from playbill.evaluation.scored import Scored

CONFIDENCE = 0.95
DRAWS = 1000
SEED = 20_130_101
MakePlan = Callable[["pd.DataFrame"], Plan]


@dataclass(frozen=True)
class Predictions:
    """A frame of predictions and which of its columns are what.

    Attributes:
        frame: A row for each row that was predicted.
        key: The column that identifies a row.
        target: What is true, as `prepare` writes it.
        scores: The columns of the model's answers.
        task: What kind of target it is.
        classes: The classes, sorted; empty for numbers.
        threshold: Probability from which on a row of a binary task is labelled positive.
    """

    frame: "pd.DataFrame"
    key: str
    target: str
    scores: Sequence[str] = ("probability",)
    task: Task = "binary"
    classes: Sequence[Any] = (0, 1)
    threshold: float = 0.5


@dataclass(frozen=True)
class Paired:
    """A metric of two models on the rows that both predicted, with their difference's interval."""

    side: str
    metric: str
    rows: int
    first: float
    other: float
    difference: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Return better, worse, or `no clear difference` if the interval holds zero."""
        if self.low <= 0 <= self.high:
            return "no clear difference"
        return "better" if (self.difference < 0) == (self.metric in LOWER_IS_BETTER) else "worse"


def independent(_: "pd.DataFrame") -> Plan:
    """Return the plan by which each row is drawn for itself."""
    return Plan(None, DRAWS, CONFIDENCE, "percentile", SEED)


def pair(
    first: Predictions, other: Predictions, name: str, plan: MakePlan = independent
) -> tuple[list[Paired], str]:
    """Compare two models on the rows that both predicted, matched by key.

    Args:
        first: What the others are measured against.
        other: The other model's predictions.
        name: What the other is called.
        plan: Makes the plan of the draws from the shared rows of `first`.

    Returns:
        Every metric with its interval, or nothing; and a note on rows that were left out.
    """
    left, right = first.frame.set_index(first.key), other.frame.set_index(other.key)
    if (first.task, tuple(first.classes)) != (other.task, tuple(other.classes)):
        return [], f"{name}: it predicts something else, so there is nothing to compare"
    if left.index.has_duplicates or right.index.has_duplicates:
        return [], f"{name}: keys occur more than once, so rows cannot be matched"
    shared = left.index.intersection(right.index, sort=False)
    left, right = left.loc[shared], right.loc[shared]
    if problem := _problem(first, left) or _problem(other, right):
        return [], f"{name}: {problem}"
    if (clash := int((left[first.target] != right[other.target]).sum())) > 0:
        return [], f"{name}: {clash} shared rows have another label, so the rows are not the same"
    sides = [_scored(one, rows) for one, rows in ((first, left), (other, right))]
    found = contest(sides[0], sides[1], plan(left), name)
    if not found:
        return [], f"{name}: no two classes among the {len(shared)} rows that both predicted"
    most = max(len(first.frame), len(other.frame))
    note = f"{name}: {len(shared)} rows were predicted by both, of {most}"
    return found, "" if len(shared) == most else note


def contest(first: "Scored", other: "Scored", plan: Plan, name: str) -> list[Paired]:
    """Compare what two models say of the same rows.

    Returns:
        Each metric that has a better and a worse side and is defined on these rows; nothing if
        rows of classes are all of one class.
    """
    if not len(first) or (first.task != "regression" and len(set(first.truth.tolist())) == 1):
        return []
    parts = [Part(statistic(first)), Part(statistic(other))]
    drawn = draw(parts, plan, len(first))
    points = [part.statistic.values() for part in parts]
    found = []
    for metric in (n for n in TITLES if n in points[0] and n in HIGHER_IS_BETTER | LOWER_IS_BETTER):
        before, after = points[0][metric], points[1][metric]
        ends = _interval(after - before, drawn[1][metric] - drawn[0][metric], plan, len(first))
        if ends is not None:
            found.append(Paired(name, metric, len(first), before, after, after - before, *ends))
    return found


def _interval(gap: float, drawn: Any, plan: Plan, rows: int) -> tuple[float, float] | None:
    """Return the interval of a difference: percentiles, or of blocks Student's.

    Percentiles of few blocks are too narrow; Student's distribution with one degree of freedom
    less than blocks keeps the declared share (Cameron, Gelbach and Miller 2008), as in the gate.
    """
    plain = percentile(drawn, plan.level) if np.isfinite(gap) else None
    if plain is None or plan.blocks is None:
        return None if plain is None else plain[:2]
    from scipy.special import stdtrit

    blocks = plan.of(rows)
    if blocks < 2:  # noqa: PLR2004 - one block has no spread
        return None
    error = float(np.nanstd(drawn, ddof=1)) * (blocks / (blocks - 1)) ** 0.5
    reach = float(stdtrit(blocks - 1, (1 + plan.level) / 2)) * error
    return gap - reach, gap + reach


def _problem(one: Predictions, rows: "pd.DataFrame") -> str:
    """Say what of the rows cannot be compared; empty if nothing."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    columns = [*one.scores, *([] if one.task == "multiclass" else [one.target])]
    for column in columns:
        known = rows[column]
        if not (is_numeric_dtype(known) or is_bool_dtype(known)) or known.isna().any():
            return f"`{column}` does not hold numbers alone"
    return "labels are missing" if rows[one.target].isna().any() else ""


def _scored(one: Predictions, rows: "pd.DataFrame") -> "Scored":
    from playbill.evaluation.scored import encode

    scores = rows[list(one.scores)].to_numpy(dtype="float64")
    scores = scores if one.task == "multiclass" else scores[:, 0]
    return encode(rows[one.target], scores, one.task, one.classes, one.threshold)
