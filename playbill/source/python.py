"""Sources of kind `python`: a function of the project returns, or yields, the rows of a window."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from playbill.config.source import PythonSource
from playbill.config.target import import_target
from playbill.errors import DataError, PlaybillError
from playbill.source.base import Context, Rows, as_table

if TYPE_CHECKING:
    import pyarrow as pa


def read(source: PythonSource, context: Context) -> Rows:
    """Call the target, with `start` and `end` if it is windowed; it gives a frame, or many.

    Raises:
        DataError: The function failed, or returned what is no frame.
    """
    function = import_target(source.target, context.allow)
    window = context.window
    arguments = {"start": window.start, "end": window.end} if source.windowed else {}
    return Rows(_tables(function, arguments, source, context), {"target": source.target})


def _tables(
    function: Any, arguments: dict[str, Any], source: PythonSource, context: Context
) -> "Iterator[pa.Table]":
    try:
        returned = function(**arguments)
        frames = returned if isinstance(returned, Iterator) else iter([returned])
        for frame in frames:
            yield _table(frame, source, context)
    except PlaybillError:
        raise
    except Exception as error:
        raise DataError(
            f"source `{context.name}`: {source.target} raised {type(error).__name__}: {error}",
            where=context.where,
            expected=f"a function that takes {list(arguments) or 'no arguments'}",
        ) from error


def _table(frame: Any, source: PythonSource, context: Context) -> "pa.Table":
    import pandas as pd
    import pyarrow as pa

    if isinstance(frame, pd.DataFrame):
        return as_table(frame, context)
    if isinstance(frame, pa.Table):
        return frame.replace_schema_metadata(None)
    raise DataError(
        f"source `{context.name}`: {source.target} returned {type(frame).__name__}",
        where=context.where,
        expected="a pandas.DataFrame, a pyarrow.Table, or a generator of them",
    )
