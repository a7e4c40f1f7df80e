"""What happened and what was predicted, row by row: the one form that every measure reads."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.config.outcome import Task
from playbill.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

TINY = float(np.finfo(np.float64).eps)
LOSS = {"binary": "log_loss", "multiclass": "log_loss", "regression": "squared_error"}
"""The loss of one row, by task: what slices are searched by and importance is told in."""


@dataclass(frozen=True)
class Scored:
    """Rows with their truth and their prediction.

    Attributes:
        task: What kind of target it is.
        truth: int64 (n,): 1 for the positive class, or the class's position; float64 for numbers.
        scores: float64: probability of the positive class (n,), of each class (n, k), or the
            predicted number (n,).
        classes: Names of the classes, in the order of the positions; empty for numbers.
        threshold: Probability from which on a row of a binary task is labelled positive.
    """

    task: Task
    truth: "NDArray[Any]"
    scores: "NDArray[np.float64]"
    classes: tuple[str, ...] = ()
    threshold: float = 0.5

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.truth)

    def take(self, rows: "NDArray[Any]") -> "Scored":
        """Return some of the rows: a mask or positions."""
        return replace(self, truth=self.truth[rows], scores=self.scores[rows])

    def asked(self, scores: "NDArray[np.float64]") -> "Scored":
        """Return the same rows with other predictions."""
        return replace(self, scores=scores)

    def labels(self) -> "NDArray[Any]":
        """Return what is predicted, in the form of `truth`."""
        if self.task == "binary":
            return np.asarray(self.scores >= self.threshold).astype(np.int64)
        if self.task == "multiclass":
            return np.asarray(np.argmax(self.scores, axis=1), dtype=np.int64)
        return self.scores

    def losses(self) -> "NDArray[np.float64]":
        """Return each row's loss, float64 (n,): log loss of classes, squared error of numbers."""
        if self.task == "regression":
            return np.asarray(np.square(self.scores - self.truth), dtype=np.float64)
        return np.asarray(-np.log(np.clip(self._of_truth(), TINY, 1)), dtype=np.float64)

    def _of_truth(self) -> "NDArray[np.float64]":
        if self.task == "binary":
            return np.where(self.truth == 1, self.scores, 1 - self.scores)
        total = self.scores.sum(axis=1)
        chosen = self.scores[np.arange(len(self)), self.truth]
        return np.asarray(chosen / np.where(total > 0, total, 1), dtype=np.float64)


def class_name(value: Any) -> str:
    """Return how a class is called in names of columns and files; 1.0 is 1."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)


def encode(
    target: "pd.Series[Any]",
    scores: "NDArray[np.float64]",
    task: Task,
    classes: "Sequence[Any]",
    threshold: float = 0.5,
) -> Scored:
    """Return the rows of a prepared target and a model's answers.

    Args:
        target: The column as `prepare` writes it: of a binary task 1 for the positive class.
        scores: The model's answers, in the form of `Scored.scores`.
        task: What kind of target it is.
        classes: The classes, sorted; empty for numbers.
        threshold: Probability from which on a row of a binary task is labelled positive.

    Raises:
        DataError: A value is missing or is no known class.
    """
    names = tuple(class_name(value) for value in classes)
    if target.isna().any():
        raise DataError(f"values of the target `{target.name}` are missing")
    if task == "regression":
        return Scored(task, target.to_numpy(dtype=np.float64), scores)
    if task == "binary":
        return Scored(task, (target.to_numpy() == 1).astype(np.int64), scores, names, threshold)
    place = {name: position for position, name in enumerate(names)}
    values = [class_name(value) for value in target.tolist()]
    if strange := sorted(set(values) - set(place)):
        raise DataError(
            f"the target `{target.name}` holds `{strange[0][:60]}`",
            expected=f"one of the classes {[*names]}",
        )
    return Scored(task, np.array([place[v] for v in values], dtype=np.int64), scores, names)
