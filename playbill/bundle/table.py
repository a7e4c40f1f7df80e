"""Tables in files: rows read in chunks, answers written; CSV or Parquet."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from playbill.config.nearest import nearest
from playbill.contract.column import Column
from playbill.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

CHUNK_ROWS = 50_000
CSV = (".csv", ".csv.gz")
PARQUET = (".parquet",)


def check_format(path: Path) -> None:
    """Refuse a file whose ending is not one that is read and written here.

    Raises:
        UsageError: It is neither CSV nor Parquet by its name.
    """
    if not path.name.endswith(CSV + PARQUET):
        raise UsageError(
            f"{path.name} is neither CSV nor Parquet by its ending",
            expected=f"one of {', '.join(CSV + PARQUET)}",
        )


def chunks(
    source: Path, inputs: Sequence[Column], key: str
) -> "Iterator[tuple[pd.DataFrame, float]]":
    """Yield the rows of a file in chunks, each with the share that was read."""
    import pandas as pd
    import pyarrow as pa

    read = _csv_chunks if source.name.endswith(CSV) else _parquet_chunks
    try:
        yield from read(source, inputs, key)
    except FileNotFoundError as error:
        raise DataError(
            f"{source} does not exist",
            where=str(source),
            expected="a file with the rows",
            run="name a file that is there",
        ) from error
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pa.ArrowInvalid) as error:
        raise DataError(f"{source} cannot be read: {error}", where=str(source)) from error
    except pd.errors.EmptyDataError as error:
        raise DataError(
            f"{source} is empty", where=str(source), expected="a header and rows"
        ) from error


def _csv_chunks(
    source: Path, inputs: Sequence[Column], key: str
) -> "Iterator[tuple[pd.DataFrame, float]]":
    import pandas as pd

    wanted = columns_of(list(pd.read_csv(source, nrows=0).columns), inputs, key, str(source))
    text = {c.name: str for c in inputs if c.kind == "text"} | {key: str}
    size = max(source.stat().st_size, 1)
    compression: Any = "gzip" if source.name.endswith(".gz") else None
    with source.open("rb") as handle:
        frames = pd.read_csv(
            handle,
            usecols=wanted,
            dtype={name: text[name] for name in wanted if name in text},
            chunksize=CHUNK_ROWS,
            compression=compression,
        )
        for frame in (each for each in frames if len(each)):
            yield frame, min(handle.tell() / size, 1.0)


def _parquet_chunks(
    source: Path, inputs: Sequence[Column], key: str
) -> "Iterator[tuple[pd.DataFrame, float]]":
    import pyarrow.parquet as pq

    with source.open("rb") as handle, pq.ParquetFile(handle) as file:
        wanted = columns_of(file.schema_arrow.names, inputs, key, str(source))
        seen, count = 0, max(file.metadata.num_rows, 1)
        for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=wanted):
            seen += batch.num_rows
            yield batch.to_pandas(), seen / count


def columns_of(names: Sequence[str], inputs: Sequence[Column], key: str, where: str) -> list[str]:
    """Return the columns to read, or say which are missing."""
    asked = [column.name for column in inputs]
    missing = [name for name in asked if name not in names]
    if missing:
        others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise DataError(
            f"the column `{missing[0]}` is missing{others}",
            where=where,
            expected=nearest(missing[0], names),
            run="add the column, or name it as the contract does (models/*/server/openapi.json)",
        )
    return [name for name in names if name in {*asked, key}]


@contextmanager
def writing(target: Path) -> "Iterator[Callable[[pd.DataFrame], None]]":
    """Yield a function that appends rows; the file appears when all went well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    open_table = _csv_table if target.name.endswith(CSV) else _parquet_table
    try:
        with part.open("wb") as handle, open_table(handle, target) as write:
            yield write
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _csv_table(handle: IO[bytes], target: Path) -> "Iterator[Callable[[pd.DataFrame], None]]":
    import gzip
    from contextlib import ExitStack

    with ExitStack() as stack:
        out: Any = handle
        if target.name.endswith(".gz"):
            out = stack.enter_context(gzip.GzipFile("", "wb", fileobj=handle, mtime=0))
        started = False

        def write(frame: "pd.DataFrame") -> None:
            nonlocal started
            text = frame.to_csv(index=False, header=not started, lineterminator="\n")
            out.write(str(text).encode())
            started = True

        yield write


@contextmanager
def _parquet_table(handle: IO[bytes], _: Path) -> "Iterator[Callable[[pd.DataFrame], None]]":
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None

    def write(frame: "pd.DataFrame") -> None:
        nonlocal writer
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if writer is None:
            writer = pq.ParquetWriter(handle, table.schema, compression="zstd")
        writer.write_table(table.cast(writer.schema))

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
