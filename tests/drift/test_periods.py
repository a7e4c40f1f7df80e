"""Rows that time ties together: the reference's own periods say what is usual."""

import numpy as np
import pandas as pd
import pytest

from playbill.config.schema import Drift
from playbill.contract.column import Column
from playbill.drift.decision import check
from playbill.drift.periods import PERIOD_LIMIT, length_of, needed, period_index
from playbill.drift.profile import build_profile
from playbill.drift.report import as_html, as_markdown
from playbill.errors import BundleError, ConfigError, DataError

COLUMNS = [Column("level", "number"), Column("kind", "text")]
POLICY = Drift(draws=200, unit="period", minimum_effect=0)
ROWS = 50  # rows of one day


def days(number: int, seed: int, *, start: str = "2013-01-01", shift: float = 0) -> pd.DataFrame:
    """Draw rows whose days differ: each has a level and a mix of kinds of its own, with memory."""
    rng = np.random.default_rng(seed)
    level = np.zeros(number + 60)
    for day in range(1, len(level)):
        level[day] = 0.9 * level[day - 1] + rng.normal()
    level = np.repeat(level[60:], ROWS) + shift
    share = 1 / (1 + np.exp(-level / 4))
    return pd.DataFrame(
        {
            "level": level + 0.3 * rng.normal(size=len(level)),
            "kind": np.where(rng.random(len(level)) < share, "a", "b"),
            "at": pd.Timestamp(start)
            + pd.to_timedelta(np.repeat(np.arange(number), ROWS), unit="D"),
        }
    )


def test_a_day_of_the_same_series_is_usual_where_a_test_of_rows_alarms() -> None:
    """The series has an autocorrelation of 0.9; a binomial of 60 and 0.075 exceeds 10 in 0.7 %."""
    alarms, careless = 0, 0
    for repeat in range(60):
        frame = days(140, repeat)
        reference, current = frame[: 90 * ROWS], frame[-ROWS:]
        profile = build_profile(reference, COLUMNS, POLICY, time="at")
        alarms += (
            check(profile, current, POLICY.model_copy(update={"minimum_rows": 10})).verdict
            == "drift"
        )
        rows = Drift(draws=200, minimum_effect=0, minimum_rows=10)
        careless += check(profile, current, rows).verdict == "drift"
    assert alarms <= 10
    assert careless >= 55


def test_a_week_unlike_any_of_the_reference_is_drift() -> None:
    profile = build_profile(days(90, 1), COLUMNS, POLICY, time="at")
    report = check(profile, days(7, 2, start="2013-06-01", shift=12), POLICY)
    assert report.verdict == "drift"
    assert (report.basis, report.periods, report.windows) == ("windows", 7, 84)
    assert "84 windows" in as_markdown(report)
    assert "84 windows" in as_html(report)
    assert report.pairs == ()


def test_rows_without_a_time_are_measured_by_their_number() -> None:
    profile = build_profile(days(90, 1), COLUMNS, POLICY, time="at")
    section = profile["periods"]
    current = days(7, 2, start="2013-06-01")
    assert length_of(section, 7, len(current)) == 7
    assert length_of(section, None, len(current)) == 7


def test_rows_of_the_same_periods_are_compared_period_by_period() -> None:
    """Shifted by less than days differ: only within its day is such a shift seen."""
    frame = days(90, 1)
    profile = build_profile(frame, COLUMNS, POLICY, time="at")
    half = frame.sample(frac=0.5, random_state=3)
    report = check(profile, half, POLICY)
    assert (report.verdict, report.basis, report.periods) == ("no drift", "same periods", 90)
    assert "compared with its rows there" in as_markdown(report)
    assert "compared with the reference rows of its period" in as_html(report)
    shifted = check(profile, half.assign(level=half["level"] + 0.3), POLICY)
    assert [column.name for column in shifted.drifted] == ["level"]
    assert shifted.drifted[0].effect > 0.02


def test_other_rows_of_the_same_days_keep_the_level() -> None:
    """Eighty reports of two columns; a binomial of 80 and 0.05 exceeds 9 in 0.6 %."""
    alarms = 0
    for repeat in range(80):
        frame = days(30, repeat)
        first = np.random.default_rng(repeat).random(len(frame)) < 0.6
        profile = build_profile(frame[first], COLUMNS, POLICY, time="at")
        alarms += check(profile, frame[~first], POLICY).verdict == "drift"
    assert alarms <= 9


def test_a_span_that_has_no_windows_goes_by_the_design_effect() -> None:
    frame = days(90, 1)
    profile = build_profile(frame, COLUMNS, POLICY, time="at")
    later = days(85, 2, start="2014-01-01", shift=30)
    report = check(profile, later, POLICY)
    assert (report.verdict, report.basis, report.periods) == ("drift", "design effect", 85)
    assert "count for less than their number" in as_markdown(report)


@pytest.mark.parametrize("span", [30, 90])
def test_a_long_span_of_the_same_series_is_usual(span: int) -> None:
    """A binomial of 40 and 0.05 exceeds 6 in 1.4 %."""
    alarms = 0
    for repeat in range(40):
        frame = days(90 + span, 100 + repeat)
        profile = build_profile(frame[: 90 * ROWS], COLUMNS, POLICY, time="at")
        alarms += check(profile, frame[90 * ROWS :], POLICY).verdict == "drift"
    assert alarms <= 6


def test_a_level_says_how_many_windows_it_takes() -> None:
    assert needed(0.05) == 19
    assert needed(0.01) == 99


def test_long_references_keep_a_bounded_number_of_periods() -> None:
    section = build_profile(days(400, 1), COLUMNS, POLICY, time="at")["periods"]
    assert len(section["rows"]) <= PERIOD_LIMIT
    assert section["joined"] == 4
    assert length_of(section, 8, len(days(8, 2))) == 2


def test_a_policy_by_period_needs_a_time() -> None:
    frame = days(30, 1)
    with pytest.raises(ConfigError, match="no column holds the time"):
        build_profile(frame, COLUMNS, POLICY)
    with pytest.raises(DataError, match="no time in 1 rows"):
        build_profile(
            frame.assign(at=frame["at"].where(frame.index > 0)), COLUMNS, POLICY, time="at"
        )
    with pytest.raises(DataError, match="holds no times"):
        period_index(pd.Series(["soon"], name="at"), "1d")


def test_a_profile_without_periods_says_what_to_do() -> None:
    profile = build_profile(days(30, 1), COLUMNS, Drift())
    with pytest.raises(BundleError, match="has none") as info:
        check(profile, days(7, 2), POLICY)
    assert "unit: row" in info.value.run


@pytest.mark.parametrize(("period", "expected"), [("1d", 2), ("12h", 3), ("1w", 1), ("2d", 1)])
def test_periods_are_hours_days_or_weeks(period: str, expected: int) -> None:
    time = pd.Series(pd.to_datetime(["2013-01-01 01:00", "2013-01-01 13:00", "2013-01-02 02:00"]))
    assert len(set(period_index(time, period).tolist())) == expected
