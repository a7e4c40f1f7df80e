"""A first contract for data that has none: what was seen, written down for people to review.

DuckDB looks at the file, so it need not fit into memory. What is seen is not what is possible:
every range and list carries the word `seen`, every guess the word `guess`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config.nearest import nearest
from playbill.contract.personal import guess
from playbill.errors import DataError, UsageError

if TYPE_CHECKING:
    import duckdb

# Texts with at most so many values, each so often on average, are a list of categories.
CATEGORIES, OFTEN = 20, 5
SAMPLE = 1000
BOOLEANS = {"True", "False", "true", "false", "TRUE", "FALSE"}  # of CSV, as pandas reads it
_KINDS = {"BOOLEAN": "bool", "VARCHAR": "str", "DATE": "time", "TIMESTAMP": "time"}
_NUMBERS = ("DOUBLE", "FLOAT", "DECIMAL")
_BINARY = 2


@dataclass(frozen=True)
class Seen:
    """What was seen of a column.

    Attributes:
        name: The column.
        dtype: As pandera writes it.
        missing: How many values are missing.
        distinct: How many values differ.
        low: The least value; None for texts.
        high: The greatest.
        values: All values if they are few.
        personal: Why it seems to hold personal data.
    """

    name: str
    dtype: str
    missing: int
    distinct: int
    low: Any
    high: Any
    values: tuple[Any, ...] | None
    personal: str | None


@dataclass(frozen=True)
class Inferred:
    """What was seen of a table, and which columns seem to be its key, its time and its target."""

    file: str
    rows: int
    columns: tuple[Seen, ...]
    key: str | None
    time: str | None
    target: str | None


def infer(
    path: Path, *, key: str | None = None, time: str | None = None, target: str | None = None
) -> Inferred:
    """Look at a Parquet or CSV file.

    Args:
        path: The file.
        key: Column that identifies a row; None: the first whose values all differ.
        time: Column with the time of a row; None: the first of that kind.
        target: Column to predict; None: nobody can guess it.

    Raises:
        DataError: The file cannot be read or has no rows.
        UsageError: A named column does not exist.
    """
    import duckdb

    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET enable_progress_bar = false")  # it goes to the standard output
        try:
            view(connection, path)
            described = connection.execute("DESCRIBE t").fetchall()
            rows = _one(connection, "SELECT count(*) FROM t")[0]
            if not rows:
                raise DataError(f"{path.name} has no rows", expected="rows to infer from")
            seen = tuple(_look(connection, str(n), str(kind), rows) for n, kind, *_ in described)
        except duckdb.Error as error:
            raise DataError(
                f"{path.name} cannot be read: {str(error).splitlines()[0]}",
                where=path.name,
                expected="a Parquet or CSV file",
            ) from error
    names = [column.name for column in seen]
    for role, name in {"key": key, "time": time, "target": target}.items():
        if name is not None and name not in names:
            raise UsageError(
                f"there is no column `{name}`", where=f"--{role}", expected=nearest(name, names)
            )
    whole = [c.name for c in seen if c.distinct == rows and c.dtype in ("str", "int64")]
    times = [c.name for c in seen if c.dtype.startswith("datetime")]
    others = [name for name in names if name != target]
    return Inferred(
        path.name, rows, seen,
        key or next((n for n in whole if n in others), None),
        time or next((n for n in times if n in others), None),
        target,
    )  # fmt: skip


def view(connection: "duckdb.DuckDBPyConnection", path: Path) -> None:
    """Let `t` be the table of a file, its columns of the types that they have after ingest.

    DuckDB takes `yes` and `no` for booleans, pandas takes them for texts.
    """
    if path.suffix == ".parquet":
        reader = f"read_parquet({_text(path.as_posix())})"
    else:
        kinds = "['BIGINT', 'DOUBLE', 'TIMESTAMP', 'VARCHAR']"
        reader = f"read_csv({_text(path.as_posix())}, auto_type_candidates = {kinds})"
    connection.execute(f"CREATE VIEW t AS SELECT * FROM {reader}")  # noqa: S608


def as_yaml(found: Inferred) -> str:
    """Return a file for `conf/contract`, with a comment at whatever a person must decide."""
    lines = [
        "# yaml-language-server: $schema=../.schema/contract.json",
        f"# Inferred from {found.rows:,} rows of {found.file} by `playbill contract infer`: review",
        "# every line. A range says what was seen; write what is possible instead.",
        "schema:", "  schema_type: dataframe", "  strict: true", "  columns:",
    ]  # fmt: skip
    for column in found.columns:
        lines += _schema(column, found)
    lines.append("columns:")
    for column in found.columns:
        lines += _roles(column, found)
    if found.key is None:
        lines.append("# guess: no column identifies a row; one needs `role: key`")
    if found.target is None:
        lines.append("# nobody can guess which column is predicted; one needs `role: target`")
    return "\n".join(lines) + "\n"


def _schema(column: Seen, found: Inferred) -> list[str]:
    lines = [f"    {_name(column)}:", f"      dtype: {column.dtype}"]
    share = f"  # seen: {column.missing / found.rows:.2%} missing" if column.missing else ""
    lines.append(f"      nullable: {'true' if column.missing else 'false'}{share}")
    if column.name == found.key and column.distinct == found.rows:
        lines.append("      unique: true  # seen")
    if column.values is not None and column.personal is None:
        lines.append(f"      isin: [{', '.join(map(_text, column.values))}]  # seen")
    elif column.low is not None and column.personal is None:
        lines.append(
            f"      in_range: {{min_value: {_text(column.low)}, max_value: {_text(column.high)}}}"
            "  # seen"
        )
    return lines


def _roles(column: Seen, found: Inferred) -> list[str]:
    role = {found.key: "key", found.time: "time", found.target: "target"}.get(column.name)
    lines = [f"    role: {role}" + ("" if role == "target" else "  # guess")] if role else []
    if column.personal is not None:
        lines.append(f"    personal: true  # guess: {column.personal}")
    lines.append("    description: ''  # what it means, for the server's documentation")
    return [f"  {_name(column)}:", *lines]


def _name(column: Seen) -> str:
    """Return the column as a key of YAML; `y`, `no` and the like are no text without quotes."""
    plain = column.name.isidentifier() and len(column.name) > len("false")
    return column.name if plain else _text(column.name)


def _look(connection: "duckdb.DuckDBPyConnection", name: str, kind: str, rows: int) -> Seen:
    column = '"' + name.replace('"', '""') + '"'
    base = kind.partition("(")[0].partition(" ")[0]
    counts = f"SELECT count({column}), count(DISTINCT {column}) FROM t"  # noqa: S608 - quoted
    known, distinct = _one(connection, counts)
    missing = rows - known
    dtype = _dtype(base, missing)
    low = high = None
    if dtype in ("int64", "float64") and base != "BOOLEAN":
        ends = f"SELECT min({column})::DOUBLE, max({column})::DOUBLE FROM t"  # noqa: S608
        low, high = (_plain(value, dtype) for value in _one(connection, ends))
    sample = (
        f"SELECT DISTINCT {column} FROM t WHERE {column} IS NOT NULL "  # noqa: S608
        f"ORDER BY 1 LIMIT {SAMPLE}"
    )
    values = [row[0] for row in connection.execute(sample).fetchall()]
    if dtype == "str" and not missing and values and {*values} <= BOOLEANS:
        dtype, values = "bool", []
    few = _few(dtype, distinct, known)
    personal = guess(name, [str(value) for value in values] if dtype == "str" else [])
    listed = tuple(_plain(v, dtype) for v in values) if few else None
    return Seen(name, dtype, missing, distinct, low, high, listed, personal)


def _dtype(base: str, missing: int) -> str:
    """Return the dtype that a column of this kind has after ingest."""
    kind = _KINDS.get(base, "str" if base in ("UUID", "ENUM") else "number")
    if kind == "time":
        return "datetime64[ns]"
    if kind == "bool":
        return "float64" if missing else "bool"
    if kind == "number":
        return "float64" if missing or base in _NUMBERS else "int64"
    return "str"


def _few(dtype: str, distinct: int, known: int) -> bool:
    if dtype == "str":
        return 0 < distinct <= CATEGORIES and known >= OFTEN * distinct
    return dtype in ("int64", "float64") and 0 < distinct <= _BINARY and known >= OFTEN * distinct


def _plain(value: Any, dtype: str) -> Any:
    if dtype == "int64":
        return int(value)
    return float(value) if dtype == "float64" and value is not None else value


def _one(connection: "duckdb.DuckDBPyConnection", query: str) -> Sequence[Any]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row


def _text(value: Any) -> str:
    """Return a value as YAML writes it; texts in single quotes, which SQL reads too."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else repr(value)
