"""Brings one declared source in: reads it by its kind and makes a snapshot with its provenance."""

import hashlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config.schema import FileSource, PythonSource, Window
from playbill.errors import DataError
from playbill.source import file, python
from playbill.source.base import Context, Reader, Rows, Snapshot

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT_VERSION = 1
READERS: dict[str, Reader] = {"file": file.read, "python": python.read}


def fetch(
    name: str,
    source: FileSource | PythonSource,
    window: Window,
    *,
    root: Path,
    allow: Sequence[str],
) -> Snapshot:
    """Return the snapshot of the source `name`.

    Args:
        name: Name under which the query reads the source.
        source: Its config.
        window: The rows that are wanted, if the source knows time.
        root: The project's root; paths are relative to it.
        allow: Prefixes of targets that may be imported.

    Raises:
        DataError: The source is missing, cannot be read or has no rows.
    """
    context = Context(name, window, root, allow)
    rows = READERS[source.kind](source, context)
    table = _table(rows, context)
    content = _parquet(table)
    span = f"{window.start}_{window.end}"
    return Snapshot(
        name=name,
        table=table,
        file=f"{name}/{span}.parquet" if rows.windowed else f"{name}.parquet",
        content=content,
        provenance=_provenance(source, rows, window, content),
    )


def _provenance(
    source: FileSource | PythonSource, rows: Rows, window: Window, content: bytes
) -> dict[str, Any]:
    bounds = {"start": window.start.isoformat(), "end": window.end.isoformat()}
    return {
        "format_version": FORMAT_VERSION,
        "kind": source.kind,
        "rows": len(rows.frame),
        "columns": [str(column) for column in rows.frame.columns],
        "sha256": hashlib.sha256(content).hexdigest(),
        "window": bounds if rows.windowed else None,
        **rows.facts,
    }


def _table(rows: Rows, context: Context) -> "pa.Table":
    import pyarrow as pa

    try:
        table = pa.Table.from_pandas(rows.frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"source `{context.name}` has a column of mixed kinds: {error}",
            where=context.where,
            expected="one kind of value in each column",
        ) from error
    return table.replace_schema_metadata(None)


def _parquet(table: "pa.Table") -> bytes:
    import pyarrow.parquet as pq

    buffer = BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
