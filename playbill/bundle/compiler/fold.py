"""Thresholds of an estimator pulled back through the transformers to the raw input.

By bisection over the doubles with the transformers' own operations: the largest raw double whose
feature passes is the raw threshold, exactly.
"""

from typing import TYPE_CHECKING

import numpy as np

from playbill.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from playbill.bundle.compiler.feature import Feature

    Floats = NDArray[np.float64]

LARGEST = np.finfo(np.float64).max
BITS = 64


def breaks_of(feature: "Feature", thresholds: "Floats") -> "Floats":
    """Return the raw numbers up to which a feature stays on its side of some threshold.

    Between two of them (the lower left out, the upper one included) the feature passes the same
    thresholds everywhere.

    Args:
        feature: A number's feature.
        thresholds: Largest values that pass, of the feature; shape (t,).

    Raises:
        UnsupportedError: An operation does not keep the order of numbers.
    """
    if feature.turn is not None:
        keys = feature.turn.keys
        below = np.nextafter(keys, -np.inf)
        thresholds = below if feature.turn.mode == "right" else np.concatenate([below, keys])
    if not feature.is_rising():
        raise UnsupportedError("a transformer that turns the order of numbers around")
    found = _pull(feature, np.unique(thresholds))
    return np.unique(found[np.isfinite(found)])


def _pull(feature: "Feature", thresholds: "Floats") -> "Floats":
    """Return the largest double whose prefix is at most each threshold; infinite for none, all."""
    low = np.full(len(thresholds), _place(np.array([-LARGEST]))[0])
    high = np.full(len(thresholds), _place(np.array([LARGEST]))[0])
    passes = feature.prefix(np.array([-LARGEST])) <= thresholds
    every = feature.prefix(np.array([LARGEST])) <= thresholds
    for _ in range(BITS):
        # Halves are added, for the sum of two places may not fit.
        middle = (low >> 1) + (high >> 1) + (((low & 1) + (high & 1) + 1) >> 1)
        inside = feature.prefix(_double(middle)) <= thresholds
        low = np.where(inside, middle, low)
        high = np.where(inside, high, middle - 1)
    found = _double(low)
    found[~passes] = -np.inf
    found[every] = np.inf
    return found


def _place(x: "Floats") -> "NDArray[np.int64]":
    """Return the place of each double in their order, -0.0 and 0.0 apart."""
    bits = x.view(np.int64)
    return np.where(bits < 0, np.int64(-(2**63)) - bits - 1, bits)


def _double(places: "NDArray[np.int64]") -> "Floats":
    bits = np.where(places < 0, np.int64(-(2**63)) - places - 1, places)
    return bits.view(np.float64).copy()


def joined(breaks: "Sequence[Floats]") -> "Floats":
    """Return all breaks of one input, sorted, each once."""
    return np.unique(np.concatenate([np.empty(0), *breaks]))


def samples(breaks: "Floats") -> "Floats":
    """Return one number of each interval and NaN, shape (breaks + 2,)."""
    return np.concatenate([breaks, [LARGEST, np.nan]])
