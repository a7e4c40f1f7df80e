"""How what `evaluate` measures is drawn, searched and shuffled: typed keys of conf/evaluation."""

from typing import Annotated, Literal

from pydantic import Field

from playbill.config.group import Group
from playbill.config.scalar import Share


class Interval(Group):
    """How the interval of every metric is drawn: by bootstrap."""

    level: Share = 0.95
    """Share of intervals that should hold the true value."""
    draws: Annotated[int, Field(ge=100, le=100_000)] = 1000
    """Number of bootstrap draws."""
    method: Literal["percentile", "bca"] = "percentile"
    """bca corrects for bias and skewness; it costs up to 200 draws more."""
    block: Annotated[str, Field(pattern=r"^(group|[1-9]\d*[mhd])$")] | None = None
    """Rows that depend on each other are drawn together: `group`, or a span of time as 1h or 1d."""


class SliceSearch(Group):
    """How the worst slices are looked for, among one- and two-way slices over the inputs."""

    columns: list[str] | None = None
    """Columns to look at; null: every input."""
    bins: Annotated[int, Field(ge=2, le=20)] = 4
    """Ranges that a number is cut into, at its quantiles."""
    categories: Annotated[int, Field(ge=1, le=100)] = 20
    """Commonest values of a text that are looked at."""
    rate: Share = 0.05
    """False discovery rate: share of wrongly found slices among those that are found."""
    shown: Annotated[int, Field(ge=0, le=100)] = 10
    """Slices that are reported; 0: no search."""


class Importance(Group):
    """How the importance of each input is measured: the rise in loss when it is shuffled."""

    rows: Annotated[int, Field(ge=0)] = 2000
    """Most rows of the hold-out that are used; 0: not measured."""
    repeats: Annotated[int, Field(ge=1, le=100)] = 3
    """How often each input is shuffled."""
