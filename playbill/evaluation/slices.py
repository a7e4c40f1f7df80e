"""The same measures for each value of chosen columns: where the model is better and worse."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.evaluation.metrics import measure

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from playbill.evaluation.scored import Scored

MISSING = "(missing)"


def measure_slices(
    frame: "pd.DataFrame", scored: "Scored", *, columns: Sequence[str], minimum_rows: int
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the measures by column and value; few rows are counted and not measured."""
    return {
        column: {
            name: measure(scored.take(rows)) if len(rows) >= minimum_rows else {"rows": len(rows)}
            for name, rows in members(frame[column]).items()
        }
        for column in columns
    }


def members(column: "pd.Series[Any]") -> "dict[str, NDArray[np.int64]]":
    """Return the positions of the rows of each value of a column, values sorted as text."""
    names = column.astype("str").fillna(MISSING).to_numpy(dtype=object)
    return {name: np.flatnonzero(names == name) for name in sorted(set(names))}
