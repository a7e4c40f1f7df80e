"""What a report has by declared slice and by declared group, as tables for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from playbill.config.metric import LOWER_IS_BETTER, TITLES

SHOWN = 10  # values of a column, the worst of it; the page and the JSON have all
Table = tuple[str, list[str], list[list[str]]]


def tables(report: Mapping[str, Any], metric: str) -> Iterator[Table]:
    """Yield title, head and rows: each declared slice column, then fairness by declared column.

    Args:
        report: The content of report.json; empty: there is none.
        metric: The metric that slices are told by.
    """
    for column, values in (report.get("slices") or {}).items():
        yield _slices(column, values, metric)
    for column, groups in (report.get("fairness") or {}).items():
        yield from _fairness(column, groups)


def _slices(column: str, values: Mapping[str, Any], metric: str) -> Table:
    known = {name: each["metrics"].get(metric) or {} for name, each in values.items()}
    told = [name for name in known if known[name].get("value") is not None]
    sign = 1 if metric in LOWER_IS_BETTER else -1
    told.sort(key=lambda name: (-sign * known[name]["value"], name))
    rows = [
        [name, f"{values[name]['rows']:,}", figure(known[name]["value"]), span(known[name])]
        for name in told[:SHOWN]
    ]
    most = f", the worst {SHOWN} of {len(told)}" if len(told) > SHOWN else ""
    small = len(values) - len(told)
    left = f"; {small:,} with too few rows or one class alone" if small else ""
    title = f"By {column}, worst first{most}{left}"
    return title, [column, "rows", TITLES.get(metric, metric), "interval"], rows


def _fairness(column: str, groups: Mapping[str, Any]) -> Iterator[Table]:
    if not groups["differences"]:
        yield f"Fairness by {column}: fewer than two groups have enough rows", [], []
        return
    yield (
        f"Fairness by {column}: highest less lowest group, which is never negative",
        ["difference", "value", "interval"],
        [
            [words(n), figure(each["value"]), span(each)]
            for n, each in groups["differences"].items()
        ],
    )
    reference = groups["reference"]
    rows = [
        [f"{name}: {words(rate)}", figure(each["value"]["value"]), *_gap(each.get("to_reference"))]
        for name, rates in groups["groups"].items()
        for rate, each in rates.items()
        if isinstance(each, Mapping) and "value" in each
    ]
    yield (
        f"Each group of {column} against the largest, {reference}",
        ["group", "rate", f"less {reference}", "interval"],
        rows,
    )


def _gap(gap: Mapping[str, Any] | None) -> Sequence[str]:
    return (f"{gap['value']:+.4g}", span(gap)) if gap else ("", "")


def words(name: str) -> str:
    """Return a name of a file as words."""
    return name.replace("_", " ")


def figure(value: Any) -> str:
    """Return a number as people read it."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def span(found: Mapping[str, Any]) -> str:
    """Return an interval as people read it."""
    if found.get("low") is None:
        return "-"
    return f"{figure(found['low'])} to {figure(found['high'])}"
