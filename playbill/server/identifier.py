"""Identifiers of predictions: UUID version 7 (RFC 9562), which sort by the time they were made."""

import os
import time
from uuid import UUID

_NANOSECONDS = 1_000_000
_SUBMILLISECOND_BITS = 12
_DRAWN = 4096  # bytes of chance that one system call brings
_CHANCE = 8

_pool = b""
_used = 0


def new_identifier() -> UUID:
    """Return a UUIDv7: 48 bits of milliseconds, 12 of their fraction, 62 of chance."""
    return UUID(identifier_text())


def identifier_text() -> str:
    """Return the text of a new UUIDv7, without the cost of the object."""
    global _pool, _used  # noqa: PLW0603 - a buffer; at worst two threads each draw one
    pool, used = _pool, _used
    if used + _CHANCE > len(pool):
        pool, used = os.urandom(_DRAWN), 0
        _pool = pool
    _used = used + _CHANCE
    milliseconds, rest = divmod(time.time_ns(), _NANOSECONDS)
    fraction = (rest << _SUBMILLISECOND_BITS) // _NANOSECONDS
    head = f"{milliseconds:012x}7{fraction:03x}"
    chance = int.from_bytes(pool[used : used + _CHANCE], "big") & (2**62 - 1) | 2 << 62
    tail = f"{chance:016x}"
    return f"{head[:8]}-{head[8:12]}-{head[12:]}-{tail[:4]}-{tail[4:]}"


def moment_of(identifier: str) -> float:
    """Return when an identifier of ours was made, in seconds since 1970.

    Raises:
        ValueError: It is no UUIDv7.
    """
    found = UUID(identifier)
    if found.version != 7:  # noqa: PLR2004 - the version that we make
        raise ValueError(identifier)
    return (found.int >> 80) / 1000
