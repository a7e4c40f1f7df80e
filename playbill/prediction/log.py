"""Reads the prediction log that servers write: `predictions-*.jsonl`, one JSON object a line.

Segments carry in their name the UUIDv7 of the moment they were begun, and a prediction's identifier
carries its own, so that only segments which can hold it are read, the latest first.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from playbill.errors import DataError, MissingExtraError, UsageError

UUID_VERSION = 7
SLACK = 60_000  # milliseconds that an answer may have waited for its segment to be begun
_NAME = re.compile(r"predictions-\d+-([0-9a-f-]{36})\.jsonl$")


def find(identifier: str, log: str) -> dict[str, Any]:
    """Return the record of a prediction.

    Args:
        identifier: The `prediction_id` of the answer.
        log: Folder of the segments, or a URL that fsspec opens.

    Raises:
        UsageError: It is no identifier of ours.
        DataError: The log does not have it, or cannot be read.
    """
    wanted = _identifier(identifier)
    start = f'{{"prediction_id":"{wanted}"'.encode()
    count = 0
    for name, lines in _segments(log, wanted):
        count += 1
        for line in lines:
            if line.startswith(start):
                return _record(line, name)
    raise DataError(
        f"no record of the prediction {wanted}",
        where=log,
        expected=f"a line in one of the {count} segments that could hold it",
        run="name the folder or the URL to which the server logs, with --log",
    )


def is_identifier(text: str) -> bool:
    """Say whether a text can be the identifier of a prediction."""
    try:
        return UUID(text).version == UUID_VERSION
    except ValueError:
        return False


def moment_of(identifier: str) -> float:
    """Return when a prediction was made, in seconds since 1970."""
    return _milliseconds(identifier) / 1000


def records(log: str) -> Iterator[dict[str, Any]]:
    """Yield every record of a log, oldest segment first; a torn last line is left out."""
    for name, lines in reversed(list(_segments(log, None))):
        for line in lines:
            if line.endswith(b"\n"):
                yield _record(line, name)


def _identifier(text: str) -> str:
    try:
        found = UUID(text)
    except ValueError:
        found = None
    if found is None or found.version != UUID_VERSION:
        raise UsageError(
            f"{text[:60]!r} is no identifier of a prediction",
            expected="the prediction_id of an answer, such as 01a20bfd-909c-78ae-8200-e7c7f558f3f6",
        )
    return str(found)


def _segments(log: str, wanted: str | None) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield the segments that may hold an identifier, latest first, with their lines."""
    if "://" in log:
        system, root, names = remote(log)
    else:
        system, root = None, log
        folder = Path(log)
        if not folder.is_dir():
            raise DataError("there is no such folder", where=log, expected="a prediction log")
        names = [path.name for path in folder.iterdir()]
    begun = {found.group(1): name for name in names if (found := _NAME.search(name))}
    for moment in sorted(begun, reverse=True):
        if wanted is None or _milliseconds(moment) <= _milliseconds(wanted) + SLACK:
            name = begun[moment]
            path = f"{root.rstrip('/')}/{name}"
            yield name, _lines(system, path)


def _milliseconds(identifier: str) -> int:
    return UUID(identifier).int >> 80


def _lines(system: Any, path: str) -> Iterator[bytes]:
    try:
        with Path(path).open("rb") if system is None else system.open(path, "rb") as file:
            yield from file
    except OSError as error:
        raise DataError(f"a segment cannot be read: {error}", where=path) from error


def remote(log: str) -> tuple[Any, str, list[str]]:
    """Return the file system of a URL, the folder's path in it and the names of its files.

    Raises:
        DataError: It cannot be read.
        MissingExtraError: fsspec, or what it needs for this URL, is not installed.
    """
    try:
        from fsspec.core import url_to_fs

        system, root = url_to_fs(log)
        names = [str(path).rpartition("/")[2] for path in system.ls(root, detail=False)]
    except ImportError as error:
        raise MissingExtraError(
            f"the log cannot be opened: {error}", where=log, run="pip install s3fs (gcsfs, adlfs)"
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"the log cannot be read: {error}", where=log) from error
    return system, str(root), names


def _record(line: bytes, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError as error:
        raise DataError("a line of the log is no JSON", where=name) from error
    return found
