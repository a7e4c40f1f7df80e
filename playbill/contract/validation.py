"""Tries a table against pandera's schema and reports every broken check at once, in few lines."""

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from playbill.config.nearest import nearest
from playbill.contract.mask import mask
from playbill.errors import ConfigError, ContractError, DataError

if TYPE_CHECKING:
    import pandas as pd
    from pandera.pandas import DataFrameSchema

EXAMPLES = 5
LISTED = 20
WHERE = "contract.schema"
CASTS = {"datetime64": "TIMESTAMP", "float": "DOUBLE", "int": "BIGINT"}  # DuckDB's types by NumPy's


@dataclass(frozen=True)
class Failure:
    """One check that one column broke; `rows` are their positions where they are known."""

    check: str
    column: str
    count: int
    examples: tuple[str, ...]
    rows: "Sequence[int]" = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        """Render the failure as a line: column, check, rows, examples."""
        shown = f": {', '.join(self.examples)}" if self.examples else ""
        rows = f" ({self.count} rows)" if self.count else ""
        return f"{self.column}: {self.check}{rows}{shown}"


def validate(
    frame: "pd.DataFrame",
    schema: Mapping[str, Any],
    *,
    name: str,
    personal: Collection[str] = (),
) -> "pd.DataFrame":
    """Return `frame` if it keeps the contract; it is not copied.

    Args:
        frame: The table.
        schema: pandera's form of the contract.
        name: What the table is called in messages.
        personal: Columns of whose values a message shows the form alone.

    Raises:
        DataError: The table is empty.
        ContractError: It breaks the contract; every broken check is listed.
    """
    found = failures(frame, schema, name=name, personal=personal)
    if found:
        raise refusal(found, list(map(str, frame.columns)), name=name)
    return frame


def refusal(found: Sequence[Failure], names: Sequence[str], *, name: str) -> ContractError:
    """Return the error for a table with the columns `names` that breaks its contract."""
    lines = [f"  - {failure}" for failure in found[:LISTED]]
    if len(found) > LISTED:
        lines.append(f"  and {len(found) - LISTED} more")
    near = [nearest(f.column, names) for f in found if f.check == "column_in_dataframe"]
    return ContractError(
        f"{name} breaks its contract in {len(found)} checks:\n" + "\n".join(lines),
        where=f"{WHERE}.columns.{found[0].column}" if found[0].column else WHERE,
        expected="; ".join(text for text in near if text.startswith("`")),
        run=_way(found),
    )


def _way(found: Sequence[Failure]) -> str:
    """Return what mends a table: of a column of the wrong kind, how SQL casts it."""
    wrong = [(kind, f.column) for f in found for kind in CASTS if f"dtype('{kind}" in f.check]
    cast = f", as {wrong[0][1]}::{CASTS[wrong[0][0]]} in conf/source's query" if wrong else ""
    return f"correct the data or its query{cast}, or the contract if it asks too much"


def failures(
    frame: "pd.DataFrame",
    schema: Mapping[str, Any],
    *,
    name: str,
    personal: Collection[str] = (),
) -> list[Failure]:
    """Return every check that `frame` breaks, in the order of the schema."""
    import pandera.errors

    if frame.empty:
        raise DataError(
            f"{name} is empty", where=WHERE, expected="at least one row", run="look at the source"
        )
    try:
        _read(schema).validate(frame, lazy=True, inplace=True)
    except pandera.errors.SchemaErrors as error:
        found = _records(error.failure_cases, frame)
        return [masked(one) if one.column in personal else one for one in found]
    return []


def masked(failure: Failure) -> Failure:
    """Return a failure that shows of its examples the form alone."""
    forms = dict.fromkeys(mask(text.strip("`")) for text in failure.examples)
    return replace(failure, examples=tuple(f"`{form}`" for form in forms))


def _read(schema: Mapping[str, Any]) -> "DataFrameSchema":
    from pandera.io import pandas_io

    deserialize: Callable[[Mapping[str, Any]], DataFrameSchema] = pandas_io.deserialize_schema
    try:
        return deserialize(copy.deepcopy({"schema_type": "dataframe", **schema}))
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise ConfigError(
            f"pandera cannot read the schema: {error}",
            where=WHERE,
            expected="pandera's YAML form of a DataFrameSchema",
        ) from error


def _records(cases: "pd.DataFrame", frame: "pd.DataFrame") -> list[Failure]:
    found = []
    for (column, check), rows in cases.fillna({"column": ""}).groupby(
        ["column", "check"], sort=False
    ):
        if str(check).startswith("column_in"):  # the case itself is the column's name
            found += [Failure(str(check), str(case), 0, ()) for case in rows["failure_case"]]
        elif str(check).startswith("dtype("):
            found.append(_wrong_kind(str(column), str(check), frame))
        elif not rows["index"].isna().all():
            examples = rows["failure_case"].dropna().drop_duplicates().head(EXAMPLES)
            shown, places = tuple(map(show, examples)), rows["index"].astype("int64").tolist()
            found.append(Failure(str(check), str(column), len(rows), shown, places))
        elif not any(f.column == column for f in found):  # the check itself could not run
            found.append(Failure(f"{check} cannot be tried", str(column), 0, ()))
    return found


def _wrong_kind(column: str, check: str, frame: "pd.DataFrame") -> Failure:
    """Name the values that keep a column from being of its kind, if some do."""
    import pandas as pd

    values = frame[column]
    title = f"{check}, not {values.dtype}"
    if not check.startswith(("dtype('float", "dtype('int")) or values.dtype.kind in "biufM":
        return Failure(title, column, 0, ())
    bad = values[pd.to_numeric(values, errors="coerce").isna() & values.notna()]
    examples = bad.drop_duplicates().head(EXAMPLES)
    return Failure(title, column, len(bad), tuple(map(show, examples)))


def show(value: object) -> str:
    """Return a value as a report shows it."""
    return f"`{str(value)[:60]}`"
