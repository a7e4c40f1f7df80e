import json
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playbill.config.schema import Drift
from playbill.contract.column import Column
from playbill.drift.decision import check
from playbill.drift.profile import SCORE, build_profile, with_model
from playbill.errors import DataError
from tests.drift.conftest import COLUMNS, Rows, draw

PROFILE = build_profile(draw(4000, 1), COLUMNS, Drift())


@pytest.mark.parametrize("size", [300, 1000, 4000, 20_000])
@pytest.mark.parametrize("margin", [0.0, 0.05])
def test_a_random_half_of_the_training_rows_has_not_drifted(
    size: int, margin: float, rows: Rows, columns: list[Column]
) -> None:
    """The half contains rows that chose the bins: they must not stand out."""
    policy = Drift(draws=500, minimum_effect=margin)
    reference = rows(size, 2)
    half = reference.sample(frac=0.5, random_state=4)
    report = check(build_profile(reference, columns, policy), half, policy)
    assert (report.verdict, report.drifted) == ("no drift", ())


def test_other_rows_of_the_same_kind_have_not_drifted(rows: Rows, policy: Drift) -> None:
    assert check(PROFILE, rows(3000, 9), policy).verdict == "no drift"


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("temp", lambda s, _: s + 5),
        ("temp", lambda s, rng: s.mask(rng.random(len(s)) < 0.1)),
        ("rain", lambda s, _: s.where(s > 0, -0.1)),
        ("hour", lambda s, rng: s.mask(rng.random(len(s)) < 0.12, 12)),
        ("carrier", lambda s, rng: s.mask(rng.random(len(s)) < 0.08, "ZZ")),
        ("carrier", lambda s, rng: s.mask(rng.random(len(s)) < 0.2, "UA")),
        ("tail", lambda s, rng: s.mask(rng.random(len(s)) < 0.1)),
        ("weekend", lambda s, rng: s | (rng.random(len(s)) < 0.15)),
    ],
    ids=["mean", "missing", "zeros", "peak", "new category", "shares", "identifier", "boolean"],
)
def test_a_change_is_seen_in_its_column_and_in_no_other(
    column: str, change: Any, rows: Rows, policy: Drift
) -> None:
    current = rows(3000, 9)
    current[column] = change(current[column], np.random.default_rng(5))
    report = check(PROFILE, current, policy)
    assert report.verdict == "drift"
    assert [one.name for one in report.drifted] == [column]
    assert report.columns[0].name == column
    assert column in report.reason


def test_unknown_categories_are_named_commonest_first_and_capped(rows: Rows, policy: Drift) -> None:
    current = rows(3000, 9)
    current.loc[:599, "carrier"] = [f"Z{i % 30:02}" for i in range(600)]
    current.loc[600:650, "carrier"] = "YY"
    found = next(c for c in check(PROFILE, current, policy).columns if c.name == "carrier")
    assert found.unknown[0] == ("YY", 51)
    assert (len(found.unknown), found.unknown_values, found.unknown_rows) == (10, 31, 651)


def test_an_incomplete_profile_calls_no_value_unknown(rows: Rows, policy: Drift) -> None:
    found = next(c for c in check(PROFILE, rows(500, 9), policy).columns if c.name == "tail")
    assert found.unknown_values == 0


def test_missing_values_are_reported_before_and_after(rows: Rows, policy: Drift) -> None:
    current = rows(1000, 9).assign(temp=None)
    found = check(PROFILE, current, policy).columns[0]
    assert found.name == "temp"
    assert found.missing_before == pytest.approx(0.02, abs=0.01)
    assert found.missing_after == 1


def test_a_small_difference_that_is_certain_is_below_the_margin() -> None:
    current = draw(40_000, 9)
    current["temp"] += 1
    profile = build_profile(draw(40_000, 1), COLUMNS, Drift())
    strict, lenient = Drift(minimum_effect=0), Drift(minimum_effect=0.05)
    assert [c.name for c in check(profile, current, strict).drifted] == ["temp"]
    assert check(profile, current, lenient).verdict == "no drift"


@pytest.mark.parametrize("number", [0, 1, 99])
def test_too_few_rows_give_no_verdict_and_flag_nothing(
    number: int, rows: Rows, policy: Drift
) -> None:
    report = check(PROFILE, rows(number, 9).assign(temp=900.0), policy)
    assert report.verdict == "inconclusive"
    assert report.drifted == ()
    assert f"{number} new rows are fewer than the 100" in report.reason


def test_too_few_reference_rows_give_no_verdict(
    rows: Rows, columns: list[Column], policy: Drift
) -> None:
    profile = build_profile(rows(60, 1), columns, policy)
    report = check(profile, rows(500, 1), policy)
    assert report.verdict == "inconclusive"
    assert "60 reference rows" in report.reason


def test_a_false_alarm_is_as_rare_as_alpha_says() -> None:
    """Sixty reports at margin 0; more of them at more sizes: bench/drift_false_alarms.py."""
    policy = Drift(draws=500, minimum_effect=0, alpha=0.1)
    alarms = 0
    for repeat in range(60):
        profile = build_profile(draw(600, 2 * repeat), COLUMNS, policy)
        alarms += check(profile, draw(900, 2 * repeat + 1), policy).verdict == "drift"
    assert alarms <= 12  # 6 expected; a binomial of 60 and 0.1 exceeds 12 in 0.6 % of cases


