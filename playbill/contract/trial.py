"""Tries a Parquet file against the contract: DuckDB on what is compiled, pandera on the rest.

The file is read in batches, whatever its size. What needs a whole column, uniqueness, is settled by
eight bytes a row, and on disk where there are duplicates. Columns that pandera must judge are read
alone.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config.scratch import fresh
from playbill.contract.compiled import NO_GAPS, Check, checks_of
from playbill.contract.validation import (
    EXAMPLES,
    WHERE,
    Failure,
    failures,
    masked,
    refusal,
    show,
)
from playbill.errors import DataError

if TYPE_CHECKING:
    import duckdb

# Keys of a schema that speak of the table as a whole, and what they are when they say nothing.
_WHOLE = {
    "checks": None, "index": None, "dtype": None, "coerce": False, "ordered": False, "unique": None,
    "unique_column_names": False, "add_missing_columns": False, "drop_invalid_rows": False,
}  # fmt: skip
# How pandas' own note in a Parquet file calls what it reads back as a plain column.
_PLAIN = ("object", "str", "bool", "int", "float", "datetime64[")


@dataclass(frozen=True)
class Table:
    """A file that is open: its path, connection, SQL, DuckDB's types by column, and its rows."""

    path: Path
    connection: "duckdb.DuckDBPyConnection"
    read: str
    types: Mapping[str, str]
    rows: int

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.connection.execute(query).fetchall()

    def value(self, column: str) -> str:
        """Return a column as SQL; NaN is a missing value, as in pandas."""
        name = '"' + column.replace('"', '""') + '"'
        if self.types[column] == "DOUBLE":
            return f"(CASE WHEN isnan({name}) THEN NULL ELSE {name} END)"
        return name


def validate(
    path: Path, schema: Mapping[str, Any], *, name: str, personal: Collection[str] = ()
) -> Path:
    """Return `path` if its table keeps the contract.

    Args:
        path: A Parquet file.
        schema: pandera's form of the contract.
        name: What the table is called in messages.
        personal: Columns of whose values a message shows the form alone.

    Raises:
        DataError: The table is empty.
        ContractError: It breaks the contract; every broken check is listed.
    """
    with opened(path) as table:
        found = tried(table, schema, name=name)
        if found:
            shown = [masked(one) if one.column in personal else one for one in found]
            raise refusal(shown, list(table.types), name=name)
    return path


@contextmanager
def opened(path: Path) -> Iterator[Table]:
    """Open a Parquet file to be tried."""
    import duckdb

    settings: dict[str, Any] = {"threads": 1, "temp_directory": str(fresh(Path.cwd(), "spilled"))}
    with duckdb.connect(config=settings) as connection:
        connection.execute("SET enable_progress_bar = false")  # it goes to the standard output
        text = "'" + str(path).replace("'", "''") + "'"
        read = f"read_parquet({text}, file_row_number = true)"
        described = connection.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()  # noqa: S608
        types = {str(name): str(kind) for name, kind, *_ in described[:-1]}
        strange = _extended(connection, text)
        types = {name: "" if name in strange else kind for name, kind in types.items()}
        counted = f"SELECT num_rows FROM parquet_file_metadata({text})"  # noqa: S608
        yield Table(path, connection, read, types, connection.execute(counted).fetchall()[0][0])


def _extended(connection: "duckdb.DuckDBPyConnection", text: str) -> set[str]:
    """Return the columns that pandas would read as one of its own dtypes, as Int64."""
    query = f"SELECT value FROM parquet_kv_metadata({text}) WHERE key = 'pandas'"  # noqa: S608
    notes = connection.execute(query).fetchall()
    said = json.loads(notes[0][0])["columns"] if notes else []
    return {str(c["name"]) for c in said if not str(c["numpy_type"]).startswith(_PLAIN)}


def tried(
    table: Table,
    schema: Mapping[str, Any],
    *,
    name: str,
    wanted: Collection[tuple[str, str]] = (),
) -> list[Failure]:
    """Return every check that a table breaks, in the order of the schema.

    Args:
        table: The open file.
        schema: pandera's form of the contract.
        name: What the table is called in messages.
        wanted: Columns and canonical checks of which the rows are told.

    Raises:
        DataError: The table is empty.
    """
    if not table.rows:
        raise DataError(
            f"{name} is empty", where=WHERE, expected="at least one row", run="look at the source"
        )
    if any(schema.get(key, off) != off for key, off in _WHOLE.items()):
        return _by_pandera(table.path, schema, name, None)
    if schema.get("strict") == "filter" or any((s or {}).get("regex") for s in _specs(schema)):
        return _by_pandera(table.path, schema, name, None)
    specs = {str(column): spec or {} for column, spec in schema["columns"].items()}
    missing = [c for c, s in specs.items() if c not in table.types and s.get("required", True)]
    found = [Failure("column_in_dataframe", column, 0, ()) for column in missing]
    if schema.get("strict"):
        strays = [column for column in table.types if column not in specs]
        found += [Failure("column_in_schema", column, 0, ()) for column in strays]
    here = {column: spec for column, spec in specs.items() if column in table.types}
    compiled = {column: checks_of(spec, table.types[column]) for column, spec in here.items()}
    counts = _counts(table, compiled)
    for column, spec in here.items():
        checks = compiled[column]
        if checks is None or (counts[column][0] and table.types[column] in NO_GAPS):
            only = {**schema, "columns": {column: spec}, "strict": False}
            found += _by_pandera(table.path, only, name, [column])
        else:
            for failure in _broken(table, column, spec, checks, counts[column][1:]):
                is_wanted = (column, failure.check.partition("(")[0]) in wanted
                found.append(_with_rows(table, failure, spec, checks) if is_wanted else failure)
    return found


