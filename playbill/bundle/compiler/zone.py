"""A time zone as numbers: when its offset from UTC changes, and what it is between the changes.

So a server needs no time zone database, and cannot have another one than the model had.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from playbill.bundle.runtime.preparation import CYCLE, DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = -4_500_000_000  # in 1827, before any zone left its local mean time
# From about 2110 on only the zones' last rules are left; 400 years of them are written out.
LAST = 4_400_000_000 + CYCLE


def changes_of(name: str) -> "tuple[Floats, Floats]":
    """Return the offsets of a zone.

    Found day by day, then second by second: two changes within a day that undo each other are not
    seen, and no zone has such.

    Returns:
        The seconds since 1970 (UTC) from which on an offset holds, shape (c,), the last of them the
        end of what is written out; and the offsets in seconds, shape (c + 1,).
    """
    zone = ZoneInfo(name)
    changes: list[int] = []
    offsets = [_offset(zone, FIRST)]
    for day in range(FIRST, LAST, DAY):
        after = _offset(zone, day + DAY)
        if after != offsets[-1]:
            changes.append(_change(zone, day, day + DAY))
            offsets.append(after)
    return np.array([*changes, LAST], dtype=np.float64), np.array(
        [*offsets, offsets[-1]], dtype=np.float64
    )


def _change(zone: ZoneInfo, low: int, high: int) -> int:
    """Return the first second after `low` with the offset of `high`."""
    before = _offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(zone: ZoneInfo, seconds: int) -> float:
    found = (EPOCH + timedelta(seconds=seconds)).astimezone(zone).utcoffset()
    assert found is not None
    return found.total_seconds()
