"""Identifiers of predictions: UUID version 7 (RFC 9562), which sort by the time they were made."""

import os
import time
from uuid import UUID

_NANOSECONDS = 1_000_000
_SUBMILLISECOND_BITS = 12
_DRAWN = 2048  # bytes of chance that one system call brings
_DIGITS = 16  # hexadecimal digits of chance that one identifier takes
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}

_pool = ""
_used = 0


def new_identifier() -> UUID:
    """Return a UUIDv7: 48 bits of milliseconds, 12 of their fraction, 62 of chance."""
    return UUID(identifier_text())


def identifier_text() -> str:
    """Return the text of a new UUIDv7, without the cost of the object."""
    return identifier_texts(1)[0]


def identifier_texts(count: int) -> list[str]:
    """Return the texts of UUIDv7s that were made at the same moment."""
    milliseconds, rest = divmod(time.time_ns(), _NANOSECONDS)
    fraction = (rest << _SUBMILLISECOND_BITS) // _NANOSECONDS
    whole = f"{milliseconds:012x}"
    head = f"{whole[:8]}-{whole[8:]}-7{fraction:03x}-"
    return [head + _chance() for _ in range(count)]


def _chance() -> str:
    global _pool, _used  # noqa: PLW0603 - a buffer; at worst two threads each draw one
    pool, used = _pool, _used
    if used + _DIGITS > len(pool):
        pool, used = os.urandom(_DRAWN).hex(), 0
        _pool = pool
    _used = used + _DIGITS
    return f"{_VARIANT[pool[used]]}{pool[used + 1 : used + 4]}-{pool[used + 4 : used + 16]}"