def _with_rows(
    table: Table, failure: Failure, spec: Mapping[str, Any], checks: Sequence[Check]
) -> Failure:
    """Return a failure that tells the positions of its rows."""
    value = table.value(failure.column)
    (check,) = (check for check in checks if check.title == failure.check)
    if check.name == "unique":
        window = f"PARTITION BY {value}"
        order = {"exclude_last": "file_row_number DESC"}.get(
            spec.get("report_duplicates", "all"), "file_row_number"
        )
        later = "" if spec.get("report_duplicates", "all") == "all" else "AND place > 1"
        query = (
            f"SELECT n FROM (SELECT file_row_number AS n, {value} AS v, "  # noqa: S608
            f"row_number() OVER ({window} ORDER BY {order}) AS place, "
            f"count(*) OVER ({window}) AS many FROM {table.read}) "
            f"WHERE v IS NOT NULL AND many > 1 {later} ORDER BY n"
        )
    else:
        wrong = check.fails.format(v=value)
        query = f"SELECT file_row_number AS n FROM {table.read} WHERE {wrong} ORDER BY n"  # noqa: S608
    return replace(failure, rows=[row for (row,) in table.ask(query)])


def _specs(schema: Mapping[str, Any]) -> list[Mapping[str, Any] | None]:
    return list(schema["columns"].values())


def _by_pandera(
    path: Path, schema: Mapping[str, Any], name: str, columns: list[str] | None
) -> list[Failure]:
    import pandas as pd

    return failures(pd.read_parquet(path, columns=columns), schema, name=name)


def _counts(table: Table, compiled: Mapping[str, Sequence[Check] | None]) -> dict[str, list[int]]:
    """Return by compiled column how many values are missing and how many break each check.

    One pass over the file; `unique` counts none here.
    """
    asked: list[str] = []
    places: dict[str, int] = {}
    for column, checks in compiled.items():
        if checks is not None:
            places[column] = len(asked)
            value = table.value(column)
            asked.append(f"count(*) FILTER (WHERE {value} IS NULL)")
            asked += [
                f"count(*) FILTER (WHERE {check.fails.format(v=value) or 'FALSE'})"
                for check in checks
            ]
    if not asked:
        return {}
    numbers = table.ask(f"SELECT {', '.join(asked)} FROM {table.read}")[0]  # noqa: S608
    return {
        column: list(numbers[place : place + 1 + len(compiled[column] or ())])
        for column, place in places.items()
    }


def _broken(
    table: Table,
    column: str,
    spec: Mapping[str, Any],
    checks: Sequence[Check],
    counts: Sequence[int],
) -> Iterator[Failure]:
    for check, count in zip(checks, counts, strict=True):
        if check.name == "unique":
            yield from _repeated(table, column, check, spec.get("report_duplicates", "all"))
        elif count:
            value = table.value(column)
            bad = f"SELECT {value} AS v, file_row_number AS n FROM {table.read}"  # noqa: S608
            wrong = check.fails.format(v="v")
            examples = _examples(table, f"SELECT v, min(n) AS n FROM ({bad}) WHERE {wrong}")  # noqa: S608
            yield Failure(check.title, column, count, examples)


def _repeated(table: Table, column: str, check: Check, reported: str) -> Iterator[Failure]:
    import numpy as np

    value = table.value(column)
    value = f"({value} + 0.0)" if table.types[column] == "DOUBLE" else value  # -0.0 is 0.0
    hashed = f"SELECT hash({value}) AS h FROM {table.read}"  # noqa: S608
    hashes = np.sort(table.connection.execute(hashed).fetchnumpy()["h"])
    if not (hashes[1:] == hashes[:-1]).any():
        return
    del hashes
    groups = (
        f"SELECT {value} AS v, count(*) AS many, min(file_row_number) AS n "  # noqa: S608
        f"FROM {table.read} GROUP BY v HAVING many > 1 AND v IS NOT NULL"
    )
    more = "many" if reported == "all" else "many - 1"
    count = table.ask(f"SELECT coalesce(sum({more}), 0)::BIGINT FROM ({groups})")[0][0]  # noqa: S608
    if count:
        examples = _examples(table, f"SELECT v, min(n) AS n FROM ({groups}) WHERE v IS NOT NULL")  # noqa: S608
        yield Failure(check.title, column, count, examples)


def _examples(table: Table, query: str) -> tuple[str, ...]:
    """Return the first values of those that a query selects, in the order of the rows."""
    first = f"SELECT v FROM ({query} GROUP BY v) WHERE v IS NOT NULL ORDER BY n LIMIT {EXAMPLES}"  # noqa: S608
    found = [row[0] for row in table.ask(first)]
    return tuple(dict.fromkeys(show(value) for value in found))
