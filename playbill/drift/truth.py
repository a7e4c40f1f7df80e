"""What turned out to be true of new rows: their target column, or a file of labels by key."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbill.contract.outcome import from_dict
from playbill.contract.task import as_target
from playbill.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

Truth = Callable[[pd.DataFrame], "NDArray[np.float64] | None"]


def truth_of(contract: Mapping[str, Any], labels: "Path | None" = None) -> Truth:
    """Return what gives the truth of rows: 1 positive, 0 negative, NaN unknown; None: no column.

    Args:
        contract: The bundle's contract.json, of a binary model.
        labels: CSV or Parquet file with the key and the target, instead of the rows' own target.

    Raises:
        DataError: The file cannot be read, lacks a column or has a key twice.
    """
    key, target, asked = contract["key"], contract["target"]["name"], from_dict(contract)
    known = None if labels is None else _labels(labels, key, target)

    def truth(rows: pd.DataFrame) -> "NDArray[np.float64] | None":
        if known is not None:
            if key not in rows:
                raise DataError(
                    f"the rows have no column {key!r} by which labels could be found",
                    where="the rows",
                    expected=f"the key {key!r}, as in data/prepared/train.parquet",
                )
            values = rows[key].astype(str).map(known)
        elif target in rows:
            values = rows[target]
        else:
            return None
        there = values.notna()
        found = np.full(len(rows), np.nan)
        present = values[there]
        if asked.classes and isinstance(asked.classes[0], str):
            present = present.astype(str)
        found[there.to_numpy()] = as_target(present, asked).to_numpy(dtype=np.float64)
        return found

    return truth


def _labels(path: "Path", key: str, target: str) -> "pd.Series[Any]":
    from playbill.drift.rows import read_rows

    table = read_rows(path, {"columns": {key: {"kind": "text"}}})
    if missing := [name for name in (key, target) if name not in table]:
        raise DataError(
            f"the labels have no column {missing[0]!r}",
            where=str(path),
            expected=f"the columns {key!r} and {target!r}",
            run="playbill feedback join OUT, which makes a labelled table of predictions",
        )
    found = table.dropna(subset=[key]).set_index(table[key].dropna().astype(str))[target]
    if found.index.has_duplicates:
        twice = str(found.index[found.index.duplicated()][0])
        raise DataError(
            f"the labels have the key {twice!r} more than once",
            where=str(path),
            expected="one label a key",
        )
    return found
