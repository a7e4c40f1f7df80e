"""Bins of one column: how they are chosen, counted and named.

A column's bins are fixed by a sample of reference rows that is not counted afterwards (see
`playbill.drift.profile`), so this module never needs to know which rows are reference and which
are current.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbill.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MISSING = "missing"
OTHER = "other values"
FEW_EDGES = 40  # more are searched
# pandas' nullable dtypes and lists inside of Parquet files all pass through here as objects.
TRUE = frozenset({"true", "1", "1.0"})
FALSE = frozenset({"false", "0", "0.0"})


def numbers(series: "pd.Series[Any]") -> "NDArray[np.float64]":
    """Return a numeric column as float64 with NaN for missing.

    Raises:
        DataError: A value is not a number; the text names the column, the row and the value.
    """
    if pd.api.types.is_datetime64_any_dtype(series.dtype) or pd.api.types.is_timedelta64_dtype(
        series.dtype
    ):
        raise DataError(
            f"column {series.name!r} holds times ({series.dtype})",
            where=f"column {series.name}",
            expected="numbers, as in the reference profile",
        )
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    try:
        converted = pd.to_numeric(series, errors="coerce")
    except TypeError as error:
        raise DataError(
            f"column {series.name!r} holds values that are not numbers ({error})",
            where=f"column {series.name}",
            expected="numbers or nothing, as in the reference profile",
        ) from error
    stray = (converted.isna() & series.notna()).to_numpy()
    if stray.any():
        row = int(np.flatnonzero(stray)[0])
        raise DataError(
            f"column {series.name!r}: {str(series.iloc[row])[:80]!r} is not a number "
            f"({int(stray.sum())} such values)",
            where=f"column {series.name}, row {row + 1} of {len(series)}",
            expected="numbers or nothing, as in the reference profile",
        )
    return np.asarray(converted.to_numpy(dtype="float64", na_value=np.nan), dtype=np.float64)


def place(series: "pd.Series[Any]", section: Mapping[str, Any]) -> "NDArray[np.int64]":
    """Return the bin of every row as its index, int64 of shape (rows,).

    Args:
        series: A column's values.
        section: The column's section of the profile; its bins are those of `edges`, or its
            `categories` and one for other values. The index after the last is `missing`.

    Raises:
        DataError: A value of a numeric column is not a number.
    """
    if section["kind"] in {"number", "integer"}:
        values = numbers(series)
        index = _edges_below(values, section["edges"])
        index[np.isnan(values)] = len(section["edges"]) + 1
        return index
    if section["kind"] == "text" and isinstance(series.dtype, pd.StringDtype):
        return _place_strings(series, section["categories"])
    known = {name: index for index, name in enumerate(section["categories"])}
    try:
        coded, uniques = pd.factorize(series)
    except TypeError:  # lists in a Parquet file, under pandas 2
        coded, uniques = pd.factorize(series.map(str, na_action="ignore"))
    names = [known.get(_name(value, section["kind"]), len(known)) for value in uniques]
    return np.asarray([*names, len(known) + 1], dtype=np.int64)[coded]  # -1 is missing


def _edges_below(values: "NDArray[np.float64]", edges: Sequence[float]) -> "NDArray[np.int64]":
    """Return how many edges lie below each value; anything for NaN."""
    if len(edges) > FEW_EDGES:
        found = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="left")
        return np.asarray(found, dtype=np.int64)
    # One pass for each edge is ten times as fast as a search for each value.
    below = np.zeros(len(values), dtype=np.int8)
    for edge in edges:
        below += values > edge
    return below.astype(np.int64)


def _place_strings(series: "pd.Series[Any]", categories: Sequence[str]) -> "NDArray[np.int64]":
    """Look strings up by Arrow; a column of identifiers has as many values as rows."""
    import pyarrow as pa
    from pyarrow import compute

    values = pa.array(series, type=pa.large_string(), from_pandas=True)
    found = compute.index_in(values, value_set=pa.array(categories, pa.large_string()))
    index = found.fill_null(len(categories)).to_numpy(zero_copy_only=False).astype(np.int64)
    missing = values.is_null().to_numpy(zero_copy_only=False)
    return np.where(missing, len(categories) + 1, index)


def size(section: Mapping[str, Any]) -> int:
    """Return the number of bins of a section, those of other and missing values included."""
    return len(section["edges"]) + 2 if "edges" in section else len(section["categories"]) + 2


def tally(series: "pd.Series[Any]", kind: str) -> tuple[dict[str, int], int]:
    """Return the count of each value of a text or boolean column by its name, and of missing."""
    try:
        counted = series.value_counts(dropna=True, sort=False)
    except TypeError:  # lists in a Parquet file, under pandas 2
        counted = series.map(str, na_action="ignore").value_counts(dropna=True, sort=False)
    counts: dict[str, int] = {}
    for value, count in counted.items():
        if count:  # a categorical dtype lists values that do not occur
            name = _name(value, kind)
            counts[name] = counts.get(name, 0) + int(count)
    return counts, len(series) - sum(counts.values())


def _name(value: object, kind: str) -> str:
    text = str(value)
    if kind == "boolean" and text.lower() in TRUE | FALSE:
        return "true" if text.lower() in TRUE else "false"
    return text


def choose_edges(values: "NDArray[np.float64]", bins: int) -> list[float]:
    """Return interior edges of quantile bins; a bin is above its left edge, up to its right one.

    A value that fills a whole quantile step (a zero-inflated amount, a small integer, a constant)
    gets a bin of its own: an edge just below it and one on it. Otherwise a shift from 0 to -0.1
    would be invisible, because both lie in the first bin.
    """
    finite = np.sort(values[np.isfinite(values)])
    if not finite.size:
        return []
    distinct = np.unique(finite)
    if distinct.size <= bins:
        heavy, edges = distinct, distinct
    else:
        steps = np.arange(1, bins) / bins
        edges, repeats = np.unique(
            np.quantile(finite, steps, method="inverted_cdf"), return_counts=True
        )
        heavy = edges[repeats > 1]
    with np.errstate(over="ignore"):  # nothing finite lies below the smallest number
        below = np.nextafter(heavy, -np.inf)
    return [float(edge) for edge in np.unique(np.concatenate([edges, below[np.isfinite(below)]]))]


def count_numbers(
    values: "NDArray[np.float64]", edges: Sequence[float]
) -> tuple["NDArray[np.int64]", int]:
    """Return the count of each bin (one more than edges), and of missing values."""
    present = values[~np.isnan(values)]
    place = np.searchsorted(np.asarray(edges, dtype=np.float64), present, side="left")
    counts = np.bincount(place, minlength=len(edges) + 1).astype(np.int64)
    return counts, int(values.size - present.size)


def choose_categories(counts: Mapping[str, int], limit: int) -> list[str]:
    """Return the names of the `limit` commonest values, commonest first, ties by name."""
    return sorted(counts, key=lambda name: (-counts[name], name))[:limit]


def edge_labels(edges: Sequence[float]) -> list[str]:
    """Return a readable name for each bin between `edges`."""
    if not edges:
        return ["any value"]
    below = [_is_below(edges, index) for index in range(len(edges))]
    # An edge just below a value reads as that value, left out.
    named = [_short(edges[i + 1] if below[i] else edge) for i, edge in enumerate(edges)]
    labels = [f"< {named[0]}" if below[0] else f"≤ {named[0]}"]
    for index in range(1, len(edges)):
        if below[index - 1]:
            labels.append(named[index])
        else:
            closing = ")" if below[index] else "]"
            labels.append(f"({named[index - 1]}, {named[index]}{closing}")
    return [*labels, f"> {named[-1]}"]


def _is_below(edges: Sequence[float], index: int) -> bool:
    """Say whether the edge is the one just below a value that has its own bin."""
    following = edges[index + 1] if index + 1 < len(edges) else math.nan
    return math.nextafter(edges[index], math.inf) == following


def _short(value: float) -> str:
    text = f"{value:.4g}"
    if "e+" in text and abs(value) < 1e6:  # noqa: PLR2004 - no exponent up to there
        return str(int(float(text)))
    return text.replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
