"""New rows from a file, batch after batch, read as the reference profile needs them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from playbill.drift.columnar import RowGroup, Rows, by_columns, csv_blocks
from playbill.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EMPTY = ["", "NA", "NaN", "nan", "null", "None", "N/A"]
BATCH_ROWS = 100_000
BATCH_CELLS = 4_000_000  # 32 MB of numbers
CSV = (".csv", ".csv.gz")


@dataclass(frozen=True)
class Batch:
    """Some rows of a file, and the share of the file that was read with them."""

    rows: pd.DataFrame
    done: float


@dataclass(frozen=True)
class Part:
    """The watched columns of some rows of a file, and the share of the file that was read."""

    rows: Rows
    done: float


def read_watched(
    path: "Path", profile: "Mapping[str, Any]", *, name: str = ""
) -> "Iterator[Part | Batch]":
    """Yield the columns that a profile watches, in parts of bounded size; see `read_batches`."""
    named = (name or path.name).lower()
    if path.is_file() and named.endswith(".parquet"):
        with _readable(path):
            yield from _row_groups(path, _watched(profile))
    elif path.is_file() and named.endswith(CSV):
        with _readable(path):
            yield from _csv_blocks(path, profile, named)
    else:
        yield from read_batches(path, profile, name=name)


def read_batches(path: "Path", profile: "Mapping[str, Any]", *, name: str = "") -> Iterator[Batch]:
    """Yield the rows of a CSV or Parquet file in batches of bounded size, in their order.

    Text columns of a CSV file stay text: `007` keeps its zeros, and a category that is called NA is
    not a missing value; only an empty field is.

    Args:
        path: The file.
        profile: The reference, which says what is text.
        name: The file's name, whose ending says of what kind it is, where the path has another.

    Raises:
        DataError: The file is missing, of another kind, or cannot be read.
    """
    if not path.is_file():
        raise DataError(
            f"there is no file {path}",
            where=str(path),
            expected="a CSV or Parquet file with the rows",
            run="name another file, or take the source's own rows: playbill drift --by 1m",
        )
    name = (name or path.name).lower()
    if not name.endswith((".parquet", *CSV)):
        raise DataError(
            f"{path} is of no known kind",
            where=str(path),
            expected=".csv, .csv.gz or .parquet",
            run="write the rows as one of these",
        )
    with _readable(path):
        if name.endswith(".parquet"):
            yield from _parquet(path, None)
        else:
            yield from _csv(path, profile, None, name)


@contextmanager
def _readable(path: "Path") -> Iterator[None]:
    """Say what is wrong with a file that a reader gave up on."""
    try:
        yield
    except (ValueError, OSError, pd.errors.ParserError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path} cannot be read: {reason[:200]}", where=str(path)) from error


def read_rows(path: "Path", profile: "Mapping[str, Any]", *, name: str = "") -> pd.DataFrame:
    """Return all rows of a file as one table; see `read_batches`."""
    found = [batch.rows for batch in read_batches(path, profile, name=name)]
    return pd.concat(found, ignore_index=True)


def _watched(profile: "Mapping[str, Any]") -> set[str]:
    timed = {profile["periods"]["column"]} if "periods" in profile else set()
    return {*profile["columns"], *timed}


def _batch_rows(columns: int) -> int:
    return max(min(BATCH_ROWS, BATCH_CELLS // max(columns, 1)), 1000)


def _parquet(path: "Path", wanted: set[str] | None) -> Iterator[Batch]:
    import pyarrow.parquet as pq

    with path.open("rb") as handle, pq.ParquetFile(handle, pre_buffer=False) as file:
        names = [n for n in file.schema_arrow.names if wanted is None or n in wanted]
        seen, total = 0, max(file.metadata.num_rows, 1)
        if not file.metadata.num_rows:
            yield Batch(file.read(columns=names).to_pandas(), 1.0)
        for batch in file.iter_batches(batch_size=_batch_rows(len(names)), columns=names):
            seen += batch.num_rows
            yield Batch(batch.to_pandas(), seen / total)


def _row_groups(path: "Path", wanted: set[str]) -> "Iterator[Part | Batch]":
    import pyarrow.parquet as pq

    with path.open("rb") as handle, pq.ParquetFile(handle, pre_buffer=False) as file:
        if by_columns(file):
            names = [name for name in file.schema_arrow.names if name in wanted]
            seen, total = 0, file.metadata.num_rows
            for number in range(file.metadata.num_row_groups):
                group = RowGroup(file, number, names)
                seen += len(group)
                yield Part(group, seen / total)
            return
    yield from _parquet(path, wanted)


def _csv_blocks(path: "Path", profile: "Mapping[str, Any]", name: str) -> "Iterator[Part | Batch]":
    """Read with Arrow; from where it gives up, with pandas, which guesses more."""
    import pyarrow as pa

    gzip = name.endswith(".gz")
    header = [*pd.read_csv(path, nrows=0, compression="gzip" if gzip else None).columns]
    wanted, seen = [each for each in header if each in _watched(profile)], 0
    try:
        for block, done in csv_blocks(path, profile, wanted, empty=EMPTY, gzip=gzip):
            yield Part(block, done)
            seen += len(block)
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        for batch in _csv(path, profile, {*wanted}, name):
            if seen < len(batch.rows):
                yield Batch(batch.rows.iloc[seen:], batch.done)
            seen = max(seen - len(batch.rows), 0)


def _csv(
    path: "Path", profile: "Mapping[str, Any]", wanted: set[str] | None, name: str
) -> Iterator[Batch]:
    text = [name for name, section in profile["columns"].items() if section["kind"] == "text"]
    compression: Any = "gzip" if name.endswith(".gz") else None
    header = pd.read_csv(path, nrows=0, compression=compression).columns
    names = [each for each in header if wanted is None or each in wanted]
    size = max(path.stat().st_size, 1)
    with path.open("rb") as handle:
        frames = pd.read_csv(
            handle,
            usecols=names or None,
            dtype={each: str for each in text if each in header},
            keep_default_na=False,
            na_values={each: [""] if each in text else EMPTY for each in header},
            low_memory=False,
            chunksize=_batch_rows(len(header)),
            compression=compression,
        )
        for frame in frames:
            yield Batch(frame, min(handle.tell() / size, 1.0))
