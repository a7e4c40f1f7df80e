"""Split by group: whole groups are held out, so that no group is on both sides."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playbill.config.schema import Split
from playbill.split.base import Roles, require_column

if TYPE_CHECKING:
    import pandas as pd


def held_out(frame: "pd.DataFrame", config: Split, roles: Roles) -> NDArray[np.bool_]:
    """Return True for random whole groups until the share is reached; the last may exceed it."""
    column = require_column(frame, roles.group, "group", "group")
    groups, members = np.unique(
        frame[column].to_numpy(dtype=object).astype(str), return_inverse=True
    )
    sizes = np.bincount(members)
    drawn = np.random.default_rng(config.seed).permutation(len(groups))
    before = np.cumsum(sizes[drawn]) - sizes[drawn]  # rows held out before each group
    chosen = drawn[before < len(frame) * config.test_size]
    return np.isin(members, chosen)
