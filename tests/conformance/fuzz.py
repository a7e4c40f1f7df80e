"""The same rows for `validate` and for a server: what a contract's columns can hold, and cannot.

A row is drawn column by column: mostly what the contract takes, its edges among it, sometimes what
it must refuse. Both sides get the row as JSON has it: the server as a request, `validate` as the
one row of a table whose columns have the types that an ingest gives them.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from playbill.config.schema import Contract
from playbill.contract.column import Column, inputs
from playbill.contract.validation import failures

Row = dict[str, Any]
BAD = 0.5  # share of the rows in which one value is outside of the contract


def draw(column: Column, rng: np.random.Generator) -> Any:
    """Return a value that a column takes, its edges among them."""
    if column.nullable and rng.random() < 0.15:
        return None
    if column.kind in {"number", "integer"}:
        return _number(column, rng)
    if column.kind == "boolean":
        return bool(rng.random() < 0.5)
    if column.kind == "datetime":
        moment = pd.Timestamp("2013-01-01") + pd.Timedelta(seconds=int(rng.integers(0, 10**9)))
        return moment.isoformat()
    if column.categories:
        return str(rng.choice(list(column.categories)))
    return str(rng.choice(["UA", "", "é", "a" * 40, "0", "nan", "None", " x "]))


def _edges(column: Column) -> tuple[float, float]:
    low = -1000.0 if column.minimum is None else float(column.minimum)
    high = low + 2000.0 if column.maximum is None else float(column.maximum)
    return low, high


def _number(column: Column, rng: np.random.Generator) -> Any:
    low, high = _edges(column)
    if column.kind == "integer":
        first = math.floor(low) + 1 if column.exclusive_minimum else math.ceil(low)
        last = math.ceil(high) - 1 if column.exclusive_maximum else math.floor(high)
        return int(rng.choice([first, last, int(rng.integers(first, last, endpoint=True))]))
    inner = float(rng.uniform(low, high))
    below = math.nextafter(high, low)
    above = math.nextafter(low, high)
    return float(rng.choice([inner, above, below, round(inner, 1) if low < round(inner, 1) < high
                             else inner]))  # fmt: skip


def _outside(column: Column, rng: np.random.Generator) -> Any:
    low, high = _edges(column)
    strange: list[Any] = []
    if column.kind in {"number", "integer"}:
        whole = column.kind == "integer"
        strange += ["x", None] if not column.nullable else ["x"]
        if column.minimum is not None:
            strange += [low - 1 if not whole else int(low) - 1]
            strange += [low if not whole else int(low)] if column.exclusive_minimum else []
            strange += [] if whole else [math.nextafter(low, -math.inf)]
        if column.maximum is not None:
            strange += [high + 1 if not whole else int(high) + 1]
            strange += [] if whole else [math.nextafter(high, math.inf)]
        strange += [low + 0.5] if whole else []
    elif column.kind == "text":
        strange += ["not a category"] if column.categories else []
        strange += [] if column.nullable else [None]
    elif column.kind == "boolean":
        strange += ["maybe", None]
    else:
        strange += ["yesterday", None]
    return strange[int(rng.integers(len(strange)))] if strange else draw(column, rng)


def rows(contract: Contract, count: int, seed: int) -> list[Row]:
    """Return rows of a contract's inputs."""
    rng = np.random.default_rng(seed)
    asked = inputs(contract)
    found = []
    for _ in range(count):
        row = {column.name: draw(column, rng) for column in asked}
        if rng.random() < BAD:
            column = asked[int(rng.integers(len(asked)))]
            row[column.name] = _outside(column, rng)
        found.append(row)
    return found


def taken(contract: Contract, found: Sequence[Row]) -> list[bool]:
    """Say of each row whether `validate` takes it.

    Rows of which every value is of its column's type are validated in one table, pandera telling
    which rows break a check; each other row is a table of its own, as an ingest would bring it.
    """
    plain = [_typed(contract, row) for row in found]
    verdicts = [False] * len(found)
    whole = [n for n, row in enumerate(plain) if row is not None]
    if whole:
        frame = _frame(contract, [plain[n] or {} for n in whole])
        bad = _broken(contract, frame)
        for place, number in enumerate(whole):
            verdicts[number] = place not in bad
    for number, row in enumerate(plain):
        if row is None:
            verdicts[number] = not _alone(contract, found[number])
    return verdicts


def _typed(contract: Contract, row: Row) -> Row | None:
    """Return a row whose values are of their columns' types, or None."""
    kinds = {"number": (int, float), "integer": (int,), "text": (str,), "boolean": (bool,)}
    for column in inputs(contract):
        value = row[column.name]
        if value is None:
            if not column.nullable:
                return None
        elif column.kind == "datetime":
            if value == "yesterday":
                return None
        elif not isinstance(value, kinds[column.kind]) or (
            isinstance(value, bool) and column.kind != "boolean"
        ):
            return None
    return dict(row)


DTYPES = {"number": "float64", "integer": "int64", "boolean": "bool", "datetime": "datetime64[ns]"}


def _frame(contract: Contract, found: Sequence[Row]) -> pd.DataFrame:
    frame = pd.DataFrame({c.name: [row[c.name] for row in found] for c in inputs(contract)})
    dtypes: dict[str, Any] = {c.name: DTYPES.get(c.kind, "str") for c in inputs(contract)}
    return frame.astype(dtypes)


def _schema(contract: Contract) -> dict[str, Any]:
    names = {column.name for column in inputs(contract)}
    schema = dict(contract.schema_)
    schema["columns"] = {n: spec for n, spec in schema["columns"].items() if n in names}
    return schema


def _broken(contract: Contract, frame: pd.DataFrame) -> set[int]:
    """Return the rows of a typed table that break a check of `validate`."""
    import pandera.errors

    from playbill.contract.validation import _read

    try:
        _read(_schema(contract)).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases
        assert not cases["index"].isna().any(), cases[cases["index"].isna()]
        return {int(place) for place in cases["index"]}
    return set()


def _alone(contract: Contract, row: Row) -> bool:
    """Say whether `validate` refuses a table of this row alone."""
    frame = pd.DataFrame({name: pd.Series([value], dtype=object) for name, value in row.items()})
    frame = frame.infer_objects()
    for column in inputs(contract):
        value = row[column.name]
        if column.kind == "datetime" and isinstance(value, str) and value != "yesterday":
            frame[column.name] = pd.to_datetime(frame[column.name]).astype("datetime64[ns]")
        elif column.kind == "text" and (value is None or isinstance(value, str)):
            frame[column.name] = frame[column.name].astype("str")
        elif column.kind == "number" and (value is None or type(value) is int):
            frame[column.name] = frame[column.name].astype("float64")
    return bool(failures(frame, _schema(contract), name="the row"))


def as_body(row: Row) -> bytes:
    """Return the request that a row is."""
    return json.dumps(row, allow_nan=True).encode()
