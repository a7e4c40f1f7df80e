"""A comparison as one page that needs no net: tables, and each plot with every side in it."""

from typing import TYPE_CHECKING, Any

from playbill.evaluation import table
from playbill.page.chart import Dot, Series

if TYPE_CHECKING:
    from playbill.evaluation.comparison import Comparison

TEMPLATE = "compare.html.j2"
# File under plots/, title, axes, whether both axes mean the same, whether both run from 0 to 1.
PLOTS = (
    ("roc.csv", "ROC", "false_positive_rate", "true_positive_rate", True, True),
    ("precision_recall.csv", "Precision and recall", "recall", "precision", False, True),
    ("calibration.csv", "Calibration", "mean_predicted", "mean_seen", True, False),
    ("error.csv", "Error", "absolute_error", "share_within", False, False),
)
SHARED = {"mean_seen": "share_positive"}  # what a column was called before
INPUTS = 12  # inputs whose importance is drawn


def as_html(comparison: "Comparison") -> str:
    """Return the page."""
    import sys

    from playbill.page.render import render

    return render(
        "playbill.evaluation",
        TEMPLATE,
        found=comparison,
        tables=list(table.tables(comparison)),
        word=sys.modules[__name__],
    )


def pictures(comparison: "Comparison") -> list[tuple[str, str, str, list[Series], bool, bool]]:
    """Return title, labels and curves of each plot that two sides or more have."""
    found = []
    for file, title, x, y, diagonal, unit in PLOTS:
        # A side without the plot keeps its place, and with it its colour.
        drawn = [
            _series(name, plots.get(file, {}), x, y)
            for name, plots in zip(comparison.sides, comparison.plots, strict=True)
        ]
        if sum(len(one.xs) > 0 for one in drawn) > 1:
            labels = (x.replace("_", " "), y.replace("_", " "))
            found.append((title, *labels, drawn, diagonal, unit))
    return found


def _series(name: str, columns: Any, x: str, y: str) -> Series:
    values = columns.get(y, columns.get(SHARED.get(y, ""), ()))
    return Series(name, columns.get(x, ()), values, marks=len(values) < 20)  # noqa: PLR2004


def answers(comparison: "Comparison") -> list[tuple[str, int, list[str], list[str]]]:
    """Return of each side that was compared the rows, and what it is surely better and worse in."""
    found = []
    for name in dict.fromkeys(one.side for one in comparison.paired):
        mine = [one for one in comparison.paired if one.side == name]
        better, worse = (
            [one.metric.replace("_", " ") for one in mine if one.verdict == verdict]
            for verdict in ("better", "worse")
        )
        found.append((name, mine[0].rows, better, worse))
    return found


def metrics(comparison: "Comparison") -> list[tuple[str, list[Dot]]]:
    """Return the differences of each metric on the same rows, a row a side."""
    names = list(dict.fromkeys(one.metric for one in comparison.paired))
    place = {name: index for index, name in enumerate(comparison.sides)}
    return [
        (
            name,
            [
                Dot(one.side, one.difference, one.low, one.high, place.get(one.side, 0))
                for one in comparison.paired
                if one.metric == name
            ],
        )
        for name in names
    ]


def importance(comparison: "Comparison") -> list[Dot]:
    """Return the importance of each input on every side that has measured it."""
    sides = [plots.get("importance.csv", {}) for plots in comparison.plots]
    known = [(name, each) for name, each in zip(comparison.sides, sides, strict=True) if each]
    if not known:
        return []
    found = []
    for column in list(known[0][1]["column"])[:INPUTS]:
        for name, each in known:
            if column in each["column"]:
                index = list(each["column"]).index(column)
                value, spread = each["increase"][index], 2 * each["spread"][index]
                colour = comparison.sides.index(name)
                found.append(
                    Dot(f"{column}, {name}", value, value - spread, value + spread, colour)
                )
    return found
