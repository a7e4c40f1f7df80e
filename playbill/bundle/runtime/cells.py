"""Values of requests and table columns as the numbers of a compiled model, with NumPy alone.

Says the same as `playbill.contract.frame`, which needs pandas: number, integer and boolean become
float64 with NaN for null, a time its seconds since 1970 (UTC), a text its place in a vocabulary.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLAIN = frozenset({float, int, bool, type(None)})
WORDS = frozenset({str, type(None)})
DAY = 86_400
TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def as_numbers(values: Any, kind: str, name: str) -> "NDArray[np.float64]":
    """Return a column as float64, shape (n,).

    Args:
        values: A sequence of Python values, an array or a pandas Series.
        kind: The contract's kind: number, integer, boolean or datetime.
        name: The column's name, for errors.

    Raises:
        DataError: A value is not of its kind.
    """
    if kind != "datetime" and type(values) is list and PLAIN.issuperset(map(type, values)):
        array: NDArray[Any] = np.array(values, dtype=np.float64)  # None becomes NaN
    else:
        array = _array(values)
    if array.dtype.kind in "biuf" and kind != "datetime":
        numbers = array.astype(np.float64, copy=False)
        if np.isinf(numbers).any():
            raise refused(name, int(np.isinf(numbers).argmax()), "a finite number")
        return numbers
    if array.dtype.kind == "M":
        return _since(array)
    return _one_by_one(array.tolist(), kind, name)


def as_codes(values: Any, lookup: Mapping[Any, int], unknown: int) -> "NDArray[np.int64]":
    """Return a text column as places in a vocabulary, shape (n,).

    Args:
        values: A sequence of Python values, an array or a pandas Series.
        lookup: Code by text; None stands for a missing value.
        unknown: Code of every other text.
    """
    get = lookup.get
    if type(values) is list and WORDS.issuperset(map(type, values)):
        return np.array([get(value, unknown) for value in values], dtype=np.int64)
    missing = lookup[None]
    codes = (
        get(value, unknown)
        if type(value) is str
        else missing
        if is_missing(value)
        else get(str(value), unknown)
        for value in _array(values)
    )
    return np.fromiter(codes, np.int64)


def as_texts(values: Any) -> list[str | None]:
    """Return a text column as texts, None for a missing one.

    Args:
        values: A sequence of Python values, an array or a pandas Series.
    """
    if type(values) is list and WORDS.issuperset(map(type, values)):
        return values
    return [None if is_missing(value) else str(value) for value in _array(values)]


def _one_by_one(values: Sequence[Any], kind: str, name: str) -> "NDArray[np.float64]":
    convert = seconds if kind == "datetime" else number
    found = np.empty(len(values), dtype=np.float64)
    for row, value in enumerate(values):
        try:
            found[row] = convert(value)
        except (TypeError, ValueError, OverflowError):
            raise refused(name, row, "a time" if kind == "datetime" else "a number") from None
    return found


def number(value: Any) -> float:
    """Return a number as float, NaN for a missing one.

    Raises:
        ValueError: It is no number, or not finite.
        TypeError: It is neither a number nor a text.
    """
    if is_missing(value):
        return math.nan
    if isinstance(value, str) and "_" in value:  # Python reads 1_000, tables do not
        raise ValueError(value)
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(value)
    return found


def seconds(value: Any) -> float:
    """Return a time as seconds since 1970 (UTC), NaN for a missing one.

    Raises:
        ValueError: It is no time.
        TypeError: It is neither a time nor a text.
    """
    if is_missing(value):
        return math.nan
    if isinstance(value, np.datetime64):
        return float(_since(np.asarray([value]))[0])
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - EPOCH
    whole = np.array([since.days * DAY + since.seconds])
    rest = np.array([since.microseconds * 1000 + getattr(since, "nanoseconds", 0)])
    return float(_added(whole, rest / TICKS["ns"])[0])


def is_missing(value: Any) -> bool:
    """Say whether a value stands for null: None, NaN, NaT or pandas' NA."""
    if value is None:
        return True
    if isinstance(value, str | int):
        return False
    try:
        return bool(value != value)  # noqa: PLR0124 - only NaN and NaT differ from themselves
    except TypeError:  # pandas' NA has no truth
        return True


def refused(name: str, row: int, expected: str) -> DataError:
    """Return the error of a value that is not of its kind; the value itself is not told."""
    return DataError(
        f"a value in the column `{name}` is not {expected}",
        where=f"column `{name}`, row {row + 1}",
        expected=expected,
    )


def unanswered(bad: "NDArray[np.bool_]") -> DataError:
    """Return the error of rows, shape (n, m), that the estimator has no answer to."""
    row = int(bad.any(axis=1).argmax())
    return DataError(
        "the model has no answer to a missing or too large value there",
        where=f"row {row + 1}",
        expected="values in every column that the Pipeline does not impute",
    )


def _array(values: Any) -> "NDArray[Any]":
    """Return values as one array; what NumPy does not know as numbers or times is object."""
    if isinstance(values, np.ndarray):
        array = values
    elif hasattr(values, "to_numpy"):  # a pandas Series, which is not imported here
        zone = getattr(values.dtype, "tz", None)
        if zone is not None:
            values = values.dt.tz_convert("UTC").dt.tz_localize(None)
        array = values.to_numpy()
    else:
        return _objects(values)
    return array if array.dtype.kind in "biufM" else array.astype(object)


def _objects(values: Sequence[object]) -> "NDArray[np.object_]":
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _since(times: "NDArray[Any]") -> "NDArray[np.float64]":
    unit = np.datetime_data(times.dtype)[0]
    if unit not in TICKS:
        times, unit = times.astype("datetime64[s]"), "s"
    whole, rest = np.divmod(times.astype(np.int64), TICKS[unit])
    found = _added(whole, rest / TICKS[unit])
    found[np.isnat(times)] = np.nan
    return found


def _added(whole: "NDArray[np.int64]", rest: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Return seconds as pandas adds them: a rest is never rounded away."""
    found: NDArray[np.float64] = whole + rest
    found = np.where((rest != 0) & (found == whole), np.nextafter(found, np.inf), found)
    return np.where((rest != 0) & (found == whole + 1), np.nextafter(found, -np.inf), found)
