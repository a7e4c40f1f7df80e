"""Windows move by calendar months, weeks or days."""

from datetime import date

import pytest

from playbill.config.source import Window
from playbill.errors import UsageError
from playbill.pipeline.window import beyond, parse_window, shift

QUARTER = Window(start=date(2013, 1, 1), end=date(2013, 4, 1))


@pytest.mark.parametrize(
    ("by", "start", "end"),
    [
        ("1m", date(2013, 2, 1), date(2013, 5, 1)),
        ("12m", date(2014, 1, 1), date(2014, 4, 1)),
        ("2w", date(2013, 1, 15), date(2013, 4, 15)),
        ("30d", date(2013, 1, 31), date(2013, 5, 1)),
    ],
)
def test_a_window_moves_as_a_whole(by: str, start: date, end: date) -> None:
    assert shift(QUARTER, by) == Window(start=start, end=end)


def test_the_last_day_of_a_month_stays_in_the_month_that_is_meant() -> None:
    window = Window(start=date(2013, 1, 31), end=date(2013, 3, 31))
    assert shift(window, "1m") == Window(start=date(2013, 2, 28), end=date(2013, 4, 30))


def test_what_lies_beyond_is_what_moving_would_add() -> None:
    assert beyond(QUARTER, "1m") == Window(start=date(2013, 4, 1), end=date(2013, 5, 1))


@pytest.mark.parametrize("by", ["", "m", "1y", "-1m", "0.5m"])
def test_a_span_that_is_none_is_told_what_one_is(by: str) -> None:
    with pytest.raises(UsageError, match="no span of time"):
        shift(QUARTER, by)


@pytest.mark.parametrize("text", ["", "July", "2013-04-01", "2013-04-01:2013-04-01"])
def test_a_window_that_is_none_is_told_what_one_is(text: str) -> None:
    with pytest.raises(UsageError, match="no window"):
        parse_window(text)
