"""Rows of a file column by column, through Arrow: no more of it in memory than a check looks at."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

# Row groups of these sizes are read a column at a time; many small ones would cost more in calls
# than they hold, and of larger ones a single column is too much.
FEWEST_ROWS, MOST_ROWS = 20_000, 2_000_000
NUMERIC = frozenset({"number", "integer"})
CSV_BLOCK = 4_000_000  # bytes


class Rows(Protocol):
    """What a tally asks of rows: a pandas frame is one."""

    @property
    def columns(self) -> Any:
        """The names of the columns."""

    def __len__(self) -> int:
        """Return how many rows there are."""

    def __getitem__(self, name: Any, /) -> Any:
        """Return a column as a pandas series."""


class RowGroup:
    """One row group of a Parquet file; a column is read when it is asked for, and not kept."""

    def __init__(self, file: "pq.ParquetFile", number: int, columns: Sequence[str]) -> None:
        self._file, self._number = file, number
        self.columns = list(columns)

    def __len__(self) -> int:
        """Return the rows of the group."""
        return int(self._file.metadata.row_group(self._number).num_rows)

    def __getitem__(self, name: str, /) -> "pd.Series[Any]":
        """Return a column as pandas would read it."""
        read = self._file.read_row_group(self._number, columns=[name], use_threads=False)
        series: pd.Series[Any] = read.to_pandas(ignore_metadata=False, self_destruct=True)[name]
        return series


class Block:
    """A block of a CSV file; empty fields of text are missing values."""

    def __init__(self, batch: "pa.RecordBatch", text: frozenset[str]) -> None:
        self._batch, self._text = batch, text
        self.columns = list(batch.schema.names)

    def __len__(self) -> int:
        """Return the rows of the block."""
        return int(self._batch.num_rows)

    def __getitem__(self, name: str, /) -> "pd.Series[Any]":
        """Return a column as a pandas series."""
        import pyarrow as pa
        from pyarrow import compute

        values = self._batch.column(name)
        if name in self._text:
            values = compute.if_else(
                compute.equal(values, ""), pa.scalar(None, values.type), values
            )
        series: pd.Series[Any] = values.to_pandas()
        return series.rename(name)


def by_columns(file: "pq.ParquetFile") -> bool:
    """Say whether the row groups of a file are of a size to be read column by column."""
    about = file.metadata
    sizes = [about.row_group(number).num_rows for number in range(about.num_row_groups)]
    return bool(sizes) and max(sizes) <= MOST_ROWS and sum(sizes) / len(sizes) >= FEWEST_ROWS


def csv_blocks(
    path: "Path",
    profile: "Mapping[str, Any]",
    wanted: Sequence[str],
    *,
    empty: Sequence[str],
    gzip: bool,
) -> Iterator[tuple[Block, float]]:
    """Yield the blocks of a CSV file with the share of the file that was read.

    Args:
        path: The file, in UTF-8, each column once.
        profile: The reference, which says what is a number and what is text; a column that it does
            not know, the time, is of the kind that its first block shows.
        wanted: Columns to read.
        empty: What stands for a missing number.
        gzip: Whether it is compressed.

    Raises:
        pyarrow.ArrowInvalid: It cannot be read in this way; a reader that guesses might.
    """
    import pyarrow as pa
    from pyarrow import csv

    sections = profile["columns"]
    text = frozenset(n for n in wanted if n in sections and sections[n]["kind"] not in NUMERIC)
    types = {n: pa.string() if n in text else pa.float64() for n in wanted if n in sections}
    size = max(path.stat().st_size, 1)
    with path.open("rb") as handle:
        stream = pa.CompressedInputStream(handle, "gzip") if gzip else handle
        reader = csv.open_csv(
            stream,
            read_options=csv.ReadOptions(use_threads=False, block_size=CSV_BLOCK),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types=types,
                include_columns=list(wanted),
                null_values=list(empty),
                strings_can_be_null=False,
            ),
        )
        for batch in reader:
            yield Block(batch, text), min(handle.tell() / size, 1.0)