def test_scores_are_checked_when_both_sides_have_them(
    rows: Rows, columns: list[Column], policy: Drift
) -> None:
    rng = np.random.default_rng(0)
    profile = build_profile(rows(1000, 1), columns, policy, scores=rng.beta(2, 8, 1000))
    current = rows(1000, 9)
    assert SCORE not in {c.name for c in check(profile, current, policy).columns}
    report = check(profile, current, policy, scores=rng.beta(4, 8, 1000))
    assert [c.name for c in report.drifted] == [SCORE]


def test_a_missing_column_is_named_with_the_nearest_one(rows: Rows, policy: Drift) -> None:
    with pytest.raises(DataError, match="'carrier'") as info:
        check(PROFILE, rows(200, 1).rename(columns={"carrier": "carriers"}), policy)
    assert "carriers" in info.value.expected


def test_a_column_that_occurs_twice_is_refused(rows: Rows, policy: Drift) -> None:
    frame = rows(200, 1)
    with pytest.raises(DataError, match="occurs 2 times"):
        check(PROFILE, pd.concat([frame, frame[["temp"]]], axis=1), policy)


def test_other_columns_and_the_target_do_not_matter(rows: Rows, policy: Drift) -> None:
    frame = rows(500, 9)
    lean = check(PROFILE, frame.drop(columns=["late", "departs"]), policy)
    assert check(PROFILE, frame.assign(extra=1), policy) == lean


def test_the_profile_may_come_back_from_json(rows: Rows, policy: Drift) -> None:
    loaded = json.loads(json.dumps(PROFILE))
    assert check(loaded, rows(500, 9), policy) == check(PROFILE, rows(500, 9), policy)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.integers(1, 400))
def test_the_order_of_rows_and_columns_changes_nothing(random: Any, number: int) -> None:
    policy = Drift(draws=100)
    frame = draw(number, 3)
    order, names = list(range(number)), list(frame.columns)
    random.shuffle(order)
    random.shuffle(names)
    once = json.dumps(check(PROFILE, frame, policy).as_dict())
    assert json.dumps(check(PROFILE, frame.iloc[order][names], policy).as_dict()) == once


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 300))
def test_rows_count_the_same_in_one_piece_and_in_two(cut: int) -> None:
    policy = Drift(draws=100)
    frame = draw(300, 3)
    pieces = [check(PROFILE, part, policy) for part in (frame[:cut], frame[cut:])]
    whole = {c.name: [b.current for b in c.bins] for c in check(PROFILE, frame, policy).columns}
    halves = [{c.name: [b.current for b in c.bins] for c in p.columns} for p in pieces]
    for name, counts in whole.items():
        assert [sum(pair) for pair in zip(halves[0][name], halves[1][name], strict=True)] == counts


def test_columns_are_ranked_by_what_their_drift_can_do_to_the_model(
    rows: Rows, policy: Drift
) -> None:
    importance = {"temp": 0.001, "carrier": 0.5, "hour": -0.2, "no such column": 9.0}
    profile = with_model(build_profile(draw(4000, 1), COLUMNS, policy), importance=importance)
    current = rows(3000, 9)
    current["temp"] += 20
    current["hour"] = 12
    current["carrier"] = current["carrier"].mask(np.random.default_rng(5).random(3000) < 0.1, "ZZ")
    report = check(profile, current, policy)
    assert [column.name for column in report.drifted] == ["carrier", "temp", "hour"]
    assert report.columns[0].importance == 0.5
    plain = check(build_profile(draw(4000, 1), COLUMNS, policy), current, policy)
    assert plain.drifted[0].name == "hour"
    assert {column.importance for column in plain.columns} == {None}


@pytest.mark.parametrize("unit", ["row", "period"])
def test_checks_that_share_the_level_divide_it(unit: Literal["row", "period"]) -> None:
    one = Drift(draws=200, unit=unit, minimum_effect=0)
    many = one.model_copy(update={"checks": 90})
    profile = build_profile(draw(2000, 1), COLUMNS, many, time="departs")
    current = draw(500, 2)
    current["temp"] += 0.25 * 15
    alone, together = check(profile, current, one), check(profile, current, many)
    assert (alone.checks, together.checks) == (1, 90)
    for column in together.columns:
        before = next(each for each in alone.columns if each.name == column.name)
        assert column.adjusted_p_value >= min(1.0, before.adjusted_p_value)
    far = check(profile, current.assign(temp=current["temp"] + 60), many)
    assert "temp" in [column.name for column in far.drifted]
    if unit == "row":
        assert (alone.detectable or 0) < (together.detectable or 0)


def test_checks_of_a_stable_stream_alarm_together_as_rarely_as_alpha_says() -> None:
    """Sixteen streams; a binomial of 16 and 0.05 exceeds 3 in 0.7 %. One check each: most alarm."""
    policy = Drift(draws=200, checks=30, minimum_effect=0, joint=False)
    alarms, careless = 0, 0
    for stream in range(16):
        frame = pd.DataFrame({"a": np.random.default_rng(stream).normal(size=2000 + 30 * 100)})
        profile = build_profile(frame[:2000], [Column("a", "number")], policy)
        days = [frame[2000 + day * 100 :][:100] for day in range(30)]
        smallest = min(check(profile, d, policy).columns[0].adjusted_p_value for d in days)
        alarms += smallest <= policy.alpha
        careless += smallest / policy.checks <= policy.alpha
    assert alarms <= 3
    assert careless >= 8
