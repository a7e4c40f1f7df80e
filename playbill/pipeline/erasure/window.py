"""Writes files again without the rows of a person: stored windows, files of sources, and logs."""

import csv
import io
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config.params import read_params
from playbill.pipeline.erasure.subject import Subject, rows_about
from playbill.source import landing
from playbill.source.base import Context
from playbill.source.fetch import Screen, rewrite
from playbill.source.store import Store

if TYPE_CHECKING:
    import pyarrow as pa


def rewrite_window(root: Path, path: str, subject: Subject) -> dict[str, Any]:
    """Write a stored window without a person's rows, as if the source had never had them.

    Args:
        root: The project.
        path: The window's Parquet file, relative to it.
        subject: The person.

    Returns:
        Path, digests before and after, and how many rows left.
    """
    file = root / path
    if file.suffix != ".parquet" or not file.is_file():  # facts: they are written with the rows
        return {"path": path, "before": None, "after": None, "rows_removed": 0}
    store, name = Store(file.parent), file.parent.parent.name
    before, stored = landing.sha256(file), store.find(file.stem)
    source = read_params(root).source.sources.get(name)
    if stored is None or stored.file is None or source is None:  # nothing would ever take it
        file.unlink()
        file.with_suffix(".json").unlink(missing_ok=True)
        return {"path": path, "before": before, "after": None, "rows_removed": None}
    context = Context(name, read_params(root).source.window, root, ())
    fresh = rewrite(store, file.stem, source, context, Screen(partial(_without, subject), "again"))
    if fresh.file is None:
        file.unlink(missing_ok=True)
    after = landing.sha256(file) if fresh.file else None
    gone = int(stored.facts["rows"]) - int(fresh.facts["rows"])
    return {"path": path, "before": before, "after": after, "rows_removed": gone}


def rewrite_file(file: Path, path: str, subject: Subject) -> dict[str, Any] | None:
    """Write a file that people put there without a person's rows; the others stay byte for byte.

    Args:
        file: CSV, JSON Lines or Parquet.
        path: Its name in what is returned.
        subject: The person.

    Returns:
        Path, digests before and after, and how many rows left; None for another kind of file.
    """
    kind = file.suffix.lower()
    if kind in {".jsonl", ".ndjson"}:
        return rewrite_log(file, path, subject)
    before = landing.sha256(file)
    if kind == ".parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(file)
        kept = _without(subject, table)
        pq.write_table(kept, file)
        gone = table.num_rows - kept.num_rows
    elif kind == ".csv":
        lines = list(io.StringIO(file.read_bytes().decode(), newline=""))
        names = _csv_rows(lines, subject)
        file.write_bytes("".join(x for at, x in enumerate(lines) if at not in names).encode())
        gone = len(names)
    else:
        return None
    return {"path": path, "before": before, "after": landing.sha256(file), "rows_removed": gone}


def _csv_rows(lines: list[str], subject: Subject) -> set[int]:
    """Return the numbers of the lines of a CSV file that belong to rows about a person."""
    delimiter = csv.Sniffer().sniff(lines[0], ",;\t|").delimiter if lines else ","
    reader = csv.reader(iter(lines), delimiter=delimiter)
    header = next(reader, [])
    wanted = [at for at, name in enumerate(header) if name in {*subject.columns, subject.key}]
    found: set[int] = set()
    begin = reader.line_num
    for row in reader:
        named = any(at < len(row) and row[at] in subject.terms | subject.keys for at in wanted)
        if named or any(subject.is_in(cell.encode()) for cell in row):
            found.update(range(begin, reader.line_num))
        begin = reader.line_num
    return found


def _without(subject: Subject, table: "pa.Table") -> "pa.Table":
    import pyarrow.compute as pc

    return table.filter(pc.invert(rows_about(table, subject)))


def rewrite_log(file: Path, path: str, subject: Subject) -> dict[str, Any]:
    """Write a log's segment without the records that name a person; the others stay as they are."""
    lines = file.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not subject.is_in(line)]
    before = landing.sha256(file)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".part-", delete=False) as fresh:
        fresh.writelines(kept)
        fresh.flush()
        os.fsync(fresh.fileno())
    Path(fresh.name).replace(file)
    after = landing.sha256(file)
    return {"path": path, "before": before, "after": after, "rows_removed": len(lines) - len(kept)}
