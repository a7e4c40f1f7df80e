"""What happened and what was predicted, row by row: the one form in which every measure reads it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

Task = Literal["binary", "multiclass", "regression"]
PREDICTION = "prediction"
PROBABILITY = "probability"
TINY = float(np.finfo(np.float64).eps)
LOSS = {"binary": "log_loss", "multiclass": "log_loss", "regression": "squared_error"}
"""The loss of one row, by task: what slices are searched by and importance is told in."""


@dataclass(frozen=True)
class Outcome:
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

    def take(self, rows: "NDArray[Any]") -> "Outcome":
        """Return some of the rows: a mask or positions."""
        return replace(self, truth=self.truth[rows], scores=self.scores[rows])

    def asked(self, scores: "NDArray[np.float64]") -> "Outcome":
        """Return the same rows with other predictions."""
        return replace(self, scores=scores)

    def labels(self) -> "NDArray[Any]":
        """Return what is predicted, in the form of `truth`."""
        if self.task == "binary":
            return (self.scores >= self.threshold).astype(np.int64)
        if self.task == "multiclass":
            return np.argmax(self.scores, axis=1)
        return self.scores

    def losses(self) -> "NDArray[np.float64]":
        """Return each row's loss, float64 (n,): log loss of classes, squared error of numbers."""
        if self.task == "regression":
            return np.square(self.scores - self.truth)
        return -np.log(np.clip(self._of_truth(), TINY, 1))

    def _of_truth(self) -> "NDArray[np.float64]":
        if self.task == "binary":
            return np.where(self.truth == 1, self.scores, 1 - self.scores)
        total = self.scores.sum(axis=1)
        return self.scores[np.arange(len(self)), self.truth] / np.where(total > 0, total, 1)


def score_columns(task: Task, classes: "Sequence[str]") -> list[str]:
    """Return the columns of the predictions file that hold the scores."""
    if task == "multiclass":
        return [f"{PROBABILITY}_{name}" for name in classes]
    return [PROBABILITY if task == "binary" else PREDICTION]


def class_name(value: Any) -> str:
    """Return how a class is called in names of columns and files; 1.0 is 1."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)


def encode(target: "pd.Series", task: Task, classes: "Sequence[str]") -> "NDArray[Any]":
    """Return a target column in the form of `Outcome.truth`.

    Args:
        target: The column.
        task: What kind of target it is.
        classes: Names of the classes, sorted; of a binary task the positive one last.

    Raises:
        ValueError: A value is missing or is no known class.
    """
    if task == "regression":
        numbers = target.to_numpy(dtype=np.float64)
        if np.isnan(numbers).any():
            raise ValueError(f"values of `{target.name}` are missing")
        return numbers
    names = [class_name(value) for value in target.tolist()]
    place = {name: position for position, name in enumerate(classes)}
    if strange := sorted(set(names) - set(place)):
        raise ValueError(f"`{strange[0]}` in `{target.name}` is none of the classes {[*classes]}")
    return np.array([place[name] for name in names], dtype=np.int64)
