"""Split by time: the last share of the rows is held out; rows of one time stay together."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playbill.config.schema import Split
from playbill.split.base import Roles, require_column

if TYPE_CHECKING:
    import pyarrow as pa


def held_out(table: "pa.Table", config: Split, roles: Roles) -> NDArray[np.bool_]:
    """Return True for the rows from the time on at which the last share begins."""
    column = require_column(table, roles.time, "time", "time")
    times = np.asarray(table[column])
    first = min(round(len(times) * (1 - config.test_size)), len(times) - 1)
    boundary = np.sort(times)[first]
    return np.asarray(times >= boundary, dtype=np.bool_)
