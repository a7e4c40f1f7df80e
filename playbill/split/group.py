"""Split by group: whole groups are held out, so that no group is on both sides."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playbill.config.schema import Split
from playbill.split.base import Roles, names_of, require_column

if TYPE_CHECKING:
    import pyarrow as pa


def held_out(table: "pa.Table", config: Split, roles: Roles) -> NDArray[np.bool_]:
    """Return True for random whole groups until the share is reached; the last may exceed it."""
    column = require_column(table, roles.group, "group", "group")
    coded = table[column].combine_chunks().dictionary_encode()
    groups, place = np.unique(names_of(coded.dictionary), return_inverse=True)
    members = place[np.asarray(coded.indices)]
    sizes = np.bincount(members)
    drawn = np.random.default_rng(config.seed).permutation(len(groups))
    before = np.cumsum(sizes[drawn]) - sizes[drawn]  # rows held out before each group
    chosen = drawn[before < len(table) * config.test_size]
    return np.isin(members, chosen)
