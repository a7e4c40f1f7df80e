"""What the server says of a model's answer: the fields of a prediction that depend on the task."""

from typing import TYPE_CHECKING, Any

from playbill.contract.outcome import Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def fields(
    answers: "NDArray[np.float64]", asked: Outcome, threshold: float
) -> list[dict[str, Any]]:
    """Return the fields of the prediction of each row.

    binary: `label` (true: the positive class) and `probability`; multiclass: `label` (the most
    probable class, of equal ones the first) and `probabilities` by class; regression: `value`.
    """
    if asked.task == "binary":
        return [{"label": p >= threshold, "probability": p} for p in answers.tolist()]
    if asked.task == "regression":
        return [{"value": value} for value in answers.tolist()]
    names = [str(each) for each in asked.classes]
    best = answers.argmax(axis=1).tolist()
    return [
        {"label": asked.classes[first], "probabilities": dict(zip(names, row, strict=True))}
        for first, row in zip(best, answers.tolist(), strict=True)
    ]
