"""Divides prepared rows into training rows and hold-out, by the kind of split that conf chose."""

from typing import TYPE_CHECKING

from playbill.config.schema import Split
from playbill.errors import DataError
from playbill.split import group as by_group
from playbill.split import random, stratified
from playbill.split import time as by_time
from playbill.split.base import WHERE, Roles, Splitter
from playbill.split.crossing import refuse_crossing

if TYPE_CHECKING:
    import pandas as pd

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
    held_out = SPLITTERS[config.kind]
    roles = Roles(key=key, target=target, time=time, group=group)
    mask = held_out(frame, config, roles)
    if mask.all() or not mask.any():
        raise DataError(
            f"the {config.kind} split of {len(frame)} rows leaves none on one side",
            where=f"{WHERE}.test_size = {config.test_size}",
            expected="enough rows, times or groups for training rows and a hold-out",
        )
    refuse_crossing(frame, ~mask, mask, roles, config.may_cross, where=WHERE)
    train, test = frame[~mask], frame[mask]
    return train.reset_index(drop=True), test.reset_index(drop=True)
