"""Identifiers of predictions: UUID version 7 (RFC 9562), which sort by the time they were made."""

import secrets
import time
from uuid import UUID

_NANOSECONDS = 1_000_000
_SUBMILLISECOND_BITS = 12


def new_identifier() -> UUID:
    """Return a UUIDv7: 48 bits of milliseconds, 12 of their fraction, 62 of chance."""
    milliseconds, rest = divmod(time.time_ns(), _NANOSECONDS)
    fraction = (rest << _SUBMILLISECOND_BITS) // _NANOSECONDS
    chance = secrets.randbits(62)
    return UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | chance)
