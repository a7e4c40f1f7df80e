"""Split by time: the last share of the rows is held out; rows of one time stay together."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playbill.config.schema import Split
from playbill.split.base import Roles, require_column

if TYPE_CHECKING:
    import pandas as pd


def held_out(frame: "pd.DataFrame", config: Split, roles: Roles) -> NDArray[np.bool_]:
    """Return True for the rows from the time on at which the last share begins."""
    column = require_column(frame, roles.time, "time", "time")
    times = frame[column].to_numpy()
    first = min(round(len(times) * (1 - config.test_size)), len(times) - 1)
    boundary = np.sort(times)[first]
    return np.asarray(times >= boundary, dtype=np.bool_)
