"""Renders a comparison as tables: for a terminal and for a pull request."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playbill.evaluation.comparison import Comparison, Row
    from playbill.evaluation.pairing import Paired

SLICES_SHOWN = 10
MODULES_SHOWN = 20
CELL_WIDTH = 60  # characters of a parameter's value that a table shows; JSON has all
_ABSENT = "-"


def as_text(comparison: "Comparison") -> str:
    """Return tables for a terminal."""
    parts = [f"{title}\n{grid(head, rows)}" for title, head, rows in tables(comparison)]
    return "\n\n".join([*parts, *(f"note: {note}" for note in comparison.notes)]) + "\n"


def as_markdown(comparison: "Comparison") -> str:
    """Return tables for a pull request."""
    first, *others = comparison.sides
    parts = [f"### {first} against {', '.join(others)}"]
    for title, head, rows in tables(comparison):
        parts.append("\n".join([f"**{title}**", *pipes(head, rows)]))
    return "\n\n".join([*parts, *(f"_{note}_" for note in comparison.notes)]) + "\n"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return cells in columns: the first to the left, the others to the right.

    A cell is one line of what can be printed: a reason in a tag may hold anything.
    """
    full = [[*map(_line, row), *[""] * (len(head) - len(row))] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in full) for column in range(len(head))]
    lines = []
    for row in full:
        first, *rest = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join([first, *rest]).rstrip())
    return "\n".join(lines)


def _line(cell: str) -> str:
    return "".join(each for each in " ".join(cell.split()) if each.isprintable())


def pipes(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table, an empty one before it; nothing if it has no rows."""
    if not rows:
        return []
    return ["", _pipes(head), _pipes(["---", *["---:"] * (len(head) - 1)]), *map(_pipes, rows)]


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def tables(comparison: "Comparison") -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Yield title, head and rows of each table: the same in every form."""
    first, *others = comparison.sides
    gaps = ["difference" if len(others) == 1 else f"{other} to {first}" for other in others]
    head = ["metric", *comparison.sides, *gaps]
    yield "Metrics", head, [_metric(row) for row in comparison.metrics]
    if comparison.paired:
        head = ["metric", "model", "rows", first, "model's", "difference", "95 %", "verdict"]
        yield "On the same rows", head, [_paired(one) for one in comparison.paired]
    moved = [row for row in comparison.slices if _widest(row) > 0]
    if shown := sorted(moved, key=_widest, reverse=True)[:SLICES_SHOWN]:
        counted = f"({len(shown)} of {len(comparison.slices)})"
        title = f"{comparison.leading} of the slices that moved most {counted}, as each model "
        title += "was measured on its own hold-out"
        yield title, ["slice", *comparison.sides, *gaps], [_metric(row) for row in shown]
    changed = [[row.name, *map(_shown, row.values)] for row in comparison.params]
    yield "What differs in params.yaml", ["key", *comparison.sides], changed or [["nothing"]]
    if comparison.code:
        modules = [[row.name, *row.values] for row in comparison.code[:MODULES_SHOWN]]
        title = f"Modules that differ ({len(modules)} of {len(comparison.code)})"
        yield title, ["module", *comparison.sides], modules


def _widest(row: "Row") -> float:
    return max((abs(gap) for gap in row.differences if gap is not None), default=-1.0)


def _metric(row: "Row") -> list[str]:
    gaps = [_ABSENT if gap is None else _signed(gap) for gap in row.differences]
    return [row.name, *map(_shown, row.values), *gaps]


def _paired(one: "Paired") -> list[str]:
    interval = f"{_signed(one.low)} to {_signed(one.high)}"
    numbers = [_shown(one.first), _shown(one.other), _signed(one.difference)]
    return [one.metric, one.side, str(one.rows), *numbers, interval, one.verdict]


def _signed(gap: float) -> str:
    return f"{gap:+d}" if isinstance(gap, int) else f"{gap:+.4f}"


def _shown(value: Any) -> str:
    if value is None:
        return _ABSENT
    text = f"{value:.4f}" if isinstance(value, float) else str(value)
    return text if len(text) <= CELL_WIDTH else f"{text[: CELL_WIDTH - 1]}…"
