"""Runs the project's query (DuckDB) over the named sources and writes one table, as Parquet.

The query sees the named sources and nothing else: no other file, no network, no extension. With one
thread and a required ORDER BY, equal sources give equal rows in equal order. Rows go from file to
file: what does not fit into memory is sorted on disk.
"""

import json
import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from playbill.config.nearest import nearest
from playbill.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import duckdb
    import pyarrow as pa

WHERE = "source.query"
GROUP_ROWS = 131_072
RESULT = "the query's result"
UNKNOWN_COLUMN = re.compile(
    r'column "([^"]+)" not found|does not have a column named "([^"]+)"', re.IGNORECASE
)
UNKNOWN_TABLE = re.compile(r"Table with name (\S+) does not exist")
# What Arrow and DuckDB read alike from a Parquet file.
_ALIKE = frozenset({
    "int64", "int32", "int16", "int8", "double", "float", "string", "bool", "date32[day]",
    "timestamp[ms]", "timestamp[us]", "timestamp[ns]",
})  # fmt: skip
# What a column becomes, by the beginning of its type's name.
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER",
          "UBIGINT")  # fmt: skip
_CASTS = {
    **dict.fromkeys(_WHOLE, "{}::BIGINT"),
    "BOOLEAN": "{}",
    "HUGEINT": "{}::DOUBLE",
    "UHUGEINT": "{}::DOUBLE",
    "DECIMAL": "{}::DOUBLE",
    '"NULL"': "{}::DOUBLE",
    "FLOAT": "CASE WHEN isnan({0}) THEN NULL ELSE {0}::DOUBLE END",
    "DOUBLE": "CASE WHEN isnan({0}) THEN NULL ELSE {0} END",
    "DATE": "{}::TIMESTAMP_NS",
    "TIMESTAMP WITH TIME ZONE": "({} AT TIME ZONE 'UTC')::TIMESTAMP_NS",
    "TIMESTAMP": "{}::TIMESTAMP_NS",
    "TIMESTAMP_S": "{}::TIMESTAMP_NS",
    "TIMESTAMP_MS": "{}::TIMESTAMP_NS",
    "TIMESTAMP_NS": "{}",
    "VARCHAR": "{}",
    "ENUM": "{}::VARCHAR",
    "UUID": "{}::VARCHAR",
    "JSON": "{}::VARCHAR",
}


def join(query: str, sources: "Mapping[str, pa.Table | Sequence[Path]]", target: Path) -> int:
    """Write the rows of `query` over `sources`, and return how many there are.

    Args:
        query: One SELECT with an ORDER BY.
        sources: Tables, or the Parquet files that make up one, by the name the query knows.
        target: The Parquet file; its columns are int64, float64, bool, timestamp[ns] (UTC where
            zoned) and text. What is missing is null; a whole number or a boolean of which some are
            missing is float64, as a table in memory would have it.

    Raises:
        ConfigError: The query is not one SELECT with an ORDER BY.
        DataError: It names what the sources do not have, fails on a value, or gives no rows.
    """
    import duckdb

    first = target.with_name(target.name + ".first")
    with _connect(target.parent, [first, target, *_files(sources)]) as connection:
        _require_ordered_select(connection, query)
        columns = {name: _offer(connection, name, rows) for name, rows in sources.items()}
        try:
            connection.execute(f"CREATE VIEW {quoted(RESULT)} AS {query}")
            rows = _write(connection, target, first)
        except duckdb.Error as error:
            raise _explain(error, columns) from error
        if not rows:
            counts = {name: _rows(connection, name) for name in sources}
            raise DataError(
                "the query gives no rows",
                where=WHERE,
                expected=f"rows from {', '.join(f'{n} ({c})' for n, c in counts.items())}",
            )
    return rows


