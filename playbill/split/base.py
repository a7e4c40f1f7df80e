"""What every kind of split has in common: it marks the rows that are held out.

A split looks at the columns that have a role, as Arrow has them, and at nothing else of the table:
so the table itself need not be in memory.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from playbill.config.schema import Split
from playbill.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import pyarrow as pa

WHERE = "split"


@dataclass(frozen=True)
class Roles:
    """The columns that a split may need, by what they are for."""

    key: str
    target: str
    time: str | None = None
    group: str | None = None

    @property
    def columns(self) -> list[str]:
        """Names of the columns, each once."""
        named = (self.key, self.target, self.time, self.group)
        return list(dict.fromkeys(name for name in named if name is not None))


class Splitter(Protocol):
    """A kind of split: `held_out` in the module of that name."""

    def __call__(self, table: "pa.Table", config: Split, roles: Roles) -> NDArray[np.bool_]:
        """Return True for each row that is held out; the same whatever the order of the rows."""


def arrow(rows: "pa.Table | pd.DataFrame", names: "Sequence[str]") -> "pa.Table":
    """Return columns of a table of either kind, each once, as Arrow has them."""
    import pyarrow as pa

    wanted = list(dict.fromkeys(names))
    if isinstance(rows, pa.Table):
        return rows.select(wanted)
    return pa.Table.from_pandas(rows[wanted], preserve_index=False)


def missing(column: "pa.ChunkedArray") -> NDArray[np.bool_]:
    """Return True where a value is missing; NaN is."""
    import pyarrow.compute as pc

    return np.asarray(pc.is_null(column, nan_is_null=True))


def names_of(column: "pa.ChunkedArray") -> "NDArray[np.str_]":
    """Return the values as text, as `str` writes them."""
    return np.array([str(value) for value in column.to_pylist()], dtype=np.str_)


def require_column(
    frame: "pd.DataFrame | pa.Table", column: str | None, role: str, kind: str
) -> str:
    """Return the name of the column with `role`, which no row may lack."""
    if column is None:
        raise ConfigError(
            f"the {kind} split needs a column with the role {role}",
            where=f"{WHERE}.kind",
            expected=f"`role: {role}` at one column in contract.columns, or another split",
        )
    if gaps := int(missing(arrow(frame, [column])[column]).sum()):
        raise DataError(
            f"{gaps} rows have no {role} (column `{column}`)",
            where=f"{WHERE}.kind = {kind}",
            expected=f"a {role} in every row, or another split",
        )
    return column


def by_key(table: "pa.Table", key: str) -> NDArray[np.intp]:
    """Return the positions of the rows in the order of their keys as text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = table[key]
    if pa.types.is_integer(values.type) and not values.null_count:
        values = values.cast(pa.string())
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return np.argsort(names_of(values), kind="stable")
    return np.asarray(pc.sort_indices(values)).astype(np.intp)  # of bytes, as of code points
