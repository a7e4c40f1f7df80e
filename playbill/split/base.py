"""What every kind of split has in common: it marks the rows that are held out."""

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
    """A kind of split: `held_out` in the module of that name."""

    def __call__(self, frame: "pd.DataFrame", config: Split, roles: Roles) -> NDArray[np.bool_]:
        """Return True for each row that is held out; the same whatever the order of the rows."""


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
