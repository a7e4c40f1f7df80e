"""Windows begin where the calendar says, so that moving the whole keeps the inner ones."""

from datetime import date

import pytest

from playbill.config.source import Window
from playbill.source.window import pieces, span


def _pieces(start: str, end: str, every: str | None) -> list[str]:
    whole = Window(start=date.fromisoformat(start), end=date.fromisoformat(end))
    return [span(piece) for piece in pieces(whole, every)]


def test_without_a_length_the_whole_is_one() -> None:
    assert _pieces("2020-01-15", "2020-03-10", None) == ["2020-01-15_2020-03-10"]


def test_months_begin_on_their_first_day_and_the_ends_are_cut() -> None:
    assert _pieces("2020-01-15", "2020-03-10", "1m") == [
        "2020-01-15_2020-02-01", "2020-02-01_2020-03-01", "2020-03-01_2020-03-10",
    ]  # fmt: skip


def test_weeks_begin_on_mondays() -> None:
    assert _pieces("2020-01-08", "2020-01-20", "1w") == [
        "2020-01-08_2020-01-13", "2020-01-13_2020-01-20",
    ]  # fmt: skip


@pytest.mark.parametrize("every", ["1d", "3d", "1w", "2w", "1m", "3m", "5m"])
def test_a_window_moved_by_a_day_shares_its_inner_pieces(every: str) -> None:
    one = _pieces("2020-01-01", "2021-01-01", every)
    two = _pieces("2020-01-02", "2021-01-02", every)
    assert set(one[1:-1]) & set(two[1:-1]) >= set(one[2:-2])
    assert [o.split("_")[1] for o in one[:-1]] == [o.split("_")[0] for o in one[1:]]
