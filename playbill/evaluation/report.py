"""What was measured of one revision: for a terminal, as Markdown, and as a page that needs no net.

Reads what `evaluate` wrote, of any revision: one from before there was a report.json still has its
metrics, and the page says what it lacks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from playbill.config.metric import LEADING, TITLES
from playbill.config.outcome import Task
from playbill.evaluation.breakdown import figure, span, tables, words
from playbill.evaluation.table import grid, pipes
from playbill.page.chart import Dot, Series

TEMPLATE = "report.html.j2"
LABELS = {"rows", "threshold", "format_version", "task"}  # of metrics.json: what is no metric
FOUND = 5  # slices that a terminal shows
Plots = Mapping[str, Mapping[str, Sequence[Any]]]


@dataclass(frozen=True)
class Evaluated:
    """What is known of one evaluated revision.

    Attributes:
        model: The name of the model.
        revision: What the user called the revision.
        metrics: The content of metrics.json.
        report: The content of report.json; None for a revision that has none.
        plots: The columns of each table under plots/, by its file name.
        curves: Learning and validation curves, if they were asked for.
        note: What could not be had.
    """

    model: str
    revision: str
    metrics: Mapping[str, Any]
    report: Mapping[str, Any] | None = None
    plots: Plots = field(default_factory=dict)
    curves: Sequence[Mapping[str, Any]] = ()
    note: str = ""

    @property
    def task(self) -> Task:
        """The task; metrics.json of the first format is of a binary one."""
        return cast("Task", self.metrics.get("task", "binary"))

    @property
    def leading(self) -> str:
        """The metric that tells the most in one figure."""
        return LEADING[self.task]


def measured(found: Evaluated) -> list[tuple[str, str, str]]:
    """Return title, value and interval of every metric, in the order in which people read them."""
    spans = found.report["metrics"] if found.report else {}
    names = [name for name in TITLES if name in found.metrics]
    names += [name for name in found.metrics if name not in names and name not in LABELS]
    return [
        (TITLES.get(name, name), figure(found.metrics[name]), span(spans.get(name, {})))
        for name in names
    ]


def as_text(found: Evaluated) -> str:
    """Return tables for a terminal."""
    head = ["metric", "value", level(found)]
    parts = [f"{found.model} at {found.revision}, {found.metrics.get('rows', 0):,} rows"]
    parts.append(grid(head, [list(row) for row in measured(found)]))
    if found.report:
        parts += [basis(found.report), *_found(found.report)]
    for title, heads, rows in tables(found.report or {}, found.leading):
        parts.append(f"{title}\n{grid(heads, rows)}" if rows else title)
    for title, note, heads, rows in drawn(found.curves):
        parts.append(f"{title}\n{note}\n{grid(heads, rows)}")
    parts += [f"note: {found.note}"] if found.note else []
    return "\n\n".join(parts) + "\n"


def drawn(
    curves: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[str, str, list[str], list[list[str]]]]:
    """Yield title, note, head and rows of each curve: its points, each with its interval."""
    for curve in curves:
        lines = curve["lines"]
        head = [curve["x_label"], *(f"{curve['y_label']}, {name}" for name in lines)]
        rows = [
            [f"{x:g}", *(_point(line, place) for line in lines.values())]
            for place, x in enumerate(curve["x"])
        ]
        yield curve["title"], curve["note"], head, rows


def _point(line: Mapping[str, Sequence[float | None]], place: int) -> str:
    ends = {end: line[end][place] for end in ("low", "high")}
    return f"{figure(line['value'][place])} ({span(ends)})"


def _found(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the search for bad slices did, and the worst of them."""
    if report["search"] is None:
        return
    yield searched(report["search"])
    rows = [
        [where(one), f"{one['rows']:,}", f"{one['difference']:+.4f}", span(one)]
        for one in report["search"]["slices"][:FOUND]
    ]
    if rows:
        head = ["slice", "rows", f"more {words(report['search']['loss'])}", "interval"]
        yield grid(head, rows)


def as_markdown(found: Evaluated) -> str:
    """Return the metrics and the worst slices for a pull request."""
    lines = [f"### {found.model} at {found.revision}", ""]
    lines += [f"| metric | value | {level(found)} |", "|---|---:|---:|"]
    lines += [f"| {title} | {value} | {ends} |" for title, value, ends in measured(found)]
    if found.report:
        lines += ["", basis(found.report)]
        if search := found.report["search"]:
            lines += ["", searched(search), "", "| slice | rows | more than elsewhere | interval |"]
            lines += ["|---|---:|---:|---:|"]
            lines += [
                f"| {where(one).replace('|', '/')} | {one['rows']:,} | {one['difference']:+.4f} "
                f"| {span(one)} |"
                for one in search["slices"]
            ]
    for title, head, rows in tables(found.report or {}, found.leading):
        lines += ["", f"**{title}**", *pipes(head, rows)]
    for title, note, head, rows in drawn(found.curves):
        lines += ["", f"**{title}** {note}", *pipes(head, rows)]
    lines += ["", f"_{found.note}_"] if found.note else []
    return "\n".join(lines) + "\n"


