"""Calibrated classifiers in NumPy: scorers whose outputs pass through fitted calibrators."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playbill.bundle.runtime.link import softmax

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TOLERANCE = 1e-5  # scikit-learn takes a probability this far above 1 for 1
EPSILON = 1e-12  # what scikit-learn's temperature scaling adds before it takes a logarithm


@dataclass(frozen=True)
class Sigmoid:
    """Platt's sigmoid: 1 / (1 + exp(slope * x + intercept))."""

    slope: float
    intercept: float

    def __call__(self, x: "Floats") -> "Floats":
        """Return probabilities of the shape of `x`."""
        from playbill.bundle.runtime.link import LINKS

        return LINKS["sigmoid"](-(self.slope * x + self.intercept))


@dataclass(frozen=True)
class Isotonic:
    """A rising line through points, constant outside of them; the points have the shape (p,)."""

    x: "Floats"
    y: "Floats"

    def __call__(self, x: "Floats") -> "Floats":
        """Return probabilities of the shape of `x`."""
        if len(self.y) == 1:
            return np.full(x.shape, self.y[0])
        clipped = np.clip(x, self.x[0], self.x[-1])
        # Between two points as scipy.interpolate.interp1d does it, which scikit-learn calls.
        high = np.clip(np.searchsorted(self.x, clipped), 1, len(self.x) - 1)
        low = high - 1
        slope = (self.y[high] - self.y[low]) / (self.x[high] - self.x[low])
        found: Floats = slope * (clipped - self.x[low]) + self.y[low]
        return found


@dataclass(frozen=True)
class Member:
    """One calibrated classifier.

    Attributes:
        score: Predictions of the classifier within, shape (n, outputs).
        calibrators: One for each output, or none for temperature scaling.
        temperature: Inverse temperature; 0 without.
        shares: Whether one output is the probability of the second of two classes.
    """

    score: "Callable[[Sequence[NDArray[np.float64]]], Floats]"
    calibrators: "tuple[Callable[[Floats], Floats], ...]"
    temperature: float
    shares: bool = False


@dataclass(frozen=True)
class Calibrated:
    """The mean of calibrated classifiers, as scikit-learn's CalibratedClassifierCV.

    Attributes:
        members: The classifiers.
        classes: How many classes there are; two give one output.
    """

    members: tuple[Member, ...]
    classes: int

    def batch(self, columns: "Sequence[NDArray[np.float64]]") -> "Floats":
        """Return probabilities, shape (n, classes), or (n, 1) of the positive one."""
        total = None
        for member in self.members:
            each = self._probabilities(member, columns)
            total = each if total is None else total + each
        assert total is not None
        return total / len(self.members)

    def _probabilities(self, member: Member, columns: "Sequence[NDArray[np.float64]]") -> "Floats":
        scores = member.score(columns)
        if member.temperature:
            if member.shares:
                scores = np.concatenate([1 - scores, scores], axis=1)
            found = softmax(member.temperature * _logits(scores))
            found = found[:, 1:] if self.classes == 2 else found  # noqa: PLR2004
        else:
            pairs = zip(member.calibrators, scores.T, strict=True)
            found = np.stack([calibrate(score) for calibrate, score in pairs], axis=1)
            if self.classes > 2:  # noqa: PLR2004
                total = found.sum(axis=1)[:, np.newaxis]
                even = np.full_like(found, 1 / self.classes)
                found = np.divide(found, total, out=even, where=total != 0)
        found[(found > 1.0) & (found <= 1.0 + TOLERANCE)] = 1.0
        return found


def _logits(scores: "Floats") -> "Floats":
    if scores.shape[1] == 1:
        return np.concatenate([-scores, scores], axis=1)
    shares = bool(((scores >= 0) & (scores <= 1)).all())
    if shares and np.isclose(scores.sum(axis=1), 1.0).all():
        return np.log(scores + EPSILON)
    return scores
