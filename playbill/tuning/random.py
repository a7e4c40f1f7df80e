"""Parameters drawn at random, each dimension for itself."""

import math
from typing import Any

import numpy as np

from playbill.config.space import Dimension
from playbill.tuning.base import Asked, Trial, try_all

_BETWEEN = 16  # draws between two looks at the clock


def search(asked: Asked) -> list[Trial]:
    """Try as many draws as the budget has; the same for the same seed."""
    draw = np.random.default_rng(asked.config.seed)
    wanted = [
        {dimension.path: drawn(dimension, draw) for dimension in asked.dimensions}
        for _ in range(asked.config.trials)
    ]
    return try_all(asked, wanted, size=_BETWEEN)


def drawn(dimension: Dimension, draw: np.random.Generator) -> Any:
    """Return one value: a choice, or a number of the range, on its scale."""
    if dimension.choices is not None:
        return dimension.choices[int(draw.integers(len(dimension.choices)))]
    low, high = dimension.low, dimension.high
    if dimension.step is not None:
        whole = math.floor((high - low) / dimension.step + 1e-9)
        return low + dimension.step * int(draw.integers(whole + 1))
    if dimension.log:
        # Whole numbers each get the share of the scale around them.
        ends = (low - 0.5, high + 0.5) if dimension.is_whole else (low, high)
        found = math.exp(draw.uniform(math.log(ends[0]), math.log(ends[1])))
        return min(max(round(found), low), high) if dimension.is_whole else found
    if dimension.is_whole:
        return int(draw.integers(int(low), int(high) + 1))
    return float(draw.uniform(low, high))