def as_html(found: Evaluated) -> str:
    """Return one page: metrics, curves, slices, fairness, calibration and importance."""
    import sys

    from playbill.page.render import render

    return render(
        "playbill.evaluation", TEMPLATE, found=found, word=sys.modules[__name__], titles=TITLES
    )


def level(found: Evaluated) -> str:
    """Return the head of the intervals' column."""
    return f"{100 * found.report['interval']['level']:g} % interval" if found.report else "interval"


def basis(report: Mapping[str, Any]) -> str:
    """Return what the intervals rest on, in a sentence or two."""
    drawn, unit = report["interval"], "rows drawn one by one"
    if drawn["block"]:
        unit = f"{drawn['blocks']:,} blocks of {drawn['block']} drawn as wholes"
    few = " So few blocks make intervals somewhat too narrow." if drawn["few_blocks"] else ""
    if instead := drawn.get("instead"):
        few += f" For {instead} of them the draws do not carry bca: they are percentile intervals."
    return f"Intervals: {drawn['method']} bootstrap, {drawn['draws']:,} draws, {unit}.{few}"


def searched(search: Mapping[str, Any]) -> str:
    """Return what was looked at to find the worst slices."""
    return (
        f"Searched {search['searched']:,} one- and two-way slices over {len(search['columns'])} "
        f"columns, each of at least {search['minimum_rows']:,} rows; {search['skipped']:,} had too "
        f"few rows or blocks. {search['significant']:,} have a higher {words(search['loss'])} than "
        f"the other rows, at a false discovery rate of {search['rate']:g} (Benjamini and Hochberg)."
    )


def where(one: Mapping[str, Any]) -> str:
    """Return which rows a found slice holds."""
    return " and ".join(f"{name} {value}" for name, value in one["where"].items())


def line(found: Evaluated, file: str, x: str, y: str) -> list[Series]:
    """Return the curve of one table under plots/; nothing if the revision has none."""
    table = found.plots.get(file, {})
    return [Series(found.revision, table[x], table[y])] if x in table and y in table else []


def reliability(found: Evaluated) -> list[Series]:
    """Return what was seen by what was predicted, with its band."""
    bins = found.report["calibration"]["bins"] if found.report else []
    known = [one for one in bins if "low" in one]
    x, y, low, high = (
        [one[name] for one in known] for name in ("predicted", "seen", "low", "high")
    )
    return [Series(found.revision, x, y, low, high, marks=True)] if known else []


def slice_dots(found: Evaluated, column: str) -> list[Dot]:
    """Return the leading metric of each value of a declared column, lowest first."""
    values = found.report["slices"][column] if found.report else {}
    known = [
        (each["metrics"][found.leading], f"{name} ({each['rows']:,})")
        for name, each in values.items()
        if each["metrics"][found.leading]["value"] is not None
    ]
    return [
        Dot(name, one["value"], one["low"], one["high"])
        for one, name in sorted(known, key=lambda pair: (pair[0]["value"], pair[1]))
    ]


def fairness_dots(groups: Mapping[str, Any]) -> list[Dot]:
    """Return each group's differences to the largest group."""
    return [
        Dot(f"{name}: {words(rate)}", gap["value"], gap.get("low"), gap.get("high"))
        for name, rates in groups["groups"].items()
        for rate, each in rates.items()
        if isinstance(each, Mapping) and (gap := each.get("to_reference"))
    ]


def importance_dots(found: Evaluated) -> list[Dot]:
    """Return the rise in loss of each input, two standard deviations to either side."""
    report = found.report and found.report["importance"]
    return [
        Dot(
            one["column"],
            one["increase"],
            one["increase"] - 2 * one["spread"],
            one["increase"] + 2 * one["spread"],
        )
        for one in (report["columns"] if report else [])
    ]


def confusion(found: Evaluated) -> tuple[list[Any], list[list[int]]]:
    """Return the classes, and how many rows of each (down) were called each (across)."""
    table = found.plots.get("confusion.csv", {})
    actual, predicted = table.get("actual", ()), table.get("predicted", ())
    names = sorted({*actual, *predicted}, key=str)
    counts = dict.fromkeys(((a, p) for a in names for p in names), 0)
    for pair in zip(actual, predicted, strict=True):
        counts[pair] += 1
    return names, [[counts[a, p] for p in names] for a in names]


def curve_series(curve: Mapping[str, Any]) -> list[Series]:
    """Return the two lines of a learning or validation curve, with their bands."""
    return [
        Series(name, curve["x"], each["value"], each["low"], each["high"], marks=True)
        for name, each in curve["lines"].items()
    ]
