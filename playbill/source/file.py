"""Sources of kind `file`: CSV, JSON Lines, Parquet and Excel, in the project or at an address."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config import place
from playbill.config.nearest import nearest
from playbill.config.source import FileSource
from playbill.errors import DataError
from playbill.source.base import Context, Rows, as_table, missing_extra

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    import pyarrow as pa

FORMATS = {
    ".csv": "csv", ".csv.gz": "csv", ".jsonl": "jsonl", ".jsonl.gz": "jsonl", ".ndjson": "jsonl",
    ".parquet": "parquet", ".xlsx": "excel",
}  # fmt: skip
CHUNK_ROWS = 200_000


@dataclass(frozen=True)
class Named:
    """A file: what it is called in the provenance, and the file system that has it."""

    name: str
    path: str
    system: Any


def read(source: FileSource, context: Context) -> Rows:
    """Read every file that the path names, and the rows of the window if `time` is set.

    Raises:
        DataError: No such file, an unreadable one, one that lacks a column, or a time that is none.
    """
    facts: dict[str, Any] = {"path": source.path, "files": []}
    rows = Rows(iter(()), facts)
    return Rows(_tables(source, context, rows), facts, rows.expected)


def _tables(source: FileSource, context: Context, rows: Rows) -> "Iterator[pa.Table]":
    first: tuple[str, list[str]] | None = None
    seen = _Seen()
    for file in files(source, context):
        empty = True
        for frame in _frames(file, source, context):
            columns = [str(column) for column in frame.columns]
            first = first or (file.name, columns)
            if _format(file, source, context) != "jsonl":  # there, what is missing is left out
                _same_columns(first, file.name, columns, context)
            empty = empty and frame.empty
            if source.time is not None:
                frame = seen.inside(frame, source.time, context)  # noqa: PLW2901 - what is left
            if len(frame):
                yield as_table(frame, context)
        if empty:
            raise DataError(
                f"source `{context.name}`: {file.name} has no rows",
                where=context.where,
                expected="at least one row",
            )
        rows.facts["files"].append({"path": file.name, "sha256": digest(file)})
    if seen.low is not None:
        rows.expected.append(
            f"a window that meets its rows, which go from {seen.low} to {seen.high}"
        )


def files(source: FileSource, context: Context) -> list[Named]:
    """Return the files of a source in order of name.

    Raises:
        DataError: None matches.
    """
    if source.is_remote:
        return _remote(source, context)
    from fsspec.implementations.local import LocalFileSystem

    return [
        Named(path.relative_to(context.root).as_posix(), str(path), LocalFileSystem())
        for path in find(source.path, context)
    ]


def find(pattern: str, context: Context) -> list[Path]:
    """Return the files that a path or glob relative to the project names, in order of name."""
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise DataError(
            f"source `{context.name}` lies outside of the project: {pattern}",
            where=f"{context.where}.path",
            expected="a path or glob relative to the project's root",
        )
    if found := sorted(path for path in context.root.glob(pattern) if path.is_file()):
        return found
    folder = (context.root / pattern).parent
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    raise DataError(
        f"source `{context.name}`: no file matches {pattern}",
        where=f"{context.where}.path",
        expected=nearest(Path(pattern).name, names) or "an existing file; its folder is missing",
        run="correct the path, or bring the file with `dvc pull`",
    )


def digest(file: Named) -> str:
    """Return the SHA-256 of a file."""
    with file.system.open(file.path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _remote(source: FileSource, context: Context) -> list[Named]:
    import fsspec

    secrets = {name: place.secret(env, context.root) for name, env in source.secrets.items()}
    try:
        system, _, _ = fsspec.get_fs_token_paths(
            source.path, storage_options={**source.storage, **secrets}, expand=False
        )
        system.invalidate_cache()  # it may have listed other files earlier in this process
        stripped = system._strip_protocol(source.path)  # noqa: SLF001 - fsspec has no public form
        has_glob = any(letter in stripped for letter in "*?[")
        paths = sorted(system.glob(stripped)) if has_glob else [stripped]
        paths = [path for path in paths if system.isfile(path)]
    except ImportError as error:
        raise missing_extra("s3", context, error) from error
    except Exception as error:  # each file system raises its own
        raise _unreadable(source.path, error, context) from error
    if not paths:
        raise DataError(
            f"source `{context.name}`: no file matches {source.path}",
            where=f"{context.where}.path",
            expected="an existing file, or a glob that meets some",
        )
    return [Named(system.unstrip_protocol(path), path, system) for path in paths]


def _format(file: Named, source: FileSource, context: Context) -> str:
    if source.format is not None:
        return source.format
    for ending, kind in FORMATS.items():
        if file.path.endswith(ending):
            return kind
    raise DataError(
        f"source `{context.name}`: {file.name} is of no known format",
        where=f"{context.where}.path",
        expected=f"a name that ends with one of {', '.join(FORMATS)}, or `format:`",
    )


def _frames(file: Named, source: FileSource, context: Context) -> "Iterator[pd.DataFrame]":
    kind = _format(file, source, context)
    try:
        with file.system.open(file.path, "rb") as stream:
            yield from _parsed(kind, stream, file.path, source.options)
    except ImportError as error:
        raise missing_extra("excel", context, error) from error
    except (ValueError, OSError, EOFError, TypeError, KeyError) as error:
        raise _unreadable(file.name, error, context) from error


def _parsed(kind: str, stream: Any, path: str, options: dict[str, Any]) -> "Iterator[pd.DataFrame]":
    import pandas as pd
    import pyarrow.parquet as pq

    packed: Any = "gzip" if path.endswith(".gz") else None
    if kind == "parquet":
        for batch in pq.ParquetFile(stream).iter_batches(batch_size=CHUNK_ROWS):
            yield batch.to_pandas()
    elif kind == "excel":
        yield pd.read_excel(stream, **options)
    elif kind == "jsonl":
        yield from pd.read_json(
            stream, lines=True, chunksize=CHUNK_ROWS, compression=packed,
            **{"dtype": False, **options},
        )  # fmt: skip
    else:
        yield from pd.read_csv(stream, chunksize=CHUNK_ROWS, compression=packed, **options)


def _unreadable(name: str, error: Exception, context: Context) -> DataError:
    return DataError(
        f"source `{context.name}`: {name} cannot be read: {error}",
        where=context.where,
        expected="a well-formed file, and options that its reader knows",
    )


def _same_columns(
    first: tuple[str, list[str]], name: str, columns: list[str], context: Context
) -> None:
    if strange := sorted(set(first[1]) ^ set(columns)):
        verb = "lacks" if strange[0] in first[1] else "adds"
        raise DataError(
            f"source `{context.name}`: {name} {verb} the column `{strange[0]}`",
            where=context.where,
            expected=f"the columns of {first[0]}: {', '.join(first[1])}",
        )


class _Seen:
    """The times of all rows that were looked at, in the window or not."""

    def __init__(self) -> None:
        self.low: Any = None
        self.high: Any = None
        self._rows = 0

    def inside(self, frame: "pd.DataFrame", column: str, context: Context) -> "pd.DataFrame":
        """Return the rows of the window, their times without a zone (UTC)."""
        import pandas as pd

        if column not in frame.columns:
            raise DataError(
                f"source `{context.name}` has no column `{column}`",
                where=f"{context.where}.time",
                expected=nearest(column, map(str, frame.columns)),
            )
        time = pd.to_datetime(frame[column], errors="coerce", utc=True, format="ISO8601")
        time = time.dt.tz_localize(None).astype("datetime64[us]")
        if (bad := time.isna() & frame[column].notna()).any():
            row = int(bad.to_numpy().argmax())
            raise DataError(
                f"source `{context.name}`: `{frame[column].iloc[row]}` is no time",
                where=f"{context.where}.time, column `{column}`, row {self._rows + row + 1}",
                expected="dates or times in ISO 8601, as 2013-01-31 or 2013-01-31T17:05",
            )
        self._rows += len(frame)
        if time.notna().any():
            self.low = min(x for x in (self.low, time.min()) if x is not None)
            self.high = max(x for x in (self.high, time.max()) if x is not None)
        window = context.window
        inside = (time >= pd.Timestamp(window.start)) & (time < pd.Timestamp(window.end))
        return frame.assign(**{column: time})[inside]
