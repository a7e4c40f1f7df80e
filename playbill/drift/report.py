"""A drift report as JSON, as Markdown for a pull request and as one HTML page that needs no net.

Equal reports give equal bytes. Names and values come from data and are never trusted: the page
escapes everything, Markdown puts them into code spans, where nothing is a link or a mention.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from playbill.drift import wording

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playbill.drift.result import ColumnDrift, DriftReport

Form = Callable[["DriftReport"], str]
TEMPLATE = "report.html.j2"
CELL_LETTERS = 60


def as_json(report: "DriftReport") -> str:
    """Return the report as JSON, keys sorted."""
    return json.dumps(report.as_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what `as_json` writes."""
    from pydantic import TypeAdapter

    from playbill.drift.result import REPORT_VERSION, DriftReport

    described = TypeAdapter(DriftReport).json_schema(mode="serialization")
    for each in [described, *described["$defs"].values()]:
        each["additionalProperties"] = False
    added = {
        "format_version": {"const": REPORT_VERSION, "description": "Raised when a key changes."},
        "matters": {
            "type": ["boolean", "null"],
            "description": "Whether the whole interval of the loss counts; null: unknown",
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **described,
        "properties": {**added, **described["properties"]},
        "required": [*added, *described["required"]],
    }


def as_markdown(report: "DriftReport") -> str:
    """Return the report as Markdown: the answer, the drifted columns, then the others folded."""
    lines = [f"### {wording.HEADLINE[report.verdict]}", "", _reason(report), ""]
    if told := wording.matter(report):
        lines += [f"**{told}**" if report.matters else told, ""]
    if truth := wording.truth(report):
        lines += [truth, ""]
    if report.estimates or report.realised:
        lines += [*_estimates(report), ""]
    lines += [wording.basis(report), ""]
    if report.drifted:
        lines += [*_table(report, report.drifted), ""]
    if report.drifted_pairs:
        lines += [*_pairs(report), ""]
    others = [column for column in report.columns if not column.drifted]
    if others:
        title = "columns without drift" if report.verdict != "inconclusive" else "columns"
        lines += ["<details>", f"<summary>{len(others)} {title}</summary>", ""]
        lines += [*_table(report, others), "", "</details>", ""]
    return "\n".join(lines)


def as_html(report: "DriftReport") -> str:
    """Return the report as one page: answer, table and a picture of each column."""
    from playbill.drift import picture
    from playbill.page.render import render

    drawn = picture.pictures(report.columns)
    return render(
        "playbill.drift",
        TEMPLATE,
        report=report,
        word=wording,
        headline=wording.headline(report),
        drifted=[one for one in drawn if one.column.drifted],
        steady=[one for one in drawn if not one.column.drifted],
        left_out=len(report.columns) - len(drawn),
        size=picture,
    )


def _reason(report: "DriftReport") -> str:
    if report.verdict != "drift":
        return f"{report.reason[0].upper()}{report.reason[1:]}."
    told = []
    if report.drifted:
        names = ", ".join(_code(column.name) for column in report.drifted)
        told.append(f"**{len(report.drifted)} of {len(report.columns)} columns drifted:** {names}")
    if both := report.drifted_pairs:
        told.append(
            f"**{len(both)} of {len(report.pairs)} pairs of columns drifted only together:** "
            + ", ".join(_code(wording.pair(one)) for one in both[:3])
            + (f" and {len(both) - 3} more" if both[3:] else "")
        )
    return "\n\n".join(told)


def _estimates(report: "DriftReport") -> list[str]:
    known = report.realised.measures if report.realised else ()
    return [
        "| measure | hold-out | new rows | loss |",
        "|---|--:|--:|--:|",
        *(
            f"| {wording.measure(one)}, {how} | {one.reference:.3f} "
            f"| {one.value:.3f} ({one.low:.3f} to {one.high:.3f}) "
            f"| {one.loss:+.3f} ({one.loss_low:+.3f} to {one.loss_high:+.3f}) |"
            for how, side in (("realised", known), ("estimated", report.estimates))
            for one in side
        ),
    ]


def _pairs(report: "DriftReport") -> list[str]:
    return [
        "| columns that drifted only together | effect | p, adjusted |",
        "|---|--:|--:|",
        *(
            f"| {_code(wording.pair(one))} | {one.effect:.3f} "
            f"| {wording.p_value(one.adjusted_p_value).replace('<', '&lt;')} |"
            for one in report.drifted_pairs[: wording.PAIR_LINES]
        ),
    ]


def _table(report: "DriftReport", columns: "Iterable[ColumnDrift]") -> list[str]:
    lines = [
        "| column | effect | p, adjusted | importance | largest change | missing | unknown |",
        "|---|--:|--:|--:|---|---|---|",
    ]
    for column in columns:
        label, moved = wording.largest_change(column)
        strange = wording.unknown(column)
        cells = [
            _code(column.name),
            f"{column.effect:.3f}",
            wording.p_value(column.adjusted_p_value).replace("<", "&lt;"),
            wording.importance(report, column).replace("<", "&lt;"),
            f"{_code(label)} {moved.replace('<', '&lt;')}",
            wording.missing(column).replace("<", "&lt;"),
            _code(strange) if column.unknown_values else strange,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _code(text: str) -> str:
    """Return data as a code span that cannot end early or break its table."""
    safe = wording.cut(text, CELL_LETTERS).replace("`", "'").replace("|", "\\|")
    return f"`{safe}`"
