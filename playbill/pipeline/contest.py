"""Brings revisions side by side: reads each from Git, DVC or the workspace, and compares them.

Two models are compared on the same rows. Where both were measured on one hold-out, their
predictions on record are taken; where the hold-outs differ, both are asked about the newer one,
less the rows that either was trained on; where that cannot be, the rows that both happened to
predict must do. What was done is said in a note.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from playbill.errors import DataError, PlaybillError
from playbill.evaluation import comparison
from playbill.evaluation.comparison import Comparison, Side
from playbill.evaluation.pairing import (
    DRAWS,
    Paired,
    Predictions,
    contest,
    independent,
    pair,
)
from playbill.lineage import contradiction, git
from playbill.pipeline import evaluated, holdout
from playbill.pipeline.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from playbill.config.outcome import Task
    from playbill.evaluation.bootstrap import Plan
    from playbill.evaluation.pairing import MakePlan

Say = Callable[[str], None]


def _quiet(_: str) -> None:
    """Say nothing."""


def compare_revisions(
    root: Path,
    revisions: Sequence[str] = (),
    *,
    say: Say = _quiet,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Compare revisions with the first of them; one alone, default HEAD, with the workspace.

    Args:
        root: The project.
        revisions: What the user calls them.
        say: Told what takes long.
        progress: Told how many draws of the intervals are done, and how many there are.

    Raises:
        LineageError: A revision does not exist, or has no metrics.
    """
    named: list[str | None] = list(revisions) or ["HEAD"]
    wanted = [*named, None] if len(named) == 1 else named
    projects = [Project(root, rev) for rev in wanted]
    sides = [side(project) for project in projects]
    advance = _counted(DRAWS * (len(sides) - 1), progress) if progress else None
    paired: list[Paired] = []
    notes: list[str] = []
    for project, one in zip(projects[1:], sides[1:], strict=True):
        plan = _plan_of(project, advance)
        found, said = _paired(projects[0], project, (sides[0], one), plan, say)
        paired += found
        notes += said
    notes += [words for project in projects for words in _stale(project)]
    return comparison.compare(sides, paired=paired, notes=notes)


def _stale(project: Project) -> Iterator[str]:
    """Say that figures are not of the conf/ and the code that stand beside them."""
    for one in islice(contradiction.not_run(project.root, project.commit), 1):
        yield (
            f"the figures of {project.name} are of an earlier run than what differs: stage "
            f"{one.stage}, {one.what}. `dvc repro` there, then compare again"
        )


def _counted(total: int, progress: Callable[[int, int], None]) -> Callable[[int], None]:
    done = 0

    def advance(draws: int) -> None:
        nonlocal done
        done += draws
        progress(done, total)

    return advance


def side(project: Project) -> Side:
    """Return what one revision brings to a comparison; without predictions it says why."""
    predictions, note = None, ""
    try:
        predictions = _predictions(project)
    except PlaybillError as error:
        note = f"no predictions to compare row by row ({error.what})"
    return Side(
        name=project.name,
        metrics=project.metrics,
        params=project.params,
        slices=project.slices,
        predictions=predictions,
        note=note,
        code=code(project),
        plots=evaluated.of(project).plots,
    )


def code(project: Project) -> dict[str, str]:
    """Return the digest of every module of the project's own code, by its path."""
    pipeline = project.params.get("pipeline")
    folders = pipeline.get("sources", ["stages"]) if isinstance(pipeline, Mapping) else ["stages"]
    if project.commit is not None:
        return git.blobs(project.root, project.commit, [f"{folder}/" for folder in folders])
    found = {}
    for folder in folders:
        for path in sorted((project.root / folder).rglob("*.py")):
            content = path.read_bytes().replace(b"\r\n", b"\n")
            # As Git names a file's content, so that both sides are digests of the same kind.
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
            found[path.relative_to(project.root).as_posix()] = blob.hexdigest()
    return found