def rewrite(table: Path, change: "Callable[[pa.Table], pa.Table]") -> None:
    """Let `change` pass over a table that `join` wrote, a batch of rows at a time.

    Args:
        table: The Parquet file; its columns have the same kinds afterwards as those of `join`.
        change: Gives each batch its new columns, the same for all.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    changed, first = (table.with_name(f"{table.name}.{word}") for word in ("changed", "first"))
    with ExitStack() as stack:
        file = stack.enter_context(pq.ParquetFile(table))
        writer: pq.ParquetWriter | None = None
        for batch in file.iter_batches(GROUP_ROWS):
            rows = change(pa.Table.from_batches([batch]))
            if writer is None:
                writer = pq.ParquetWriter(changed, rows.schema)
                stack.enter_context(writer)
            writer.write_table(rows)
    with _connect(table.parent, [changed, first, table]) as connection:
        connection.execute(
            f"CREATE VIEW {quoted(RESULT)} AS SELECT * FROM read_parquet({_text(changed)})"  # noqa: S608
        )
        _write(connection, table, first)
    changed.unlink()


def _write(connection: "duckdb.DuckDBPyConnection", target: Path, first: Path) -> int:
    """Write the result in the kinds that contracts know, and return how many rows it has."""
    plain = _plain(connection)
    _copy(connection, f"SELECT {plain} FROM {quoted(RESULT)}", target)  # noqa: S608
    rows, gaps = _counted(target)
    if rows and gaps:
        target.replace(first)
        text = ", ".join(f"{quoted(name)}::DOUBLE AS {quoted(name)}" for name in gaps)
        read = f"read_parquet({_text(first)})"
        _copy(connection, f"SELECT * REPLACE ({text}) FROM {read}", target)  # noqa: S608
        first.unlink()
    return rows


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def _connect(scratch: Path, files: "Sequence[Path]") -> "duckdb.DuckDBPyConnection":
    import duckdb

    connection = duckdb.connect(
        config={
            "threads": 1,
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
            "temp_directory": str(scratch / "spilled"),
        }
    )
    # Else a bar is drawn on the standard output, into the JSON that a command prints.
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"SET allowed_paths = [{', '.join(map(_text, files))}]")
    connection.execute("SET enable_external_access = false")
    return connection


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _files(sources: "Mapping[str, pa.Table | Sequence[Path]]") -> list[Path]:
    import pyarrow as pa

    return [p for rows in sources.values() if not isinstance(rows, pa.Table) for p in rows]


def _offer(
    connection: "duckdb.DuckDBPyConnection", name: str, rows: "pa.Table | Sequence[Path]"
) -> list[str]:
    """Let the query know a source by its name, and return its columns.

    Files of one schema are read as they are needed. Others become one table in memory, in which a
    column has the kind that holds all of its values.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not isinstance(rows, pa.Table):
        schemas = [pq.read_schema(path).remove_metadata() for path in rows]
        alike = all(schema == schemas[0] for schema in schemas)
        if schemas and alike and all(str(field.type) in _ALIKE for field in schemas[0]):
            read = f"read_parquet([{', '.join(map(_text, rows))}])"
            connection.execute(f"CREATE VIEW {quoted(name)} AS SELECT * FROM {read}")  # noqa: S608
            return list(schemas[0].names)
        rows = pa.concat_tables(map(pq.read_table, rows), promote_options="permissive")
    connection.register(name, rows)
    return list(rows.column_names)


def _plain(connection: "duckdb.DuckDBPyConnection") -> str:
    """Return the columns of the result in the kinds that contracts know, as SQL.

    Raises:
        DataError: One holds what no contract knows.
    """
    described = connection.execute(f"DESCRIBE {quoted(RESULT)}").fetchall()
    found = []
    for name, kind, *_ in described:
        cast = _CASTS.get(kind) or _CASTS.get(kind.partition("(")[0])
        if cast is None or kind.endswith("]"):
            raise DataError(
                f"column `{name}` of the query holds values of kind {kind[:60]}",
                where=WHERE,
                expected="numbers, text, booleans or timestamps: cast it in the query",
            )
        found.append(f"{cast.format(quoted(name))} AS {quoted(name)}")
    return ", ".join(found)


def _copy(connection: "duckdb.DuckDBPyConnection", query: str, target: Path) -> None:
    form = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {GROUP_ROWS}, USE_TMP_FILE false"
    connection.execute(f"COPY ({query}) TO {_text(target)} ({form})")


def _counted(path: Path) -> tuple[int, list[str]]:
    """Return the rows of a file, and its columns of whole numbers and booleans that have gaps."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        facts, schema = file.metadata, file.schema_arrow
        groups = [facts.row_group(number) for number in range(facts.num_row_groups)]
        gaps = [
            field.name
            for index, field in enumerate(schema)
            if str(field.type) in {"int64", "bool"}
            and any(_missing(group.column(index)) for group in groups)
        ]
        return facts.num_rows, gaps


def _missing(chunk: "pa.lib.ColumnChunkMetaData") -> bool:
    said = chunk.statistics
    return said is None or said.null_count is None or bool(said.null_count)


def _rows(connection: "duckdb.DuckDBPyConnection", name: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def _require_ordered_select(connection: "duckdb.DuckDBPyConnection", query: str) -> None:
    row = connection.execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0]
    tree = json.loads(row[0])
    if tree["error"]:
        raise ConfigError(
            f"the query cannot be read: {tree.get('error_message', '')}",
            where=WHERE,
            expected="one SELECT in DuckDB's SQL",
        )
    modifiers = tree["statements"][0]["node"]["modifiers"]
    if len(tree["statements"]) > 1 or all(m["type"] != "ORDER_MODIFIER" for m in modifiers):
        raise ConfigError(
            "the query leaves the order of its rows open",
            where=WHERE,
            expected="one SELECT that ends with ORDER BY, best by time and key",
        )


def _explain(error: Exception, sources: "Mapping[str, Sequence[str]]") -> DataError:
    text = str(error).split("\n\nLINE")[0].strip()
    expected = ""
    if found := UNKNOWN_COLUMN.search(text):
        columns = [name for names in sources.values() for name in names]
        expected = nearest(found[1] or found[2], columns)
    elif found := UNKNOWN_TABLE.search(text):
        text = text.split("\n", maxsplit=1)[0]
        expected = nearest(found[1].strip('"!'), sources)
    return DataError(f"the query failed: {text}", where=WHERE, expected=expected)
