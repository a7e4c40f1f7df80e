"""What a contract says beyond rows: what becomes of those that break it, and of the whole table."""

from typing import Annotated, Literal

from pydantic import Field

from playbill.config.group import Group
from playbill.config.scalar import Share, Span

# fail: the stage stops; quarantine: the rows are put aside; warn: it is only said.
Policy = Literal["fail", "quarantine", "warn"]
TablePolicy = Literal["fail", "warn"]


class Quarantine(Group):
    """Rows that break a check whose policy is `quarantine`."""

    share: Share = 0.01
    """Largest share of the rows that may be put aside; beyond it the stage fails."""


class Freshness(Group):
    """How old the newest row may be."""

    max_age: Annotated[str, Field(pattern=r"^\d+[dhm]$")]
    """Longest span from the newest time to the end of the window: a number and d, h or m."""
    policy: TablePolicy = "fail"
    """What becomes of a table that is older."""


class Volume(Group):
    """How many rows the last window may have, against the ones before."""

    every: Span = "1w"
    """Length of a window, as 1w, 1m or 1d, by the calendar; what the ends cut is left out."""
    windows: Annotated[int, Field(ge=1, le=1000)] = 4
    """Windows before the last whose median it is compared with."""
    low: Annotated[float, Field(ge=0)] = 0.5
    """Fewest rows, as a share of that median."""
    high: Annotated[float, Field(gt=0)] = 2.0
    """Most rows, as a share of that median."""
    policy: TablePolicy = "fail"
    """What becomes of a table whose last window has fewer or more."""


class Missing(Group):
    """How much of a column may be missing."""

    share: Annotated[float, Field(ge=0, le=1)]
    """Largest share of missing values."""
    policy: TablePolicy = "fail"
    """What becomes of a table in which more is missing."""


class Statistics(Group):
    """Checks of the table as a whole. Time is measured from the window, never from the clock."""

    freshness: Freshness | None = None
    """How old the newest row may be."""
    volume: Volume | None = None
    """How many rows the last window may have."""
    missing: dict[str, Missing] = {}
    """How much may be missing, by column."""