def _paired(
    first: Project, other: Project, sides: tuple[Side, Side], plan: "MakePlan", say: Say
) -> tuple[list[Paired], list[str]]:
    """Compare two revisions on the same rows; return what was found and what to know of it."""
    one, two = (each.predictions for each in sides)
    if one is not None and two is not None and _same_rows(one, two):
        found, note = pair(one, two, other.name, plan)
        return found, [note] if note else []
    try:
        return _on_newer(first, other, plan, say)
    except PlaybillError as error:
        refused = f"{other.name}: not compared on the newer hold-out: {error.what}"
    if one is None or two is None:
        return [], [*(f"{s.name}: {s.note}" for s in sides if s.note), refused]
    found, note = pair(one, two, other.name, plan)
    return found, [refused, *([note] if note else [])]


def _same_rows(one: Predictions, two: Predictions) -> bool:
    return set(one.frame[one.key]) == set(two.frame[two.key])


def _on_newer(
    first: Project, other: Project, plan: "MakePlan", say: Say
) -> tuple[list[Paired], list[str]]:
    """Compare two models on the newer hold-out, less the rows that either was trained on.

    Raises:
        PlaybillError: Rows or models cannot be had, or a contract does not allow the rows.
    """
    before, after = holdout.side(first), holdout.side(other)
    rows = holdout.rows_for(after, before)
    owner = after if rows.of == "challenger" else before
    name = owner.project.name
    holdout.leave_refused({one.project.name: one for one in (before, after)}, rows, owner)
    if not len(rows.table):
        raise DataError(f"of {rows.held_out:,} rows of {name} none is new to both models")
    said = [holdout.ask(one, rows, owner, say) for one in (before, after)]
    found = contest(said[0].scored, said[1].scored, plan(rows.table), other.name)
    asked = [
        one.project.name
        for one, each in zip((before, after), said, strict=True)
        if each.source == "scored"
    ]
    note = (
        f"{other.name}: compared on {len(rows.table):,} of {rows.held_out:,} rows of the newer "
        f"hold-out, that of {name}; {rows.trained:,} left because a model was trained on them"
        + (f"; asked now for its predictions: {', '.join(asked)}" if asked else "")
    )
    return found, [note, *(f"{other.name}: {each}" for each in rows.notes)]


def _plan_of(project: Project, advance: Callable[[int], None] | None) -> "MakePlan":
    """Return how differences are drawn: in the blocks that the revision's own conf declares."""
    config = project.params.get("evaluation")
    interval = config.get("interval") if isinstance(config, Mapping) else None
    span = interval.get("block") if isinstance(interval, Mapping) else None
    column = _roles(project).get("group" if span == "group" else "time")

    def plan(frame: "pd.DataFrame") -> "Plan":
        from playbill.evaluation import block

        whole = replace(independent(frame), advance=advance)
        if not span or column not in frame:
            return whole
        blocks = (
            block.by_value(frame[column])
            if span == "group"
            else block.by_time(frame[column], str(span))
        )
        return replace(whole, blocks=blocks)

    return plan


def _roles(project: Project) -> dict[str, str]:
    contract = project.params.get("contract")
    columns = contract.get("columns") if isinstance(contract, Mapping) else None
    return {str((known or {}).get("role")): name for name, known in (columns or {}).items()}


def _predictions(project: Project) -> Predictions:
    frame, roles = project.predictions, _roles(project)
    task = cast("Task", project.metrics.get("task", "binary"))
    scores: list[str] = {
        "binary": ["probability"],
        "multiclass": [str(n) for n in frame if str(n).startswith("probability_")],
        "regression": ["prediction"],
    }[task]
    key, target = str(roles.get("key")), str(roles.get("target"))
    if not scores or not {key, target, *scores} <= set(frame.columns):
        raise DataError(
            "the predictions lack the key, the target or the model's answers",
            expected=f"columns {', '.join([key, target, *scores])}",
        )
    classes: Sequence[Any] = [name.removeprefix("probability_") for name in scores]
    classes = {"binary": (0, 1), "multiclass": classes, "regression": ()}[task]
    return Predictions(
        frame,
        key,
        target,
        tuple(scores),
        task,
        classes,
        float(project.metrics.get("threshold", 0.5)),
    )
