"""Sources of kind `python`: a function of the project returns the rows of a window."""

from playbill.config.schema import PythonSource
from playbill.config.target import import_target
from playbill.errors import DataError, PlaybillError
from playbill.source.base import Context, Rows, require_rows


def read(source: PythonSource, context: Context) -> Rows:
    """Call the target, with `start` and `end` if it is windowed, and return its frame.

    Raises:
        DataError: The function failed, returned no data frame or no rows.
    """
    import pandas as pd

    function = import_target(source.target, context.allow)
    window = context.window
    arguments = {"start": window.start, "end": window.end} if source.windowed else {}
    try:
        frame = function(**arguments)
    except PlaybillError:
        raise
    except Exception as error:
        raise DataError(
            f"source `{context.name}`: {source.target} raised {type(error).__name__}: {error}",
            where=context.where,
            expected=f"a function that takes {list(arguments) or 'no arguments'}",
        ) from error
    if not isinstance(frame, pd.DataFrame):
        raise DataError(
            f"source `{context.name}`: {source.target} returned {type(frame).__name__}",
            where=context.where,
            expected="a pandas.DataFrame",
        )
    span = f" from {window.start} to {window.end}" if source.windowed else ""
    require_rows(
        len(frame), context, f"source `{context.name}` returned no rows{span}", "at least one row"
    )
    return Rows(frame, source.windowed, {"target": source.target})
