"""Divides prepared rows into training rows and hold-out, by the kind of split that conf chose."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playbill.config.schema import Split
from playbill.errors import DataError
from playbill.split import group as by_group
from playbill.split import random, stratified
from playbill.split import time as by_time
from playbill.split.base import WHERE, Roles, Splitter, arrow
from playbill.split.crossing import refuse_crossing

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SPLITTERS: dict[str, Splitter] = {
    "time": by_time.held_out,
    "random": random.held_out,
    "stratified": stratified.held_out,
    "group": by_group.held_out,
}


def split(
    frame: "pd.DataFrame",
    config: Split,
    *,
    key: str,
    target: str,
    time: str | None = None,
    group: str | None = None,
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Divide `frame` into training rows and hold-out, both in its order.

    Raises:
        ConfigError: The kind of split needs a role that no column has.
        DataError: One of the two would be empty, or a group or a time is on both sides.
    """
    roles = Roles(key=key, target=target, time=time, group=group)
    mask = held_out(arrow(frame, roles.columns), config, roles)
    train, test = frame[~mask], frame[mask]
    return train.reset_index(drop=True), test.reset_index(drop=True)


def held_out(table: "pa.Table", config: Split, roles: Roles) -> NDArray[np.bool_]:
    """Return True for each row that is held out.

    Args:
        table: The columns that have a role.
        config: The `split` group of conf/.
        roles: Which of them is what.

    Raises:
        ConfigError: The kind of split needs a role that no column has.
        DataError: One side would be empty, or a group or a time is on both.
    """
    mask = SPLITTERS[config.kind](table, config, roles)
    if mask.all() or not mask.any():
        raise DataError(
            f"the {config.kind} split of {len(mask)} rows leaves none on one side",
            where=f"{WHERE}.test_size = {config.test_size}",
            expected="enough rows, times or groups for training rows and a hold-out",
        )
    if _crosses(table, mask, config, roles):
        frame = table.to_pandas()
        refuse_crossing(frame, ~mask, mask, roles, config.may_cross, where=WHERE)
    return mask


def _crosses(table: "pa.Table", mask: NDArray[np.bool_], config: Split, roles: Roles) -> bool:
    """Say whether `refuse_crossing` must be asked: what it looks for may be there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if roles.time is not None and "time" not in config.may_cross:
        times = table[roles.time]
        sides = (times.filter(pa.array(~mask)), times.filter(pa.array(mask)))
        last, first = pc.max(sides[0]), pc.min(sides[1])
        if not (last.is_valid and first.is_valid and pc.less(last, first).as_py()):
            return True
    if roles.group is None or "group" in config.may_cross:
        return False
    groups = table[roles.group]
    mine, other = (set(pc.unique(groups.filter(pa.array(m))).to_pylist()) for m in (~mask, mask))
    return bool(set(map(str, mine)) & set(map(str, other)))
