"""A drift report on a terminal: the answer, then the columns."""

from typing import TYPE_CHECKING

from playbill.drift import wording

if TYPE_CHECKING:
    from rich.console import Console

    from playbill.drift.result import DriftReport


def show(report: "DriftReport", console: "Console") -> None:
    """Print the answer in one line, what it rests on, and a table of the columns."""
    from rich.table import Table
    from rich.text import Text

    colour = {"drift": "red", "no drift": "green", "inconclusive": "yellow"}[report.verdict]
    console.print(Text(wording.headline(report), style=f"bold {colour}"))
    if told := wording.matter(report):
        console.print(Text(told, style="bold red" if report.matters else "bold"))
    if truth := wording.truth(report):
        console.print(Text(truth))
    console.print(Text(wording.basis(report)))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("column", overflow="fold")
    table.add_column("drifted")
    table.add_column("effect", justify="right")
    table.add_column("p, adjusted", justify="right")
    table.add_column("importance", justify="right")
    table.add_column("largest change", overflow="fold")
    table.add_column("missing")
    table.add_column("unknown values", overflow="fold")
    for column in report.columns:
        label, moved = wording.largest_change(column)
        cells = [
            wording.cut(column.name, 40),
            wording.flag(report, column),
            f"{column.effect:.3f}",
            wording.p_value(column.adjusted_p_value),
            wording.importance(report, column),
            f"{wording.cut(label, 24)}: {moved}",
            wording.missing(column),
            wording.cut(wording.unknown(column), 40),
        ]
        # Text, not markup: names and values come from data.
        table.add_row(*map(Text, cells), style=colour if column.drifted else "")
    console.print(table)
    if report.drifted_pairs:
        _show_pairs(report, console)


def _show_pairs(report: "DriftReport", console: "Console") -> None:
    """Print the pairs that drifted though their columns did not."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("pair of columns", overflow="fold")
    table.add_column("effect", justify="right")
    table.add_column("p, adjusted", justify="right")
    for found in report.drifted_pairs[: wording.PAIR_LINES]:
        cells = [
            wording.cut(wording.pair(found), 80),
            f"{found.effect:.3f}",
            wording.p_value(found.adjusted_p_value),
        ]
        table.add_row(*map(Text, cells), style="red")
    console.print(Text("\nColumns that drifted only together: how they hang together changed"))
    console.print(table)
