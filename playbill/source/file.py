"""Sources of kind `file`: local CSV and Parquet files, one or a glob of them."""

import hashlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config.nearest import nearest
from playbill.config.schema import FileSource
from playbill.errors import DataError
from playbill.source.base import Context, Rows, require_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

SUFFIXES = (".csv", ".csv.gz", ".parquet")


def read(source: FileSource, context: Context) -> Rows:
    """Read every file that the path names, and the rows of the window if `time` is set.

    Raises:
        DataError: No such file, an unreadable one, one that lacks a column, or no rows.
    """
    frames, files = [], []
    for path in find(source.path, context):
        content = path.read_bytes()
        frames.append(_parse(path, content, source, context))
        digest = hashlib.sha256(content).hexdigest()
        files.append({"path": path.relative_to(context.root).as_posix(), "sha256": digest})
    frame = _concatenate(frames, [item["path"] for item in files], context)
    facts: dict[str, Any] = {"path": source.path, "files": files}
    if source.time is None:
        return Rows(frame, windowed=False, facts=facts)
    frame = _in_window(frame, source.time, context)
    span = frame[source.time]
    facts |= {"first": span.min().isoformat(), "last": span.max().isoformat()}
    return Rows(frame, windowed=True, facts=facts)


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


def _parse(path: Path, content: bytes, source: FileSource, context: Context) -> "pd.DataFrame":
    import pandas as pd

    name = path.relative_to(context.root).as_posix()
    if not path.name.endswith(SUFFIXES):
        raise DataError(
            f"source `{context.name}`: {name} is of no known format",
            where=f"{context.where}.path",
            expected=f"a name that ends with one of {', '.join(SUFFIXES)}",
        )
    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(BytesIO(content))
        else:
            reader: Callable[..., pd.DataFrame] = pd.read_csv
            packed = "gzip" if path.suffix == ".gz" else None
            frame = reader(BytesIO(content), compression=packed, **source.options)
    except (ValueError, OSError, EOFError, TypeError) as error:
        raise DataError(
            f"source `{context.name}`: {name} cannot be read: {error}",
            where=context.where,
            expected="a well-formed file, and options that its reader knows",
        ) from error
    require_rows(
        len(frame), context, f"source `{context.name}`: {name} has no rows", "at least one row"
    )
    return frame


def _concatenate(
    frames: "list[pd.DataFrame]", names: list[str], context: Context
) -> "pd.DataFrame":
    import pandas as pd

    columns = list(frames[0].columns)
    for frame, name in zip(frames[1:], names[1:], strict=True):
        if strange := sorted(set(columns) ^ set(frame.columns)):
            verb = "lacks" if strange[0] in columns else "adds"
            raise DataError(
                f"source `{context.name}`: {name} {verb} the column `{strange[0]}`",
                where=context.where,
                expected=f"the columns of {names[0]}: {', '.join(columns)}",
            )
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def _in_window(frame: "pd.DataFrame", column: str, context: Context) -> "pd.DataFrame":
    import pandas as pd

    if column not in frame.columns:
        raise DataError(
            f"source `{context.name}` has no column `{column}`",
            where=f"{context.where}.time",
            expected=nearest(column, map(str, frame.columns)),
        )
    time = pd.to_datetime(frame[column], errors="coerce", utc=True, format="ISO8601")
    time = time.dt.tz_localize(None)
    if (bad := time.isna() & frame[column].notna()).any():
        row = int(bad.to_numpy().argmax())
        raise DataError(
            f"source `{context.name}`: `{frame[column].iloc[row]}` is no time",
            where=f"{context.where}.time, column `{column}`, row {row + 1}",
            expected="dates or times in ISO 8601, as 2013-01-31 or 2013-01-31T17:05",
        )
    window = context.window
    inside = (time >= pd.Timestamp(window.start)) & (time < pd.Timestamp(window.end))
    require_rows(
        int(inside.sum()),
        context,
        f"source `{context.name}` has no rows from {window.start} to {window.end}",
        f"a window that meets its rows, which go from {time.min()} to {time.max()}",
    )
    return frame.assign(**{column: time})[inside].reset_index(drop=True)
