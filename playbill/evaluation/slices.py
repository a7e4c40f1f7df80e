"""The same measures for each value of chosen columns: where the model is better and worse."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from playbill.evaluation.metrics import measure

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

MISSING = "(missing)"


def measure_slices(
    frame: "pd.DataFrame",
    truth: "NDArray[np.int64]",
    probability: "NDArray[np.float64]",
    *,
    columns: Sequence[str],
    threshold: float,
    minimum_rows: int,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the measures by column and value; few rows are counted and not measured."""
    report: dict[str, dict[str, dict[str, Any]]] = {}
    for column in columns:
        names = frame[column].astype("str").fillna(MISSING).to_numpy(dtype=object)
        report[column] = {}
        for name in sorted(set(names)):
            rows = names == name
            report[column][name] = (
                dict(measure(truth[rows], probability[rows], threshold))
                if rows.sum() >= minimum_rows
                else {"rows": int(rows.sum())}
            )
    return report
