"""Runs the project's query (DuckDB) over the named sources and returns one table.

The query sees the named sources and nothing else: no file, no network, no extension. With one
thread and a required ORDER BY, equal sources give equal rows in equal order.
"""

import json
import re
import warnings
from typing import TYPE_CHECKING, Any

from playbill.config.nearest import nearest
from playbill.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb
    import pandas as pd
    import pyarrow as pa

WHERE = "source.query"
SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "enable_external_access": False,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
}
# Else a bar is drawn on the standard output, into the JSON that a command prints.
QUIET = "SET enable_progress_bar = false"
UNKNOWN_COLUMN = re.compile(
    r'column "([^"]+)" not found|does not have a column named "([^"]+)"', re.IGNORECASE
)
UNKNOWN_TABLE = re.compile(r"Table with name (\S+) does not exist")


def join(query: str, tables: "Mapping[str, pa.Table]") -> "pd.DataFrame":
    """Return the rows of `query` over `tables`, with the kinds of column that contracts know.

    Raises:
        ConfigError: The query is not one SELECT with an ORDER BY.
        DataError: It names what the sources do not have, fails on a value, or gives no rows.
    """
    import duckdb

    with duckdb.connect(config=SETTINGS) as connection:
        connection.execute(QUIET)
        _require_ordered_select(connection, query)
        for name, table in tables.items():
            connection.register(name, table)
        try:
            with warnings.catch_warnings():
                # DuckDB hands zoned times over by a pandas argument that pandas 3 deprecates
                warnings.simplefilter("ignore", DeprecationWarning)
                frame = connection.sql(query).df()
        except duckdb.Error as error:
            raise _explain(error, tables) from error
    if frame.empty:
        raise DataError(
            "the query gives no rows",
            where=WHERE,
            expected=f"rows from {', '.join(f'{n} ({t.num_rows})' for n, t in tables.items())}",
        )
    return plain(frame)


def plain(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return `frame` with int64, float64, bool, datetime64[ns] (UTC where zoned) and str only."""
    import pandas as pd

    return pd.DataFrame({name: _plain(name, column) for name, column in frame.items()})


def _plain(name: object, column: "pd.Series[Any]") -> "pd.Series[Any]":
    import pandas as pd
    from pandas.api import types

    dtype = column.dtype
    if types.is_bool_dtype(dtype):
        return column.astype("float64" if column.hasnans else "bool")
    if types.is_integer_dtype(dtype):
        return column.astype("float64" if column.hasnans else "int64")
    if types.is_float_dtype(dtype):
        return column.astype("float64")
    if isinstance(dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    if types.is_datetime64_dtype(column.dtype):
        return column.astype("datetime64[ns]")
    kind = types.infer_dtype(column, skipna=True)
    if isinstance(dtype, pd.CategoricalDtype) or kind in {"string", "empty"}:
        return column.astype("str")
    raise DataError(
        f"column `{name}` of the query holds values of kind {kind}",
        where=WHERE,
        expected="numbers, text, booleans or timestamps: cast it in the query",
    )


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


def _explain(error: Exception, tables: "Mapping[str, pa.Table]") -> DataError:
    text = str(error).split("\n\nLINE")[0].strip()
    expected = ""
    if found := UNKNOWN_COLUMN.search(text):
        columns = [name for table in tables.values() for name in table.column_names]
        expected = nearest(found[1] or found[2], columns)
    elif found := UNKNOWN_TABLE.search(text):
        text = text.split("\n", maxsplit=1)[0]
        expected = nearest(found[1].strip('"!'), tables)
    return DataError(f"the query failed: {text}", where=WHERE, expected=expected)
