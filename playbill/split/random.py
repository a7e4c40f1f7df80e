"""Split at random: each row is held out with the same chance."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playbill.config.schema import Split
from playbill.split.base import Roles, by_key

if TYPE_CHECKING:
    import pyarrow as pa


def held_out(table: "pa.Table", config: Split, roles: Roles) -> NDArray[np.bool_]:
    """Return True for a random share of the rows."""
    order = by_key(table, roles.key)
    drawn = np.random.default_rng(config.seed).permutation(order)
    mask = np.zeros(len(table), dtype=np.bool_)
    mask[drawn[: round(len(table) * config.test_size)]] = True
    return mask
