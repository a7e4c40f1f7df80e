from datetime import date

import pytest

from playbill.config.span import is_span, later


@pytest.mark.parametrize(
    ("day", "span", "after"),
    [
        (date(2013, 1, 1), "30d", date(2013, 1, 31)),
        (date(2013, 1, 1), "2w", date(2013, 1, 15)),
        (date(2013, 1, 31), "1m", date(2013, 2, 28)),
        (date(2013, 12, 1), "1m", date(2014, 1, 1)),
        (date(2013, 1, 1), "0d", date(2013, 1, 1)),
    ],
)
def test_a_span_leads_to_a_later_day(day: date, span: str, after: date) -> None:
    assert later(day, span) == after


def test_what_is_no_span_is_refused() -> None:
    assert not is_span("1y")
    with pytest.raises(ValueError, match="no span of time"):
        later(date(2013, 1, 1), "soon")
