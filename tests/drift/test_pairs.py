"""Pairs of columns: what no single column shows."""

import json

import numpy as np
import pandas as pd
import pytest

from playbill.config.schema import Drift
from playbill.contract.column import Column
from playbill.drift.decision import check
from playbill.drift.pairs import (
    GROUPS,
    PAIR_LIMIT,
    SIZE,
    beyond_margins,
    coarse_groups,
    table,
    tables,
)
from playbill.drift.profile import build_profile
from playbill.drift.report import as_html, as_markdown
from playbill.drift.result import DriftReport

COLUMNS = [Column("x", "number"), Column("y", "number"), Column("kind", "text")]
POLICY = Drift(draws=500)


def draw(rows: int, seed: int, correlation: float = 0.6) -> pd.DataFrame:
    """Draw two numbers that hang together, and a text that follows the first."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    y = correlation * x + (1 - correlation**2) ** 0.5 * rng.normal(size=rows)
    kind = np.where(x + 0.5 * rng.normal(size=rows) > 0, "high", "low")
    return pd.DataFrame({"x": x, "y": y, "kind": kind})


def found(current: pd.DataFrame, policy: Drift = POLICY) -> DriftReport:
    return check(build_profile(draw(4000, 1), COLUMNS, policy), current, policy)


def test_a_flipped_correlation_is_seen_though_no_column_moved() -> None:
    report = found(draw(3000, 2, correlation=-0.6))
    assert report.verdict == "drift"
    assert report.drifted == ()
    assert {pair.columns for pair in report.drifted_pairs} == {("x", "y"), ("y", "kind")}
    assert "2 of 3 pairs of columns" in report.reason


def test_a_shuffled_column_is_seen_in_its_pairs_alone() -> None:
    current = draw(3000, 2)
    current["kind"] = current["kind"].sample(frac=1, random_state=3).to_numpy()
    assert {pair.columns for pair in found(current).drifted_pairs} == {("x", "kind"), ("y", "kind")}


def test_a_column_that_moved_by_itself_explains_its_pairs() -> None:
    current = draw(3000, 2)
    current["x"] += 1
    report = found(current)
    assert [column.name for column in report.drifted] == ["x"]
    assert report.drifted_pairs == ()


def test_small_moves_of_single_columns_are_no_drift_of_their_pairs() -> None:
    """Both columns move by less than the margin; together they would pass it."""
    rng = np.random.default_rng(3)
    current = draw(40_000, 2)
    current["x"] += 0.1
    current["kind"] = current["kind"].mask(rng.random(len(current)) < 0.08, "high")
    report = check(build_profile(draw(40_000, 1), COLUMNS, POLICY), current, POLICY)
    assert report.verdict == "no drift"
    assert all(0.03 < c.effect < 0.05 for c in report.columns if c.name != "y")
    assert max(pair.effect for pair in report.pairs) < 0.04


def test_a_table_with_other_margins_and_the_same_odds_ratios_has_not_moved() -> None:
    rng = np.random.default_rng(1)
    reference = rng.integers(1_000, 9_000, (1, SIZE, SIZE))
    scaled = reference * np.array([1, 2, 3, 4, 5])[:, None] * np.array([5, 1, 4, 2, 3])
    flat = (reference.reshape(1, -1), scaled.reshape(1, -1))
    assert beyond_margins(*flat)[0] < 1e-3
    moved = flat[1][:, ::-1].copy()
    assert beyond_margins(flat[0], moved)[0] > 0.05


def test_tables_counted_by_fours_are_those_counted_by_twos() -> None:
    rng = np.random.default_rng(2)
    groups = {f"c{i}": rng.integers(0, SIZE, 500).astype(np.int16) for i in range(7)}
    wanted = [(f"c{i}", f"c{j}") for i in range(7) for j in range(7) if i != j]
    found = tables(groups, wanted)
    for (one, other), each in zip(wanted, found, strict=True):
        assert each.tolist() == table(groups[one], groups[other]).tolist()


def test_values_that_go_missing_together_are_seen() -> None:
    rng = np.random.default_rng(5)
    apart, together = draw(4000, 1), draw(4000, 2)
    for name in ("x", "y"):
        apart.loc[rng.random(4000) < 0.2, name] = np.nan
    together.loc[rng.random(4000) < 0.2, ["x", "y"]] = np.nan
    profile = build_profile(apart, COLUMNS, POLICY)
    report = check(profile, together, POLICY)
    assert report.drifted == ()
    assert ("x", "y") in {pair.columns for pair in report.drifted_pairs}


def test_columns_and_pairs_share_the_level_of_the_report() -> None:
    """Eighty reports at margin 0, the level 10 %; a binomial exceeds 15 in 0.8 % of cases."""
    policy = Drift(draws=200, minimum_effect=0, alpha=0.1)
    alarms = 0
    for repeat in range(80):
        profile = build_profile(draw(600, 2 * repeat), COLUMNS, policy)
        alarms += check(profile, draw(800, 2 * repeat + 1), policy).verdict == "drift"
    assert alarms <= 15


def test_pairs_can_be_left_out() -> None:
    report = found(draw(3000, 2, correlation=-0.6), Drift(draws=500, joint=False))
    assert (report.verdict, report.pairs) == ("no drift", ())


def test_a_profile_of_many_columns_keeps_a_bounded_number_of_pairs_and_every_column() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(600, 40))
    base[:, 39] = base[:, 0] + 0.1 * rng.normal(size=600)
    frame = pd.DataFrame(base, columns=[f"c{i:02}" for i in range(40)])
    profile = build_profile(frame, [Column(str(c), "number") for c in frame.columns], POLICY)
    tables = [tuple(pair["columns"]) for pair in profile["pairs"]]
    assert len(tables) == PAIR_LIMIT
    assert ("c00", "c39") in tables
    assert {name for pair in tables for name in pair} == set(frame.columns)


def test_tables_of_two_halves_add_up_to_the_table_of_both() -> None:
    profile = build_profile(draw(4000, 1), COLUMNS, POLICY)
    (first, *_) = profile["pairs"]
    assert sum(first["counts"]) == 4000 - profile["choosing_rows"]
    assert len(first["counts"]) == (GROUPS + 1) ** 2


def test_coarse_groups_join_neighbours_of_numbers_and_keep_the_commonest_values() -> None:
    assert coarse_groups([1] * 8, ordered=True) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert coarse_groups([5, 50, 2, 40, 1, 30], ordered=False) == [3, 0, 3, 1, 3, 2]
    assert coarse_groups([3, 4], ordered=True) == [0, 1]


def test_a_profile_of_the_first_format_is_still_read() -> None:
    profile = json.loads(json.dumps(build_profile(draw(2000, 1), COLUMNS, POLICY)))
    del profile["pairs"]
    for section in profile["columns"].values():
        del section["coarse"]
    report = check({**profile, "format_version": 1}, draw(1500, 2), POLICY)
    assert (report.verdict, report.pairs) == ("no drift", ())


@pytest.mark.parametrize("form", [as_markdown, as_html])
def test_reports_name_the_pairs(form: "type[object]") -> None:
    text = str(form(found(draw(3000, 2, correlation=-0.6))))  # type: ignore[call-arg]
    assert "x × y" in text  # noqa: RUF001 - the sign of a product
    assert "only together" in text
