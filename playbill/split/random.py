"""Split at random: each row is held out with the same chance."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playbill.config.schema import Split
from playbill.split.base import Roles, by_key

if TYPE_CHECKING:
    import pandas as pd


def held_out(frame: "pd.DataFrame", config: Split, roles: Roles) -> NDArray[np.bool_]:
    """Return True for a random share of the rows."""
    order = by_key(frame, roles.key)
    drawn = np.random.default_rng(config.seed).permutation(order)
    mask = np.zeros(len(frame), dtype=np.bool_)
    mask[drawn[: round(len(frame) * config.test_size)]] = True
    return mask
