"""What every kind of split has in common: it marks the rows that are held out."""

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from playbill.config.schema import Split
from playbill.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

WHERE = "split"


@dataclass(frozen=True)
class Roles:
    """The columns that a split may need, by what they are for."""

    key: str
    target: str
    time: str | None = None
    group: str | None = None


class Splitter(Protocol):
    """A kind of split: module `playbill.split.<kind>` has it as `held_out`."""

    def __call__(self, frame: "pd.DataFrame", config: Split, roles: Roles) -> NDArray[np.bool_]:
        """Return True for each row that is held out; the same whatever the order of the rows."""


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
        DataError: One of the two would be empty.
    """
    module = importlib.import_module(f"playbill.split.{config.kind}")
    held_out: Splitter = module.held_out
    mask = held_out(frame, config, Roles(key=key, target=target, time=time, group=group))
    if mask.all() or not mask.any():
        raise DataError(
            f"the {config.kind} split of {len(frame)} rows leaves none on one side",
            where=f"{WHERE}.test_size = {config.test_size}",
            expected="enough rows, times or groups for training rows and a hold-out",
        )
    train, test = frame[~mask], frame[mask]
    return train.reset_index(drop=True), test.reset_index(drop=True)


def require_column(frame: "pd.DataFrame", column: str | None, role: str, kind: str) -> str:
    """Return the name of the column with `role`, which no row may lack."""
    if column is None:
        raise ConfigError(
            f"the {kind} split needs a column with the role {role}",
            where=f"{WHERE}.kind",
            expected=f"`role: {role}` at one column in contract.columns, or another split",
        )
    if missing := int(frame[column].isna().sum()):
        raise DataError(
            f"{missing} rows have no {role} (column `{column}`)",
            where=f"{WHERE}.kind = {kind}",
            expected=f"a {role} in every row, or another split",
        )
    return column


def by_key(frame: "pd.DataFrame", key: str) -> NDArray[np.intp]:
    """Return the positions of the rows in the order of their keys."""
    return np.argsort(frame[key].to_numpy(dtype=object).astype(str), kind="stable")
