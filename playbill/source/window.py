"""The windows that a span of time is fetched in: pieces that begin and end by the calendar."""

from datetime import date, timedelta

from playbill.config.source import Window
from playbill.config.span import later

_MONDAY = date(1970, 1, 5)
_MONTHS = 12


def pieces(window: Window, every: str | None) -> list[Window]:
    """Return the windows of `every` that make up `window`, in order; its ends cut the outer two.

    They begin where the calendar says (a first of the month, a Monday, a day), not where `window`
    begins: so a window that was moved by a day shares all inner ones with the one before.

    Args:
        window: The whole.
        every: Their length, as 1m, 2w or 1d; None: one that is the whole.
    """
    if every is None:
        return [window]
    found, start = [], _floor(window.start, every)
    while start < window.end:
        end = later(start, every)
        if end > start:
            found.append(Window(start=max(start, window.start), end=min(end, window.end)))
        start = end
    return found


def span(window: Window) -> str:
    """Return the name of a window's files, as 2013-01-01_2013-02-01."""
    return f"{window.start}_{window.end}"


def _floor(day: date, every: str) -> date:
    count, unit = int(every[:-1]), every[-1]
    if unit == "m":
        month = day.year * _MONTHS + day.month - 1
        month -= month % count
        return date(month // _MONTHS, month % _MONTHS + 1, 1)
    days = count * (7 if unit == "w" else 1)
    return day - timedelta(days=(day - _MONDAY).days % days)
