"""From an estimator's raw sum to what it predicts, in scikit-learn's own expressions."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_LARGEST = 709.782712893384  # math.exp overflows beyond it, where the sigmoid is 0 in doubles


def sigmoid(x: float) -> float:
    """Return 1 / (1 + exp(-x)), with the C library's exp as SciPy's `expit` has it.

    NumPy's own exp differs from it in the last bit on some processors.
    """
    return 1.0 / (1.0 + math.exp(-x)) if -x <= _LARGEST else 0.0


def softmax(raw: "Floats") -> "Floats":
    """Return probabilities that sum to 1, shape (n, classes), as scikit-learn's `softmax`."""
    found: Floats = np.exp(raw - np.max(raw, axis=1).reshape((-1, 1)))
    found /= np.sum(found, axis=1).reshape((-1, 1))
    return found


def one_against_rest(raw: "Floats") -> "Floats":
    """Return each class's sigmoid as a share of their sum, shape (n, classes)."""
    found = _each(raw)
    total = found.sum(axis=1)
    zero = total == 0
    found[zero, :] = 1
    total[zero] = found.shape[1]
    found /= total.reshape((-1, 1))
    return found


def _each(raw: "Floats") -> "Floats":
    flat = np.fromiter(map(sigmoid, raw.ravel().tolist()), np.float64, raw.size)
    return flat.reshape(raw.shape)


def _identity(raw: "Floats") -> "Floats":
    return raw


# Link by name; raw and result have the shape (n, outputs).
LINKS: Mapping[str, "Callable[[Floats], Floats]"] = {
    "identity": _identity,
    "sigmoid": _each,
    "double_sigmoid": lambda raw: _each(2 * raw),
    "exp": np.exp,
    "softmax": softmax,
    "one_against_rest": one_against_rest,
}
# The same of one number, where one row has a shorter way.
SCALAR_LINKS: Mapping[str, Callable[[float], float]] = {
    "identity": float,
    "sigmoid": sigmoid,
    "double_sigmoid": lambda raw: sigmoid(2 * raw),
}
