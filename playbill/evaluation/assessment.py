"""All that is measured on the hold-out, put together: what report.json holds.

Pure: rows, truth and predictions in, plain values out. Everything that draws does so from the
declared seed, so equal inputs give equal bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from playbill.evaluation import block, fairness, importance, search
from playbill.evaluation.bootstrap import Part, Plan, bounds, intervals
from playbill.evaluation.calibration import reliability
from playbill.evaluation.metrics import plain, statistic
from playbill.evaluation.scored import LOSS
from playbill.evaluation.slices import members

if TYPE_CHECKING:
    import pandas as pd

    from playbill.config.schema import Contract, Evaluation
    from playbill.evaluation.importance import Predict
    from playbill.evaluation.scored import Scored

FORMAT_VERSION = 1
SHUFFLED = 50  # draws that take about as long as to shuffle an input and ask the model again


def make_plan(frame: "pd.DataFrame", contract: "Contract", config: "Evaluation") -> Plan:
    """Return how the intervals of these rows are drawn, as conf/evaluation declares it."""
    wanted, blocks = config.interval, None
    if wanted.block == "group":
        blocks = block.by_value(frame[str(contract.role("group"))])
    elif wanted.block is not None:
        blocks = block.by_time(frame[str(contract.role("time"))], wanted.block)
    return Plan(blocks, wanted.draws, wanted.level, wanted.method, config.seed)


def assess(
    frame: "pd.DataFrame",
    rows: "pd.DataFrame",
    scored: "Scored",
    plan: Plan,
    config: "Evaluation",
    predict: "Predict",
) -> dict[str, Any]:
    """Return everything that is measured, plain values for JSON.

    Args:
        frame: The hold-out, all its columns.
        rows: The same rows as the model is asked with: the contract's inputs alone.
        scored: Truth and predictions of the rows.
        plan: How intervals are drawn.
        config: The group `evaluation`.
        predict: The model, for the importance of its inputs.
    """
    many = config.slice_rows
    report: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "task": scored.task,
        "classes": list(scored.classes),
        "rows": len(scored),
        "interval": _basis(plan, config, len(scored)),
        "metrics": measured([Part(statistic(scored))], plan, len(scored))[0],
        "slices": _slices(frame, scored, plan, config),
        "search": _search(frame, list(map(str, rows)), scored, plan, config),
        "fairness": fairness.measure_fairness(
            frame, scored, plan, columns=config.fairness, minimum_rows=many
        ),
        "calibration": reliability(scored, plan),
        "importance": _importance(rows, scored, config, predict, plan),
    }
    if instead := _instead(report):
        report["interval"]["instead"] = instead
    return report


def work(plan: Plan, config: "Evaluation", inputs: int) -> int:
    """Return about how many steps `assess` tells `plan.advance` of, with so many inputs."""
    passes = 2 + bool(config.slices) + len(config.fairness)
    return passes * plan.draws + (inputs * SHUFFLED if config.importance.rows else 0)


def _instead(value: Any) -> int:
    """Count the intervals of a report that are of another method than the plan's."""
    if isinstance(value, Mapping):
        return ("low" in value and "method" in value) + sum(map(_instead, value.values()))
    return sum(map(_instead, value)) if isinstance(value, list) else 0


def measured(parts: Sequence[Part], plan: Plan, rows: int) -> list[dict[str, dict[str, Any]]]:
    """Return every metric of every part as `value`, `low` and `high`; None where undefined.

    An interval that was found in another way than the plan's has its `method`.
    """
    spans = intervals(parts, plan, rows)
    return [
        {
            name: {"value": value, "low": None, "high": None, **bounds(span)}
            for name, value in plain(part.statistic.values()).items()
            for span in [found[name] if value is not None else None]
        }
        for part, found in zip(parts, spans, strict=True)
    ]


def _basis(plan: Plan, config: "Evaluation", rows: int) -> dict[str, Any]:
    return {
        "method": plan.method,
        "level": plan.level,
        "draws": plan.draws,
        "seed": plan.seed,
        "block": config.interval.block,
        "blocks": plan.of(rows),
        "few_blocks": plan.of(rows) < block.FEW,
    }


def _slices(
    frame: "pd.DataFrame", scored: "Scored", plan: Plan, config: "Evaluation"
) -> dict[str, dict[str, Any]]:
    """Return the metrics of each declared slice with their intervals, all from the same draws."""
    named = [
        (column, name, rows)
        for column in config.slices
        for name, rows in members(frame[column]).items()
        if len(rows) >= config.slice_rows
    ]
    parts = [
        Part(statistic(scored.take(rows)).without("average_precision"), rows)
        for _, _, rows in named
    ]
    report: dict[str, dict[str, Any]] = {column: {} for column in config.slices}
    for (column, name, rows), found in zip(
        named, measured(parts, plan, len(scored)) if parts else [], strict=True
    ):
        report[column][name] = {"rows": len(rows), "metrics": found}
    return report


def _search(
    frame: "pd.DataFrame",
    inputs: Sequence[str],
    scored: "Scored",
    plan: Plan,
    config: "Evaluation",
) -> dict[str, Any] | None:
    wanted = config.search
    columns = inputs if wanted.columns is None else wanted.columns
    if not wanted.shown or not columns:
        return None
    coded = [
        search.code(frame[name], bins=wanted.bins, categories=wanted.categories) for name in columns
    ]
    found = search.search(
        coded,
        scored.losses(),
        plan.blocks,
        minimum_rows=config.slice_rows,
        rate=wanted.rate,
        shown=wanted.shown,
    )
    return {"loss": LOSS[scored.task], "minimum_rows": config.slice_rows, **_listed(asdict(found))}


def _listed(value: Any) -> Any:
    """Return plain values with lists for tuples, as JSON gives them back."""
    if isinstance(value, Mapping):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value


def _importance(
    rows: "pd.DataFrame", scored: "Scored", config: "Evaluation", predict: "Predict", plan: Plan
) -> dict[str, Any] | None:
    wanted, advance = config.importance, plan.advance
    if not wanted.rows:
        return None
    found = importance.permutation_importance(
        rows,
        scored,
        predict,
        columns=list(map(str, rows)),
        most_rows=wanted.rows,
        repeats=wanted.repeats,
        seed=config.seed,
        done=(lambda: None) if advance is None else partial(advance, SHUFFLED),
    )
    return {"loss_name": LOSS[scored.task], **found}
