"""The transformers of a compiled Pipeline: raw columns to the estimator's matrix, in NumPy.

The operations are scikit-learn's own, in its order, on the same doubles, so the results are equal
to the bit. Three kinds of block fill the matrix:

- `table`: a text column; each output is one number per word of the vocabulary;
- `scalar`: number columns through a chain of elementwise operations;
- `piece`: one number column through such a chain, then by equality with keys (an encoder) or by
  the interval between edges (bins) to one number for each output.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.bundle.runtime.cells import refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Columns = Sequence[NDArray[Any]]


DAY = 86_400
EPOCH_YEAR = 1970
CYCLE = 146_097 * DAY  # seconds of 400 years
LAST_SECOND = 10.0**12  # far beyond the year 9999, the last that a table can hold


def _fill(x: "Floats", value: "Floats") -> "Floats":
    return np.where(np.isnan(x), value, x)


def _round(x: "Floats") -> "Floats":
    """Round to single precision, as scikit-learn's own trees read their input."""
    with np.errstate(over="ignore"):
        return x.astype(np.float32).astype(np.float64)


def _part(unit: str, within: str) -> "Callable[[Floats], Floats]":
    """Return an operation on seconds since 1970 (UTC): units since the start of a longer one."""

    def operation(x: "Floats") -> "Floats":
        none = ~(np.abs(x) <= LAST_SECOND)
        moment = np.where(none, 0, np.floor(x)).astype("datetime64[s]")
        start = moment.astype(f"datetime64[{within}]").astype(f"datetime64[{unit}]")
        count = (moment.astype(f"datetime64[{unit}]") - start).astype(np.float64)
        return np.where(none, np.nan, count)

    return operation


def _year(x: "Floats") -> "Floats":
    none = ~(np.abs(x) <= LAST_SECOND)
    moment = np.where(none, 0, np.floor(x)).astype("datetime64[s]")
    years = moment.astype("datetime64[Y]").astype(np.int64) + EPOCH_YEAR
    return np.where(none, np.nan, years.astype(np.float64))


def _weekday(x: "Floats") -> "Floats":
    found: Floats = np.mod(np.floor(x / DAY) + 3, 7)  # 1970 began on a Thursday
    return found


def _week(x: "Floats") -> "Floats":
    """Return the week of ISO 8601: its Thursday's place in that day's year."""
    thursday = (np.floor(x / DAY) - _weekday(x) + 3) * DAY
    found: Floats = np.floor(_part("D", "Y")(thursday) / 7) + 1
    return found


def _local(x: "Floats", changes: "Floats", offsets: "Floats") -> "Floats":
    """Return local seconds of seconds in UTC; see `playbill.bundle.compiler.zone`."""
    late = x >= changes[-1]
    # The calendar, weekdays too, repeats itself after 400 years, and so do a zone's last rules.
    back = np.ceil((x - changes[-1] + 1) / CYCLE) * CYCLE
    within = np.where(late, x - back, x)
    found: Floats = x + offsets[np.searchsorted(changes, within, side="right")]
    return found


# Operation by name: its function and how many parameters it has for each column.
OPERATIONS: "Mapping[str, Callable[..., Floats]]" = {
    "fill": _fill,
    "missing": lambda x: np.isnan(x).astype(np.float64),
    "subtract": np.subtract,
    "divide": np.divide,
    "multiply": np.multiply,
    "add": np.add,
    "clip": np.clip,
    "float32": _round,
    "log": np.log,
    "log1p": np.log1p,
    "log2": np.log2,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "cbrt": np.cbrt,
    "exp": np.exp,
    "expm1": np.expm1,
    "sin": np.sin,
    "cos": np.cos,
    "minute": _part("m", "h"),
    "hour": _part("h", "D"),
    "weekday": _weekday,
    "week": _week,
    "day_of_year": lambda x: _part("D", "Y")(x) + 1,
    "local": _local,
    "day": lambda x: _part("D", "M")(x) + 1,
    "month": lambda x: _part("M", "Y")(x) + 1,
    "quarter": lambda x: np.floor(_part("M", "Y")(x) / 3) + 1,
    "year": _year,
}
Operation = tuple[str, tuple["Floats", ...]]


