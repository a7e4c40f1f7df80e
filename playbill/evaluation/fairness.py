"""How differently a model treats declared groups: differences of rates, with intervals.

Demographic parity is about how often a group is selected, equal opportunity about how often its
positive rows are, equalised odds about that and about its negative rows (Hardt, Price and Srebro
2016). A difference is the highest rate of a group less the lowest: never negative, so its interval
rests above zero even where nothing differs; what tells is each group's own difference to the
largest group.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.evaluation.bootstrap import Drawn, Part, Plan, Statistic, bounds, intervals
from playbill.evaluation.metrics import plain
from playbill.evaluation.slices import members

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from playbill.evaluation.scored import Scored

# What is added up over a group's rows: how many, how many selected, and both by truth.
COUNTS = ("rows", "selected", "positive", "hits", "negative", "alarms")


def measure_fairness(
    frame: "pd.DataFrame",
    scored: "Scored",
    plan: Plan,
    *,
    columns: Sequence[str],
    minimum_rows: int,
) -> dict[str, Any]:
    """Return rates and differences by declared column; nothing for one with fewer than two groups.

    Args:
        frame: The rows, with the declared columns.
        scored: Their truth and predictions.
        plan: How intervals are drawn.
        columns: What the groups are.
        minimum_rows: Groups with fewer rows are counted and not compared.
    """
    return {
        column: _column(members(frame[column]), scored, plan, minimum_rows) for column in columns
    }


def _column(
    groups: "Mapping[str, NDArray[np.int64]]", scored: "Scored", plan: Plan, minimum_rows: int
) -> dict[str, Any]:
    large = {name: rows for name, rows in groups.items() if len(rows) >= minimum_rows}
    small = {name: len(rows) for name, rows in groups.items() if name not in large}
    report: dict[str, Any] = {"groups": {}, "differences": {}, "too_few_rows": small}
    if len(large) < 2:  # noqa: PLR2004 - a difference takes two
        return report
    reference = max(large, key=lambda name: len(large[name]))
    part = Part(_statistic(scored, list(large.values()), [*large].index(reference)))
    point = plain(part.statistic.values())
    spans = intervals([part], plan, len(scored))[0]
    report["reference"] = reference
    for name, value in point.items():
        if value is None:
            continue
        kind, rate, index = name.split(":")
        said = {"value": value, **bounds(spans[name])}
        if kind == "difference":
            report["differences"][rate] = said
        else:
            group = report["groups"].setdefault([*large][int(index)], {})
            group.setdefault("rows", len(large[[*large][int(index)]]))
            group.setdefault(rate, {})[kind] = said
    return report


def _statistic(
    scored: "Scored", groups: "Sequence[NDArray[np.int64]]", reference: int
) -> Statistic:
    columns = _numbers(scored) if scored.task == "regression" else _selections(scored)
    sums = np.zeros((len(scored), len(groups), columns.shape[1]))
    for position, rows in enumerate(groups):
        sums[rows, position] = columns[rows]
    kind = _errors if scored.task == "regression" else _rates
    shape = (len(groups), columns.shape[1])
    combine = partial(_combine, shape=shape, reference=reference, rates=kind)
    return Statistic(sums.reshape(len(scored), -1), combine, {})


def _selections(scored: "Scored") -> "NDArray[np.float64]":
    """Return what rates are made of: of a task with several classes, being given the true class."""
    label = scored.labels()
    if scored.task == "multiclass":
        right = label == scored.truth
        return np.column_stack([np.ones(len(label)), right]).astype(np.float64)
    chosen, positive = label == 1, scored.truth == 1
    columns = [
        np.ones(len(label)), chosen, positive, chosen & positive, ~positive, chosen & ~positive
    ]  # fmt: skip
    return np.column_stack(columns).astype(np.float64)


def _numbers(scored: "Scored") -> "NDArray[np.float64]":
    error = scored.scores - scored.truth
    return np.column_stack([np.ones(len(error)), scored.scores, error, np.abs(error)])


def _rates(totals: "NDArray[np.float64]") -> "dict[str, NDArray[np.float64]]":
    """Return the rates of each group, (groups, b), from its totals (groups, k, b)."""
    if totals.shape[1] == 2:  # noqa: PLR2004 - rows and right: several classes
        return {"accuracy": _ratio(totals[:, 1], totals[:, 0])}
    total = dict(zip(COUNTS, totals.transpose(1, 0, 2), strict=True))
    return {
        "selection_rate": _ratio(total["selected"], total["rows"]),
        "true_positive_rate": _ratio(total["hits"], total["positive"]),
        "false_positive_rate": _ratio(total["alarms"], total["negative"]),
    }


def _errors(totals: "NDArray[np.float64]") -> "dict[str, NDArray[np.float64]]":
    rows, predicted, error, absolute = totals.transpose(1, 0, 2)
    return {
        "mean_prediction": _ratio(predicted, rows),
        "bias": _ratio(error, rows),
        "mae": _ratio(absolute, rows),
    }


def _ratio(part: "NDArray[np.float64]", whole: "NDArray[np.float64]") -> "NDArray[np.float64]":
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)


def _combine(
    totals: "NDArray[np.float64]", *, shape: tuple[int, int], reference: int, rates: Any
) -> Drawn:
    """Return each group's rates, their difference to the reference's, and highest less lowest."""
    by_rate = rates(totals.reshape(*shape, -1))
    found: Drawn = {}
    for name, value in by_rate.items():
        for index in range(shape[0]):
            found[f"value:{name}:{index}"] = value[index]
            if index != reference:
                found[f"to_reference:{name}:{index}"] = value[index] - value[reference]
        found[f"difference:{name}:"] = value.max(axis=0) - value.min(axis=0)
    if "selection_rate" in by_rate:
        odds = ("true_positive_rate", "false_positive_rate")
        both = [found[f"difference:{name}:"] for name in odds]
        found["difference:demographic_parity:"] = found["difference:selection_rate:"]
        found["difference:equal_opportunity:"] = both[0]
        found["difference:equalised_odds:"] = np.maximum(*both)
    return found
