"""The gate's evidence in words: for a terminal, and as Markdown for a pull request."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Plain = Mapping[str, Any]
_SHOWN = 12  # slices and letters of a digest


def as_text(evidence: Plain) -> str:
    """Return the evidence as lines for a terminal."""
    lines = [_title(evidence), ""]
    lines += [
        f"  {_mark(check)} {check['name']:<7} {check['said']}" for check in evidence["checks"]
    ]
    lines += ["", *(f"  {line}" for line in _sentences(evidence))]
    return "\n".join(lines).rstrip() + "\n"


def as_markdown(evidence: Plain) -> str:
    """Return the evidence as Markdown: the answer, what was asked, numbers, digests."""
    lines = [f"## {_title(evidence)}", "", "| | asked | answer |", "| --- | --- | --- |"]
    lines += [
        f"| {_mark(check)} | {check['name']} | {_cell(check['said'])} |"
        for check in evidence["checks"]
    ]
    lines += ["", *(f"- {line}" for line in _sentences(evidence)), ""]
    if contrast := evidence.get("contrast"):
        lines += _table([("all rows", contrast, None, True)])
    if shown := _slices(evidence):
        lines += ["", f"### Slices ({len(shown)} of {len(evidence['slices'])})", ""]
        lines += _table(shown)
    lines += ["", "### What was used", "", *_digests(evidence)]
    return "\n".join(lines).rstrip() + "\n"


def _title(evidence: Plain) -> str:
    against = _name(evidence, "champion") if evidence.get("champion") else "the floors alone"
    answer = "passed" if evidence["passed"] else "refused"
    reasons = ", ".join(_reasons(evidence))
    answer += f": {reasons}" if reasons else ""
    return (
        f"Gate {answer} - {evidence['model']}, stage {evidence['stage']}, "
        f"{_name(evidence, 'challenger')} against {against}"
    )


def _reasons(evidence: Plain) -> Iterator[str]:
    """Yield what the answer rests on: what was shown, or each thing that stands in the way."""
    claim = evidence.get("claim")
    if evidence["passed"]:
        yield from [str(claim)] if claim else []
        return
    is_superior = evidence["policy"].get("rule") == "superior"
    words = {
        "rows": "the rows do not allow it",
        "metric": "worse"
        if claim == "worse"
        else f"not shown to be {'better' if is_superior else 'no worse'}",
        "slices": "worse on slices",
        "floors": "a floor is not kept",
        "privacy": "its rows single people out",
    }
    failed = [check["name"] for check in evidence["checks"] if not check["passed"]]
    yield from dict.fromkeys(words[name] for name in failed)


def _name(evidence: Plain, side: str) -> str:
    commit = evidence[side].get("commit")
    name = commit[:_SHOWN] if commit else "the workspace"
    tag = evidence.get("champion_tag") if side == "champion" else None
    return f"{tag} ({name})" if tag else name


def _sentences(evidence: Plain) -> Iterator[str]:
    rows, policy = evidence["hold_out"], evidence["policy"]
    yield (
        f"{rows['compared']:,} of {rows['held_out']:,} rows of the {rows['of']}'s "
        f"hold-out: {rows['trained_on']:,} left because a model was trained on them, "
        f"{rows['younger_than_label_delay']:,} because their label may still change, "
        f"{rows['unlabelled']:,} without a label, {rows.get('refused', 0):,} refused by a contract"
    )
    for side in ("champion", "challenger"):
        if (found := evidence.get(side)) and found["answers"] == "scored":
            yield f"the {side} had no predictions of them on record: its bundle was asked"
    if evidence.get("detectable") == 0:
        yield "both models answer these rows alike"
    elif evidence.get("detectable") is not None:
        share = " of the champion's value" if _is_relative(evidence) else ""
        yield (
            f"with these rows a true gain of {evidence['detectable']:.4f}{share} would be found in "
            f"{policy['power']:.0%} of runs, and a model that is just as good would be let through "
            f"by the margin {policy['margin']:g} in {evidence['passing']:.0%}"
        )
    if evidence["small"]:
        yield f"{evidence['small']} slices were too small, or the metric is not defined there"
    yield from evidence["notes"]


def _is_relative(evidence: Plain) -> bool:
    from playbill.config.decision import RELATIVE

    return evidence["contrast"]["metric"] in RELATIVE


def _slices(evidence: Plain) -> list[tuple[str, Plain, float | None, bool]]:
    """Return the slices that lost most, refused ones first."""
    ranked = sorted(evidence["slices"], key=lambda one: (one["passed"], one["contrast"]["gain"]))
    return [
        (f"{one['column']} = {one['value']}", one["contrast"], one["adjusted"], one["passed"])
        for one in ranked[:_SHOWN]
    ]


def _table(rows: Sequence[tuple[str, Plain, float | None, bool]]) -> Iterator[str]:
    metric = rows[0][1]["metric"]
    yield f"| rows | number | {metric}, champion | challenger | gain (bounds) | adjusted p | |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | --- |"
    for name, found, adjusted, passed in rows:
        p = "" if adjusted is None else f"{adjusted:.3f}"
        bounds = f"{_signed(found['low'])} .. {_signed(found['high'])}"
        yield (
            f"| {_cell(name)} | {found['rows']:,} | {_number(found['champion'])} | "
            f"{_number(found['challenger'])} | {_signed(found['gain'])} ({bounds}) | {p} | "
            f"{'' if passed else 'refuses'} |"
        )


def _digests(evidence: Plain) -> Iterator[str]:
    yield "| | commit | bundle | predictions | hold-out |"
    yield "| --- | --- | --- | --- | --- |"
    for side in ("champion", "challenger"):
        if found := evidence.get(side):
            cells = [str(found.get(key) or "-")[:_SHOWN]
                     for key in ("commit", "bundle", "predictions", "test")]  # fmt: skip
            yield f"| {side} | " + " | ".join(f"`{cell}`" for cell in cells) + " |"
    yield f"\nEvidence `{evidence['digest']}`; `playbill gate --json` computes it again."


def _mark(check: Plain) -> str:
    return "yes" if check["passed"] else "NO "


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.4f}"