def operate(operations: Sequence[Operation], x: "Floats") -> "Floats":
    """Return `x` after the operations; parameters broadcast against its last axis."""
    with np.errstate(all="ignore"):
        for name, parameters in operations:
            x = OPERATIONS[name](x, *parameters)
    return x


def pieces(x: "Floats", keys: "Floats", mode: str) -> "NDArray[np.int64]":
    """Return the code of each value: a key's place (`equal`) or an interval's (`right`).

    With k keys the codes are 0 to k - 1 for a key and k for another value, or 0 to k for the
    intervals; k + 1 is the code of NaN.
    """
    missing = np.isnan(x)
    if mode == "right":
        codes = np.searchsorted(keys, x, side="right")
    else:
        codes = np.searchsorted(keys, x, side="left")
        inside = np.minimum(codes, len(keys) - 1)
        codes = np.where(keys[inside] == x, inside, len(keys)) if len(keys) else codes
    return np.where(missing, len(keys) + 1, codes)


def piece(x: float, keys: list[float], mode: str) -> int:
    """Return what `pieces` returns for one value."""
    if x != x:  # noqa: PLR0124 - NaN
        return len(keys) + 1
    if mode == "right":
        return bisect_right(keys, x)
    at = bisect_left(keys, x)
    return at if at < len(keys) and keys[at] == x else len(keys)


@dataclass(frozen=True)
class Table:
    """A text column's outputs.

    Attributes:
        source: Place of the column among the contract's inputs.
        out: Places of the outputs in the matrix, shape (m,).
        values: Output by code, shape (codes, m).
        bad: Whether the Pipeline refuses the code, shape (codes,).
    """

    source: int
    out: "NDArray[np.int64]"
    values: "Floats"
    bad: "NDArray[np.bool_]"


@dataclass(frozen=True)
class Scalar:
    """Number columns with the same chain; `operations` have parameters of shape (m,)."""

    sources: "NDArray[np.int64]"
    out: "NDArray[np.int64]"
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class Piece:
    """A number column whose outputs are constant between breaks; see `Table` and `pieces`."""

    source: int
    out: "NDArray[np.int64]"
    operations: tuple[Operation, ...]
    keys: "Floats"
    mode: str
    values: "Floats"
    bad: "NDArray[np.bool_]"


@dataclass(frozen=True)
class Preparation:
    """All blocks of a Pipeline.

    Attributes:
        names: The contract's input columns, for errors.
        width: Columns of the matrix.
        tables: Blocks of text columns.
        scalars: Blocks of number columns.
        steps: Blocks of number columns with breaks.
    """

    names: tuple[str, ...]
    width: int
    tables: tuple[Table, ...]
    scalars: tuple[Scalar, ...]
    steps: tuple[Piece, ...]

    def matrix(self, columns: "Columns") -> "Floats":
        """Return the estimator's input, shape (n, width).

        Args:
            columns: Codes of each text column, numbers of each other one, shape (n,) each.

        Raises:
            DataError: A transformer of the Pipeline refuses a value.
        """
        x = np.empty((len(columns[0]) if columns else 0, self.width), dtype=np.float64)
        for table in self.tables:
            codes = columns[table.source]
            self._refuse(table.bad[codes], table.source)
            x[:, table.out] = table.values[codes]
        for block in self.scalars:
            raw = np.stack([columns[source] for source in block.sources], axis=1)
            x[:, block.out] = operate(block.operations, raw)
        for step in self.steps:
            codes = pieces(operate(step.operations, columns[step.source]), step.keys, step.mode)
            self._refuse(step.bad[codes], step.source)
            x[:, step.out] = step.values[codes]
        return x

    def _refuse(self, bad: "NDArray[np.bool_]", source: int) -> None:
        if bad.any():
            raise refused(self.names[source], int(bad.argmax()), "one that the model takes")
