"""The one place that turns rows of any origin into the table that the Pipeline sees.

Training, evaluation, `playbill predict` and the server's fallback runtime all pass through here,
so a null, a boolean or a numeral means the same to the model everywhere. No value is replaced:
what a missing one stands for is decided by a step of the Pipeline (conf/feature), which therefore
answers the same for a table as it was read.

- columns: the contract's inputs, in the contract's order, nothing else;
- number, integer and boolean: float64, NaN for null, 1 and 0 for true and false;
- datetime: seconds since 1970 (UTC) as float64, NaN for null; text must be ISO 8601;
- text: Python strings (dtype object), NaN for null.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playbill.config.nearest import nearest
from playbill.contract.column import Column
from playbill.contract.mask import mask
from playbill.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def as_model_frame(
    rows: "pd.DataFrame | Mapping[str, Sequence[object] | pd.Series]", inputs: Sequence[Column]
) -> "pd.DataFrame":
    """Return the input columns of `rows` as the Pipeline expects them.

    Args:
        rows: A table, or values by column name, all of one length; other columns are ignored.
        inputs: The contract's input columns.

    Raises:
        DataError: A column is missing, or holds a value that is not of its kind.
    """
    import pandas as pd

    names = [str(name) for name in rows]
    for column in inputs:
        if column.name not in rows:
            raise DataError(
                f"the column `{column.name}` is missing",
                where=f"columns {', '.join(names[:20])}",
                expected=nearest(column.name, names),
            )
    arrays = {column.name: _array(rows[column.name], column) for column in inputs}
    series = {name: pd.Series(a, dtype=a.dtype, copy=False) for name, a in arrays.items()}
    return pd.DataFrame(series, copy=False)


def _array(values: Any, column: Column) -> "NDArray[Any]":
    import pandas as pd

    series = values if isinstance(values, pd.Series) else pd.Series(list(values), dtype=object)
    if column.kind == "text":
        return _text(series)
    if column.kind == "datetime":
        return _seconds(series, column)
    return _numbers(series, column)


def _text(series: "pd.Series") -> "NDArray[np.object_]":
    import numpy as np

    values = series.to_numpy(dtype=object, copy=True)
    missing = series.isna().to_numpy()
    values[missing] = np.nan
    for index in np.flatnonzero(~missing):
        if type(values[index]) is not str:
            values[index] = str(values[index])
    return values


def _numbers(series: "pd.Series", column: Column) -> "NDArray[np.float64]":
    import numpy as np
    import pandas as pd

    if series.dtype.kind in "biuf" or isinstance(series.dtype, pd.BooleanDtype):
        numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        numbers = pd.to_numeric(series, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        _refuse(np.isnan(numbers) & series.notna().to_numpy(), series, column, "a number")
    _refuse(np.isinf(numbers), series, column, "a finite number")
    return numbers


def _seconds(series: "pd.Series", column: Column) -> "NDArray[np.float64]":
    import numpy as np
    import pandas as pd

    times = pd.to_datetime(series, errors="coerce", utc=True, format="ISO8601")
    _refuse((times.isna() & series.notna()).to_numpy(), series, column, "a time")
    since = (times - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    return np.asarray(since.to_numpy(), dtype=np.float64)


def _refuse(bad: "NDArray[np.bool_]", series: "pd.Series", column: Column, expected: str) -> None:
    if bad.any():
        row = int(bad.argmax())
        value = str(series.iloc[row])[:60]
        shown = mask(value) if column.personal else value
        raise DataError(
            f"`{shown}` in the column `{column.name}` is not {expected}",
            where=f"column `{column.name}`, row {row + 1}",
            expected=expected + (" or nothing" if column.nullable else ""),
        )
