"""Brings revisions side by side: reads each from Git, DVC or the workspace, and compares them."""

from collections.abc import Sequence
from pathlib import Path

from playbill.errors import DataError, PlaybillError
from playbill.evaluation.comparison import Comparison, Side, compare
from playbill.evaluation.pairing import Predictions
from playbill.pipeline.project import Project

PROBABILITY = "probability"  # of the positive class, as the stage `evaluate` writes it


def compare_revisions(root: Path, revisions: Sequence[str] = ()) -> Comparison:
    """Compare revisions with the first of them; one alone, default HEAD, with the workspace.

    Raises:
        LineageError: A revision does not exist, or has no metrics.
    """
    named: list[str | None] = list(revisions) or ["HEAD"]
    wanted = [*named, None] if len(named) == 1 else named
    return compare([side(Project(root, rev)) for rev in wanted])


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
    )


def _predictions(project: Project) -> Predictions:
    frame = project.predictions
    columns = project.params.get("contract", {}).get("columns", {})
    roles = {known.get("role"): name for name, known in columns.items()}
    key, target = roles.get("key"), roles.get("target")
    if not {key, target, PROBABILITY} <= set(frame.columns):
        raise DataError(
            "the predictions lack the key, the target or the probability",
            expected=f"columns {key}, {target} and {PROBABILITY}",
        )
    return Predictions(frame, str(key), str(target), PROBABILITY)
