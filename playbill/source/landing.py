"""Tables of rows to one Parquet file: in bounded memory, whole or not at all.

The bytes depend on the rows alone, not on how many came at a time: row groups are of one size, and
a column has the kind that holds all of its values.
"""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.source.base import Context, mixed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

GROUP_ROWS = 131_072


@dataclass(frozen=True)
class Landed:
    """A Parquet file that was written: its rows, its columns, its digest."""

    rows: int
    columns: tuple[str, ...]
    sha256: str


def land(tables: "Iterator[pa.Table]", target: Path, context: Context) -> Landed:
    """Write tables to `target`, which appears when all are there.

    Raises:
        DataError: A column has values of several kinds.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-") as name:
        parts, rows = _parts(regrouped(tables, context), Path(name))
        if not parts:
            return Landed(0, (), "")
        schema = unified([schema for _, schema in parts], context)
        whole = _whole([path for path, _ in parts], schema, Path(name))
        digest = sha256(whole)
        shutil.move(whole, target)
    return Landed(rows, tuple(schema.names), digest)


def _parts(
    tables: "Iterator[pa.Table]", folder: Path
) -> "tuple[list[tuple[Path, pa.Schema]], int]":
    """Write tables one after the other, into another file whenever the schema changes."""
    import pyarrow.parquet as pq

    parts: list[tuple[Path, pa.Schema]] = []
    writer: pq.ParquetWriter | None = None
    rows = 0
    try:
        for table in tables:
            if writer is None or table.schema != parts[-1][1]:
                if writer is not None:
                    writer.close()
                parts.append((folder / f"{len(parts)}.parquet", table.schema))
                writer = pq.ParquetWriter(*parts[-1], compression="zstd")
            writer.write_table(table)
            rows += table.num_rows
    finally:
        if writer is not None:
            writer.close()
    return parts, rows


def _whole(parts: list[Path], schema: "pa.Schema", folder: Path) -> Path:
    """Return the one file of all parts, their columns of the kinds that hold all values."""
    import pyarrow.parquet as pq

    if len(parts) == 1:
        return parts[0]
    whole = folder / "whole"
    with pq.ParquetWriter(whole, schema, compression="zstd") as writer:
        for part in parts:
            with pq.ParquetFile(part) as file:
                for number in range(file.num_row_groups):
                    writer.write_table(file.read_row_group(number).cast(schema))
    return whole


def regrouped(tables: "Iterator[pa.Table]", context: Context) -> "Iterator[pa.Table]":
    """Yield the same rows in tables of GROUP_ROWS rows, the last of what is left."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        while sum(t.num_rows for t in held) > GROUP_ROWS:
            whole = _concatenated(held, context)
            yield whole.slice(0, GROUP_ROWS)
            held = [whole.slice(GROUP_ROWS)]
    if held:
        yield _concatenated(held, context)


def unified(schemas: "list[pa.Schema]", context: Context) -> "pa.Schema":
    """Return the schema that holds the values of all.

    Raises:
        DataError: They have other columns, or one of several kinds.
    """
    import pyarrow as pa

    try:
        return pa.unify_schemas(schemas, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise mixed(context, str(error)) from error


def sha256(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def extremes(path: Path, column: str) -> tuple[Any, Any]:
    """Return the least and the greatest value of a column, or None where there is none."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    low: Any = None
    high: Any = None
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=[column]):
            found = pc.min_max(batch.column(0)).as_py()
            if found["min"] is not None:
                low = found["min"] if low is None else min(low, found["min"])
                high = found["max"] if high is None else max(high, found["max"])
    return low, high


def _concatenated(tables: "list[pa.Table]", context: Context) -> "pa.Table":
    import pyarrow as pa

    if len(tables) == 1:
        return tables[0]
    try:
        whole = pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise mixed(context, str(error)) from error
    return whole.combine_chunks()
