"""Renders a plan: for a terminal, the answer first, and for a pull request."""

from collections.abc import Iterator, Sequence

from playbill.config.plan import Plan, StagePlan

REASONS_SHOWN = 6
_MEANING = {
    "cosmetic": "no client of the server will notice more than words",
    "retrain": "the same requests, other answers",
    "breaking": "requests that work today will be refused",
}


def as_text(plan: Plan) -> str:
    """Return a table for a terminal; the stages that stay as they are share one line."""
    width = max(len(one.stage) for one in plan.stages)
    lines = [answer(plan), ""]
    for one in _busy(plan):
        head = f"  {one.verdict:<10}  {one.stage:<{width}}  {_seconds(one.seconds):>8}  "
        first, *rest = _reasons(one)
        lines += [head + first, *(" " * len(head) + line for line in rest)]
    if idle := [one.stage for one in plan.stages if one.verdict == "unchanged"]:
        lines.append(f"  {'unchanged':<10}  {', '.join(idle)}")
    lines += ["", f"interface: {plan.interface} ({_MEANING[plan.interface]})"]
    return "\n".join([*lines, *(f"note: {note}" for note in plan.notes)]) + "\n"


def as_markdown(plan: Plan) -> str:
    """Return a table for a pull request."""
    lines = ["### Plan", "", answer(plan), ""]
    if busy := list(_busy(plan)):
        lines += ["| stage | verdict | last time | why |", "|---|---|---:|---|"]
        for one in busy:
            why = "<br>".join(map(_cell, _reasons(one)))
            lines.append(f"| {one.stage} | {one.verdict} | {_seconds(one.seconds)} | {why} |")
        lines.append("")
    lines += [f"**Interface: {plan.interface}** ({_MEANING[plan.interface]})"]
    if plan.notes:
        lines += ["", *(f"- {_cell(note)}" for note in plan.notes)]
    return "\n".join(lines) + "\n"


def answer(plan: Plan) -> str:
    """Return the plan in one sentence."""
    runs, restored, open_ = (
        [one for one in plan.stages if one.verdict == verdict]
        for verdict in ("runs", "restored", "if-changed")
    )
    if not runs and not restored and not open_:
        return "`dvc repro` has nothing to do."
    said = [f"run {_names(runs)}{_took(runs)}"] if runs else []
    said += [f"restore {_names(restored)} from the cache"] if restored else []
    if open_:
        said.append(
            f"decide on {_names(open_)} when what {'they' if len(open_) > 1 else 'it'} "
            f"read{'s' if len(open_) == 1 else ''} is written{_took(open_, 'if run')}"
        )
    return f"`dvc repro` will {'; '.join(said)}."


def _busy(plan: Plan) -> Iterator[StagePlan]:
    return (one for one in plan.stages if one.verdict != "unchanged")


def _names(stages: Sequence[StagePlan]) -> str:
    return ", ".join(one.stage for one in stages)


def _took(stages: Sequence[StagePlan], word: str = "") -> str:
    """Return how long stages took last time; one that never ran here makes it a lower bound."""
    known = [one.seconds for one in stages if one.seconds is not None]
    if not known:
        return ""
    more = "at least " if len(known) < len(stages) else ""
    return f" ({more}{_seconds(sum(known))} last time{f', {word}' if word else ''})"


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f} s" if value < 60 else f"{value / 60:.1f} min"  # noqa: PLR2004 - a minute


def _reasons(one: StagePlan) -> list[str]:
    texts = [reason.text for reason in one.reasons]
    if len(texts) > REASONS_SHOWN:
        texts = [*texts[:REASONS_SHOWN], f"and {len(texts) - REASONS_SHOWN} more (--json has all)"]
    return texts


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
