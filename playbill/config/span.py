"""Spans of time as conf/ writes them: a number and d, w or m (days, weeks, calendar months)."""

import calendar
import re
from datetime import date, timedelta

PATTERN = r"^(?P<count>\d+)(?P<unit>[dwm])$"
_SPAN = re.compile(PATTERN)
_DAYS = {"d": 1, "w": 7}
_MONTHS = 12


def is_span(text: str) -> bool:
    """Say whether `text` is a span of time."""
    return _SPAN.match(text) is not None


def later(day: date, span: str) -> date:
    """Return the day `span` after `day`; a month later is its same day, or its month's last.

    Raises:
        ValueError: `span` is not of the form 2w, 30d or 1m.
    """
    match = _SPAN.match(span)
    if match is None:
        raise ValueError(f"`{span}` is no span of time: a number and d, w or m, as 1m")
    count, unit = int(match["count"]), match["unit"]
    if unit != "m":
        return day + timedelta(days=count * _DAYS[unit])
    month = day.month - 1 + count
    year, month = day.year + month // _MONTHS, month % _MONTHS + 1
    return day.replace(
        year=year, month=month, day=min(day.day, calendar.monthrange(year, month)[1])
    )
