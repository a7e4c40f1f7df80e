"""A backtest on the terminal, as Markdown and as one HTML page with a chart that needs no net."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from playbill.page.chart import Axis
from playbill.pipeline.backtest import best

if TYPE_CHECKING:
    from playbill.pipeline.backtest import Backtest
    from playbill.pipeline.replay import Run, Step

TEMPLATE = "backtest.html.j2"
MEASURES = {"roc_auc": "ROC AUC", "brier": "Brier score", "f1": "F1"}
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 760.0, 300.0, 52.0, 34.0, 12.0
COLOURS = {"declared": "#1a5fb4", "never": "#8b95a3", "always": "#a51d2d", "schedule": "#1e6b3a"}


def headline(found: "Backtest") -> str:
    """Return what the declared policy bought, in one sentence."""
    declared, never = _run(found, "declared"), _run(found, "never")
    name = measure_name(found)
    gained = declared.measure - never.measure
    return (
        f"The declared policy retrained {times(declared.retrained)}, promoted {declared.promoted}, "
        f"and served with a mean {name} of {declared.measure:.4f}: {gained:+.4f} against never "
        f"retraining ({never.measure:.4f})."
    )


def advice(found: "Backtest") -> str:
    """Return which policy did best, and at what cost."""
    winner = best(found.runs, found.measure)
    if winner.name == "declared":
        return "No rival did better."
    declared = _run(found, "declared")
    gained = winner.measure - declared.measure
    return (
        f"`{winner.name}` did better still ({winner.measure:.4f}, {gained:+.4f}) for "
        f"{winner.retrained} retrainings instead of {declared.retrained} "
        f"({winner.seconds:.0f} s of fitting instead of {declared.seconds:.0f} s)."
    )


def measure_name(found: "Backtest") -> str:
    """Return the measure's name as people write it."""
    return MEASURES.get(found.measure, found.measure)


def times(number: int) -> str:
    """Return a number of times in words."""
    return {0: "no time", 1: "once", 2: "twice"}.get(number, f"{number} times")


def did(step: "Step") -> str:
    """Return what was done at the end of a step, in a few words."""
    if step.gate:
        what = "promoted" if step.promoted else "refused by the gate"
        return f"retrained for {', '.join(step.causes)}: {step.gate}, {what}"
    return f"held back: {step.held_back}" if step.held_back else ""


def show(found: "Backtest") -> None:
    """Print the answer, the policies, and the steps of the declared one."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text(headline(found), style="bold"))
    console.print(Text(advice(found)))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("policy", measure_name(found), "alarms", "retrained", "promoted", "fit, CPU s"):
        table.add_column(head, justify="left" if head == "policy" else "right")
    for run in found.runs:
        table.add_row(*map(Text, _summary(run)))
    console.print(table)
    steps = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("from", "rows", measure_name(found), "alarms", "done"):
        steps.add_column(head, justify="right" if head == "rows" else "left", overflow="fold")
    for step in _run(found, "declared").steps:
        steps.add_row(*map(Text, _line(step)))
    console.print(steps)


def as_markdown(found: "Backtest") -> str:
    """Return the backtest as Markdown."""
    head = ["policy", measure_name(found), "alarms", "retrained", "promoted", "fit, CPU s"]
    lines = [f"### Backtest of {found.name}", "", headline(found), "", advice(found), ""]
    lines += [f"| {' | '.join(head)} |", "|---|--:|--:|--:|--:|--:|"]
    lines += [f"| {' | '.join(_summary(run))} |" for run in found.runs]
    lines += ["", "| from | rows | " + measure_name(found) + " | alarms | done |"]
    lines += ["|---|--:|--:|---|---|"]
    lines += [f"| {' | '.join(_line(step))} |" for step in _run(found, "declared").steps]
    return "\n".join([*lines, ""])


def as_html(found: "Backtest") -> str:
    """Return the backtest as one page: the answer, a chart over time, every step."""
    from playbill.page.render import render

    return render(
        "playbill.pipeline",
        TEMPLATE,
        found=found,
        headline=headline(found),
        advice=advice(found).replace("`", ""),
        measure=measure_name(found),
        drawn=_chart(found),
        summary=_summary,
        line=_line,
        colours=COLOURS,
        size={"width": WIDTH, "height": HEIGHT, "left": LEFT, "bottom": BOTTOM},
    )


@dataclass(frozen=True)
class Mark:
    """One step of a line: where it stands and what a reader is told of it."""

    x: float
    y: float
    told: str
    promoted: bool


@dataclass(frozen=True)
class Chart:
    """The lines of all policies in the units of the view box."""

    lines: dict[str, list[Mark]]
    across: list[tuple[float, str]]
    up: list[tuple[float, str]]


def _chart(found: "Backtest") -> Chart:
    values = [s.measure for run in found.runs for s in run.steps if s.measure is not None]
    height = Axis.of(values, HEIGHT - BOTTOM, TOP)
    steps = found.runs[0].steps
    gap = (WIDTH - LEFT - 50) / max(len(steps) - 1, 1)
    lines = {
        run.name: [
            Mark(
                round(LEFT + 8 + gap * place, 1),
                round(height(step.measure), 1),
                f"{run.name}, from {step.start}: {step.measure:.3f} with the model of "
                f"{step.model}" + (f"; {done}" if (done := did(step)) else ""),
                step.promoted,
            )
            for place, step in enumerate(run.steps)
            if step.measure is not None
        ]
        for run in found.runs
    }
    across = [(round(LEFT + 8 + gap * i, 1), str(step.start)) for i, step in enumerate(steps)]
    up = [(round(height(tick), 1), f"{tick:g}") for tick in height.ticks()]
    return Chart(lines, across[:: max(len(across) // 9, 1)], up)


def _run(found: "Backtest", name: str) -> "Run":
    return next(run for run in found.runs if run.name == name)


def _summary(run: "Run") -> list[str]:
    counts = [str(number) for number in (run.alarms, run.retrained, run.promoted)]
    return [run.name, f"{run.measure:.4f}", *counts, f"{run.seconds:.1f}"]


def _line(step: "Step") -> list[str]:
    measured = "unknown" if step.measure is None else f"{step.measure:.3f}"
    return [
        str(step.start),
        f"{step.rows:,}",
        measured,
        ", ".join(step.alarms) or "none",
        did(step),
    ]
