"""Finds many predictions in a log at once: which of these identifiers did this server answer?

A segment is searched for bytes, not read line by line, and only segments that were open at a time
when the prediction can have been written are searched: some milliseconds each, whatever their age.
"""

import json
import mmap
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from playbill.prediction.log import SLACK, remote

_NAME = re.compile(r"predictions-\d+-([0-9a-f-]{36})\.jsonl$")
START = b'{"prediction_id":"'
LENGTH = 36  # characters of an identifier
BLOCK = 1024 * 1024  # bytes that are asked of object storage at a time
FEW = 4  # identifiers up to which a search for each is faster than a look at every line

Segments = Mapping[str, int]


def locate(
    identifiers: Iterable[str], logs: Sequence[str], *, segment_seconds: float = 3600.0
) -> dict[str, dict[str, Any]]:
    """Return the records of those predictions that the logs have, by identifier.

    Args:
        identifiers: UUIDs of version 7, in their usual form.
        logs: Folders of segments, or URLs that fsspec opens; the first that has one wins.
        segment_seconds: Longest time that a segment was written to; what is older is finished.

    Raises:
        DataError: A log cannot be read.
        MissingExtraError: Object storage needs a package that is not there.
    """
    wanted = dict.fromkeys(identifiers)
    found: dict[str, dict[str, Any]] = {}
    for log in logs:
        left = [name for name in wanted if name not in found]
        if left:
            found |= _search(left, log, int(segment_seconds * 1000))
    return found


def _search(wanted: Sequence[str], log: str, longest: int) -> dict[str, dict[str, Any]]:
    system, root, names = remote(log) if "://" in log else (None, log, _names(Path(log)))
    begun = {name: _milliseconds(match[1]) for name in names if (match := _NAME.search(name))}
    asked: dict[str, list[str]] = {}
    for identifier in wanted:
        for segment in _candidates(identifier, begun, longest):
            asked.setdefault(segment, []).append(identifier)
    found: dict[str, dict[str, Any]] = {}
    for segment, identifiers in sorted(asked.items(), reverse=True):
        left = [each for each in identifiers if each not in found]
        path = f"{root.rstrip('/')}/{segment}"
        for identifier, line in _lines(system, path, left):
            found[identifier] = json.loads(line)
    return found


def _candidates(identifier: str, begun: Segments, longest: int) -> Iterator[str]:
    made = _milliseconds(identifier)
    for segment, moment in begun.items():
        if made - longest - SLACK <= moment <= made + SLACK:
            yield segment


def _lines(system: Any, path: str, wanted: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    if not wanted:
        return
    if system is not None:
        with system.open(path, "rb", block_size=BLOCK) as file:
            yield from _streamed(file, set(wanted))
        return
    try:
        with Path(path).open("rb") as file:
            if Path(path).stat().st_size:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    yield from _within(content, wanted)
    except FileNotFoundError:  # it was moved to object storage meanwhile, which is asked next
        return


def _within(content: Any, wanted: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the whole lines of identifiers; one that is still being written is none."""
    if len(wanted) > FEW:
        yield from _by_line(content, set(wanted))
        return
    for identifier in wanted:
        head = START + identifier.encode()
        start = content.find(head)
        # What looks like a line's beginning may be text inside another line's row.
        while start > 0 and content[start - 1 : start] != b"\n":
            start = content.find(head, start + 1)
        end = content.find(b"\n", start) if start >= 0 else -1
        if end >= 0:
            yield identifier, bytes(content[start:end])


def _by_line(content: Any, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    for line in iter(content.readline, b""):
        name = line[len(START) : len(START) + LENGTH].decode("ascii", "replace")
        if name in wanted and line.startswith(START) and line.endswith(b"\n"):
            yield name, line


def _streamed(file: Any, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the whole lines of identifiers, a block of the storage in memory at a time.

    What lies behind the last of them is not read: lines stand in the order in which they were
    answered, but for the time that an answer may wait.
    """
    latest = max(map(_milliseconds, wanted)) + SLACK
    left = set(wanted)
    for line in file:
        name = line[len(START) : len(START) + LENGTH].decode("ascii", "replace")
        if not (line.startswith(START) and line.endswith(b"\n")):
            continue
        if name in left:
            left.discard(name)
            yield name, line
        if not left or _later(name, latest):
            return


def _later(name: str, moment: int) -> bool:
    try:
        return _milliseconds(name) > moment
    except ValueError:
        return False


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def _milliseconds(identifier: str) -> int:
    return int(identifier.replace("-", "")[:12], 16)
