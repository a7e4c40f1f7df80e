"""Leakage between two sides of a split: a group on both, or learning from what came later."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playbill.errors import DataError
from playbill.split.base import Roles

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from playbill.config.schema import Crossing


def refuse_crossing(
    frame: "pd.DataFrame",
    learned: "NDArray[np.intp] | NDArray[np.bool_]",
    tried: "NDArray[np.intp] | NDArray[np.bool_]",
    roles: Roles,
    may_cross: "Sequence[Crossing]",
    *,
    where: str,
) -> None:
    """Refuse two sides of a split that let a model know what it is tried on.

    Args:
        frame: All rows.
        learned: The rows that are learned from, as positions or as a mask.
        tried: The rows that it is tried on.
        roles: The contract's columns by role.
        may_cross: What conf allows to be on both sides.
        where: Key of conf for the error.

    Raises:
        DataError: A group is on both sides, or a row is learned from that is not older than the
            oldest that is tried; conf/ does not allow it.
    """
    if roles.group is not None and "group" not in may_cross:
        _groups(frame[roles.group], learned, tried, where)
    if roles.time is not None and "time" not in may_cross:
        _times(frame[roles.time], learned, tried, where)


def _groups(values: "pd.Series", learned: NDArray[Any], tried: NDArray[Any], where: str) -> None:
    mine, other = (
        set(values[side].dropna().astype(str))
        for side in (_mask(values, learned), _mask(values, tried))
    )
    if both := sorted(mine & other):
        raise DataError(
            f"{len(both)} groups are on both sides of the split, such as "
            f"`{values.name}` = `{both[0][:60]}`",
            where=f"{where}.may_cross",
            expected="whole groups on one side (kind: group), "
            "or `group` in may_cross if that is no leak",
        )


def _times(values: "pd.Series", learned: NDArray[Any], tried: NDArray[Any], where: str) -> None:
    last, first = values[_mask(values, learned)].max(), values[_mask(values, tried)].min()
    if last >= first:
        raise DataError(
            f"rows up to `{values.name}` = {last} are learned from to be tried on rows from "
            f"{first} on",
            where=f"{where}.may_cross",
            expected="what is tried is later (kind: time), or `time` in may_cross if it is no leak",
        )


def _mask(values: "pd.Series", side: NDArray[Any]) -> "NDArray[np.bool_]":
    if side.dtype == np.bool_:
        return side
    mask = np.zeros(len(values), dtype=np.bool_)
    mask[side] = True
    return mask
