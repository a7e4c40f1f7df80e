"""Split at random within each value of the target, so that both sides have its share."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playbill.config.schema import Split
from playbill.split.base import Roles, by_key, require_column

if TYPE_CHECKING:
    import pyarrow as pa


def held_out(table: "pa.Table", config: Split, roles: Roles) -> NDArray[np.bool_]:
    """Return True for the same random share of the rows of each target value."""
    column = require_column(table, roles.target, "target", "stratified")
    order = by_key(table, roles.key)
    values = np.asarray(table[column])[order]
    draw = np.random.default_rng(config.seed)
    mask = np.zeros(len(table), dtype=np.bool_)
    for value in np.unique(values):
        rows = draw.permutation(order[values == value])
        mask[rows[: round(len(rows) * config.test_size)]] = True
    return mask
