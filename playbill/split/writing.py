"""Writes the two sides of a split from the table that they are taken from, in one pass."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_ROWS = 131_072


def write_sides(
    table: Path, target: str, values: "pa.ChunkedArray", sides: NDArray[np.int8], into: list[Path]
) -> None:
    """Write the rows of each side to a file of its own, in their order.

    Args:
        table: Parquet file with all rows.
        target: Name of the column that is replaced.
        values: What stands in it, for the rows that are on some side.
        sides: For each row the place in `into`, or -1 for none.
        into: Parquet files to write.
    """
    import pyarrow.parquet as pq

    with ExitStack() as stack:
        file = stack.enter_context(pq.ParquetFile(table))
        schema = _schema(file.schema_arrow, target, values.type)
        writers = [
            stack.enter_context(pq.ParquetWriter(path, schema, compression="zstd")) for path in into
        ]
        held: list[list[pa.Table]] = [[] for _ in into]
        row = used = 0
        for batch in file.iter_batches(GROUP_ROWS):
            mine = sides[row : row + batch.num_rows]
            count = int((mine >= 0).sum())
            chosen = _chosen(batch, target, values.slice(used, count), mine, schema)
            row, used = row + batch.num_rows, used + count
            for side, writer in enumerate(writers):
                held[side].append(chosen[side])
                held[side] = _full_groups(writer, held[side])
        for writer, tables in zip(writers, held, strict=True):
            if rest := [each for each in tables if each.num_rows]:
                writer.write_table(_one(rest))


def _schema(schema: "pa.Schema", target: str, kind: "pa.DataType") -> "pa.Schema":
    """Return the schema with the target's new type; pandas' note on the old one goes."""
    index = schema.get_field_index(target)
    changed = schema.field(index).type != kind
    schema = schema.set(index, schema.field(index).with_type(kind))
    notes = {k: v for k, v in (schema.metadata or {}).items() if not (changed and k == b"pandas")}
    return schema.with_metadata(notes or None)


def _chosen(
    batch: "pa.RecordBatch",
    target: str,
    values: "pa.ChunkedArray",
    sides: NDArray[np.int8],
    schema: "pa.Schema",
) -> "list[pa.Table]":
    """Return of a batch the rows of each side."""
    import pyarrow as pa

    table = pa.Table.from_batches([batch])
    kept = sides >= 0
    if not kept.all():
        table = table.filter(pa.array(kept))
    index = table.schema.get_field_index(target)
    table = table.set_column(index, schema.field(index), values).replace_schema_metadata(
        schema.metadata
    )
    place = sides[kept]
    return [
        table if (place == side).all() else table.filter(pa.array(place == side))
        for side in range(2)
    ]


def _full_groups(writer: "pa.parquet.ParquetWriter", held: "list[pa.Table]") -> "list[pa.Table]":
    """Write whole row groups, so that the bytes do not depend on how the rows came."""
    if sum(table.num_rows for table in held) < GROUP_ROWS:
        return held
    whole = _one(held)
    while whole.num_rows >= GROUP_ROWS:
        writer.write_table(whole.slice(0, GROUP_ROWS))
        whole = whole.slice(GROUP_ROWS)
    return [whole]


def _one(tables: "list[pa.Table]") -> "pa.Table":
    import pyarrow as pa

    return pa.concat_tables(tables).combine_chunks()
