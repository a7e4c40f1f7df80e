"""The folds of the training rows: which rows are learned from, and which the model is tried on.

k-fold, stratified and group folds are scikit-learn's own, on the rows in their order, so that they
are the folds of whoever writes the same three lines by hand. Folds in time are ours: their bounds
are times and not rows, so that no instant is on both sides, and the gap is a span and not a count.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playbill.config.schema import Validation
from playbill.errors import DataError
from playbill.split.base import Roles, require_column
from playbill.split.crossing import refuse_crossing

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

WHERE = "validation"
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@dataclass(frozen=True)
class Fold:
    """One fold, as positions of rows.

    Attributes:
        learned: Rows that are learned from.
        tried: Rows that the model is tried on.
    """

    learned: NDArray[np.intp]
    tried: NDArray[np.intp]


def make_folds(
    frame: "pd.DataFrame", config: Validation, roles: Roles, *, label_delay: str = "0d"
) -> list[Fold]:
    """Return the folds of `frame`; none if there shall be none.

    Args:
        frame: The training rows.
        config: The `validation` group of conf/.
        roles: The contract's columns by role.
        label_delay: The contract's; the gap of folds in time unless conf/ names one.

    Raises:
        ConfigError: The kind needs a role that no column has.
        DataError: There are too few rows, classes, groups or times, or a fold leaks.
    """
    if config.kind == "none":
        return []
    if config.kind == "time":
        column = require_column(frame, roles.time, "time", "time")
        found = list(_in_time(frame[column], config.folds, config.gap or label_delay))
    else:
        found = _drawn(frame, config, roles)
    for fold in found:
        refuse_crossing(frame, fold.learned, fold.tried, roles, config.may_cross, where=WHERE)
    return found


def _drawn(frame: "pd.DataFrame", config: Validation, roles: Roles) -> list[Fold]:
    from sklearn import model_selection

    options: dict[str, Any] = {
        "n_splits": config.folds,
        "shuffle": True,
        "random_state": config.seed,
    }
    groups = None
    if config.kind == "kfold":
        splitter = model_selection.KFold(**options)
    elif config.kind == "stratified":
        splitter = model_selection.StratifiedKFold(**options)
    else:
        splitter = model_selection.GroupKFold(**options)
        column = require_column(frame, roles.group, "group", "group")
        groups = frame[column].to_numpy(dtype=object).astype(str)
    target = frame[roles.target].to_numpy()
    if config.kind == "stratified":
        least = frame[roles.target].value_counts().min()
        if least < config.folds:
            raise _too_few(config.folds, f"the rarest class has {least} rows")
    try:
        return [Fold(a, b) for a, b in splitter.split(np.zeros(len(frame)), target, groups)]
    except ValueError as error:
        raise _too_few(config.folds, str(error)) from error


def _in_time(times: "pd.Series", count: int, gap: str) -> "Iterator[Fold]":
    """Yield folds that each learn from all that came before, as scikit-learn's TimeSeriesSplit.

    The last rows in the order of time are cut into `count` blocks of the same size, each bound
    moved back to the first row of its time.
    """
    span = np.timedelta64(timedelta(**{_UNITS[gap[-1]]: int(gap[:-1])}))
    ordered = np.sort(times.to_numpy())
    size = len(ordered) // (count + 1)
    if not size:
        raise _too_few(count, f"there are {len(ordered)} rows")
    bounds = [ordered[len(ordered) - size * left] for left in range(count, 0, -1)]
    values, ends = times.to_numpy(), [*bounds[1:], None]
    for begin, end in zip(bounds, ends, strict=True):
        learned = values < begin - span
        tried = values >= begin
        if end is not None:
            tried &= values < end
        if not learned.any() or not tried.any():
            raise _too_few(count, f"a fold from {begin} on, after a gap of {gap}, has no rows")
        yield Fold(np.flatnonzero(learned), np.flatnonzero(tried))


def _too_few(folds: int, why: str) -> DataError:
    return DataError(
        f"the training rows do not make {folds} folds: {why}",
        where=f"{WHERE}.folds = {folds}",
        expected="fewer folds, or more rows",
    )
