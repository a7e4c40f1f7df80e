"""Values of a table that a bundle's contract refuses, and the server with it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from playbill.contract.column import Column
from playbill.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def refuse_outside(chunk: "pd.DataFrame", inputs: Sequence[Column]) -> None:
    """Refuse the first row that the server would refuse too."""
    for wrong, column, how, want in outside(chunk, inputs):
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            value = str(chunk[column.name].iloc[row])[:60]
            shown = "" if how == "is missing" else f"`{value}` "
            raise DataError(
                f"{shown or 'a value '}in the column `{column.name}` {how}",
                where=f"column `{column.name}`, row {row + 1}",
                expected=want,
            )


def outside(
    chunk: "pd.DataFrame", inputs: Sequence[Column]
) -> "Iterator[tuple[pd.Series, Column, str, str]]":
    """Yield which rows have a null, number or category outside of the contract, how, what fits."""
    import pandas as pd

    for column in inputs:
        values = chunk[column.name]
        missing = values.isna()
        if not column.nullable:
            yield missing, column, "is missing", "a value"
        if column.categories:
            wrong = ~missing & ~values.isin(column.categories)
            yield wrong, column, "is not allowed", f"one of {list(column.categories)}"
        if column.kind in {"number", "integer"}:
            numbers = pd.to_numeric(values, errors="coerce")
            low, high = column.minimum, column.maximum
            if low is not None:
                under = numbers <= low if column.exclusive_minimum else numbers < low
                yield under, column, "is too small", f"at least {low:g}"
            if high is not None:
                over = numbers >= high if column.exclusive_maximum else numbers > high
                yield over, column, "is too large", f"at most {high:g}"
