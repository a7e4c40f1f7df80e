"""Calibration on the folds: the last correction, and what it is worth on rows it did not see."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from playbill.contract.outcome import Outcome
from playbill.errors import DataError
from playbill.training.crossval import Rows, Tried, together, truth
from playbill.validation.folds import Fold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _calibrator(
    scores: "Sequence[NDArray[np.float64]]", target: "Sequence[NDArray[Any]]", asked: Outcome,
    method: str,
) -> Any:  # fmt: skip
    import numpy as np

    from playbill.model.calibrated import fit_calibrator

    text = asked.task == "multiclass" and isinstance(asked.classes[0], str)
    classes = np.array(
        [0, 1] if asked.task == "binary" else asked.classes, dtype=object if text else np.int64
    )
    try:
        return fit_calibrator(together(scores), together(target), classes, method)
    except ValueError as error:
        raise DataError(
            f"the folds do not calibrate the model: {error}",
            where=f"training.calibration.method = {method}",
            expected="more rows of each class in the folds of `validation`",
        ) from error


def calibrate(
    pipeline: Any,
    rows: Rows,
    folds: Sequence[Fold],
    tried: Sequence[Tried],
    asked: Outcome,
    method: str,
) -> Any:
    """Return a Pipeline with the same features whose fitted model is calibrated.

    Args:
        pipeline: Fitted on all training rows.
        rows: The training rows.
        folds: Their folds.
        tried: What models of the same recipe said on each fold, with scores.
        asked: What the contract asks for.
        method: `sigmoid` or `isotonic`.
    """
    from sklearn.pipeline import Pipeline

    from playbill.model.calibrated import CalibratedModel

    scores = [each.scores for each in tried if each.scores is not None]
    made = _calibrator(scores, [truth(rows, fold) for fold in folds], asked, method)
    *before, (name, model) = pipeline.steps
    return Pipeline([*before, (name, CalibratedModel(model, made))])


def corrected(
    rows: Rows, folds: Sequence[Fold], tried: Sequence[Tried], asked: Outcome, method: str
) -> list[Tried]:
    """Return the folds' answers, those of each corrected by what came true on the others."""
    found = []
    for index, each in enumerate(tried):
        others = [i for i in range(len(folds)) if i != index]
        scores = [s for i in others if (s := tried[i].scores) is not None]
        made = _calibrator(scores, [truth(rows, folds[i]) for i in others], asked, method)
        chances = made.predict_proba(each.scores)
        found.append(replace(each, answers=chances[:, 1] if asked.task == "binary" else chances))
    return found
