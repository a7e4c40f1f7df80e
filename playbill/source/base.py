"""What every kind of source gives: tables of rows, one after the other, and what it knows of them.

Rows are Arrow tables that are drawn as they are written, so that no source need fit into memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from playbill.config.source import Window
from playbill.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class Context:
    """What a reader may know beside its own config.

    Attributes:
        name: The source's name.
        window: The rows that are wanted, if the source is windowed.
        root: The project's root.
        allow: Prefixes of targets that may be imported.
    """

    name: str
    window: Window
    root: Path
    allow: Sequence[str]

    @property
    def where(self) -> str:
        """Key of the source's config, for errors."""
        return f"source.sources.{self.name}"


@dataclass(frozen=True)
class Rows:
    """What a reader finds.

    Attributes:
        tables: The rows in order; a reader need not know how many.
        facts: What stands in the provenance beside rows and digest; complete after the last table.
        expected: Told if there is no row.
    """

    tables: "Iterator[pa.Table]"
    facts: dict[str, Any] = field(default_factory=dict)
    expected: list[str] = field(default_factory=list)


class Reader(Protocol):
    """A kind of source: `read` in the module of that name."""

    def __call__(self, source: Any, context: Context) -> Rows:
        """Return the rows of the window.

        Raises:
            DataError: They cannot be had.
        """


class UnsteadyError(DataError):
    """A source changed while it was read; reading it again from the start may help."""


def as_table(frame: "pd.DataFrame", context: Context) -> "pa.Table":
    """Return the Arrow form of a frame; a column without any value is of no kind yet.

    Raises:
        DataError: A column holds values of several kinds.
    """
    import pyarrow as pa

    try:
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise mixed(context, str(error)) from error
    for index, column in enumerate(table.columns):
        if table.num_rows and column.null_count == table.num_rows:
            table = table.set_column(index, table.column_names[index], pa.nulls(table.num_rows))
    return table


def mixed(context: Context, what: str) -> DataError:
    """Return the error for a column that holds values of several kinds."""
    return DataError(
        f"source `{context.name}` has a column of mixed kinds: {what}",
        where=context.where,
        expected="one kind of value in each column",
    )


def missing_extra(extra: str, context: Context, error: ImportError) -> MissingExtraError:
    """Return the error for a source whose libraries are not installed."""
    return MissingExtraError(
        f"source `{context.name}` needs what is not installed: {error}",
        where=context.where,
        expected=f"the extra `{extra}`",
        run=f"pip install 'playbill[{extra}]'",
    )
