"""The geometry of a column's picture: two bars a bin, reference above new rows.

Bars lie on their side because names of bins and categories are long and phones are narrow.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from playbill.drift import wording
from playbill.drift.bins import MISSING, OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playbill.drift.result import Bin, ColumnDrift

CATEGORY_LIMIT = 12  # bars of a text column; the rest is one more bar
ROW_LIMIT = 900  # bars of a page: what keeps it below 300 kB
LABEL_LETTERS = 17
LABEL_WIDTH, BAR_WIDTH, VALUE_WIDTH = 108.0, 150.0, 102.0
ROW_HEIGHT, BAR_HEIGHT = 21.0, 8.0


@dataclass(frozen=True)
class Row:
    """One bin of the picture, in the units of its view box."""

    label: str
    full: str
    y: float
    before: float
    after: float
    value: str


@dataclass(frozen=True)
class Picture:
    """One column with its rows; no row when the page is full."""

    column: "ColumnDrift"
    rows: tuple[Row, ...]
    height: float
    axis: str


def pictures(columns: "Iterable[ColumnDrift]") -> list[Picture]:
    """Return a picture for each column, in order, until the page is full."""
    drawn, used = [], 0
    for column in columns:
        shown = _shown(column)
        used += len(shown)
        if used > ROW_LIMIT:
            break
        drawn.append(_picture(column, shown))
    return drawn


def _shown(column: "ColumnDrift") -> list["Bin"]:
    """Return the bins worth a bar: not empty on both sides, long tails folded into one."""
    from playbill.drift.result import Bin

    filled = [one for one in column.bins if one.reference or one.current]
    if column.kind != "text":
        return filled
    before, after = wording.totals(column)
    named = [one for one in filled if one is not column.bins[-1] and one is not column.bins[-2]]
    named.sort(key=lambda one: (-max(wording.shares(one, before, after)), one.label))
    folded = [*named[CATEGORY_LIMIT:], *(one for one in filled if one is column.bins[-2])]
    rest = Bin(OTHER, sum(one.reference for one in folded), sum(one.current for one in folded))
    ends = [rest] if folded else []
    ends += [one for one in filled if one is column.bins[-1]]
    return [*named[:CATEGORY_LIMIT], *ends]


def _picture(column: "ColumnDrift", shown: "list[Bin]") -> Picture:
    before, after = wording.totals(column)
    pairs = [wording.shares(one, before, after) for one in shown]
    longest = max((max(pair) for pair in pairs), default=0.0) or 1.0
    rows = tuple(
        Row(
            label=wording.cut(one.label, LABEL_LETTERS),
            full=wording.cut(one.label, 200),
            y=index * ROW_HEIGHT,
            before=round(BAR_WIDTH * pair[0] / longest, 1),
            after=round(BAR_WIDTH * pair[1] / longest, 1),
            value=wording.change(*pair),
        )
        for index, (one, pair) in enumerate(zip(shown, pairs, strict=True))
    )
    axis = MISSING if not rows else f"longest bar {wording.share(longest)} of the rows"
    return Picture(column=column, rows=rows, height=max(len(rows), 1) * ROW_HEIGHT, axis=axis)
