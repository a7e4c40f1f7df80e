import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from playbill.drift import comparison
from playbill.drift.comparison import compare, holm, limit_of_draws, seed_of


def test_the_p_value_of_a_two_by_two_table_is_the_exact_one() -> None:
    reference, current = np.array([60, 40]), np.array([20, 25])
    outcomes = np.arange(46)
    chances = hypergeom.pmf(outcomes, 145, 80, 45)
    expected = 80 * 45 / 145
    exact = chances[np.abs(outcomes - expected) >= abs(20 - expected) - 1e-9].sum()
    found = compare(reference, current, draws=40_000, limit=40_000, seed=(0, 1))
    assert found.p_value == pytest.approx(exact, abs=0.01)


def test_the_statistic_is_pearsons_and_the_distance_total_variation() -> None:
    reference, current = np.array([30, 50, 20]), np.array([10, 20, 30])
    pooled = reference + current
    expected = np.outer([100, 60], pooled / 160)
    pearson = ((np.stack([reference, current]) - expected) ** 2 / expected).sum()
    found = compare(reference, current, draws=200, limit=200, seed=(0,))
    assert found.statistic == pytest.approx(pearson)
    assert found.distance == pytest.approx(abs(reference / 100 - current / 60).sum() / 2)


@pytest.mark.parametrize(("m", "n"), [(1000, 30), (200, 200), (50, 2000)])
def test_p_values_are_below_alpha_as_often_as_alpha_says(m: int, n: int) -> None:
    """Also where chi-square tables fail: rare bins, few rows, unequal sizes."""
    rng = np.random.default_rng(11)
    shares = np.array([0.5, 0.3, 0.15, 0.04, 0.008, 0.002])
    small = 0
    for repeat in range(600):
        reference, current = rng.multinomial(m, shares), rng.multinomial(n, shares)
        found = compare(reference, current, draws=200, limit=200, seed=(repeat,))
        small += found.p_value <= 0.1
    assert small <= 600 * 0.1 + 3 * (600 * 0.1 * 0.9) ** 0.5


def test_the_effect_takes_off_what_sampling_alone_gives() -> None:
    rng = np.random.default_rng(3)
    before = np.full(10, 0.1)
    after = before + np.array([0.02] * 5 + [-0.02] * 5)
    same, moved = [], []
    for repeat in range(60):
        reference = rng.multinomial(1000, before)
        alike, other = rng.multinomial(1000, before), rng.multinomial(1000, after)
        same.append(compare(reference, alike, draws=200, limit=200, seed=(repeat,)))
        moved.append(compare(reference, other, draws=200, limit=200, seed=(repeat,)))
    assert np.mean([one.distance for one in same]) > 0.045
    assert np.mean([one.effect for one in same]) < 0.02
    assert np.mean([one.effect for one in moved]) == pytest.approx(0.1, abs=0.015)


def test_more_draws_are_taken_only_where_they_can_matter() -> None:
    alike = compare(np.array([50, 50]), np.array([50, 50]), draws=100, limit=5000, seed=(0,))
    apart = compare(np.array([90, 10]), np.array([10, 90]), draws=100, limit=5000, seed=(0,))
    assert alike.p_value == 1.0
    assert apart.p_value == pytest.approx(1 / 5001)


def test_holm_can_still_flag_one_of_a_thousand_columns() -> None:
    smallest = 1 / (1 + limit_of_draws(1000, 0.05, 2000))
    assert holm([smallest, *[1.0] * 999])[0] <= 0.05


def test_no_rows_on_a_side_is_no_evidence() -> None:
    found = compare(np.array([5, 5]), np.array([0, 0]), draws=100, limit=100, seed=(0,))
    assert (found.p_value, found.effect) == (1.0, 0.0)


def test_beyond_a_billion_rows_the_draws_keep_mean_and_spread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pooled = np.array([50_000, 30_000, 20_000])
    exact = comparison._deal(np.random.default_rng(0), pooled, 40_000, 40_000)
    monkeypatch.setattr(comparison, "HYPERGEOMETRIC_LIMIT", 1)
    normal = comparison._deal(np.random.default_rng(0), pooled, 40_000, 40_000)
    assert normal.mean(axis=0) == pytest.approx(exact.mean(axis=0), rel=1e-3)
    assert np.cov(normal.T) == pytest.approx(np.cov(exact.T), rel=0.05)


def test_a_columns_draws_depend_on_its_name_and_on_nothing_else() -> None:
    assert seed_of(7, "temp") == seed_of(7, "temp")
    assert seed_of(7, "temp") != seed_of(7, "dewp")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_never_lowers_a_p_value_nor_changes_their_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))
    assert max(adjusted) <= 1
    pairs = sorted(zip(p_values, adjusted, strict=True))
    assert [a for _, a in pairs] == sorted(a for _, a in pairs)
    assert min(adjusted) == min(1, min(p_values) * len(p_values))


def test_what_is_beyond_doubt_is_not_drawn_on_and_keeps_its_p_value() -> None:
    before, after = np.array([5000, 5000]), np.array([4000, 6000])
    plain = compare(before, after, draws=200, limit=10_000, seed=(1,))
    assert plain.p_value == 1 / 10_001
    assert plain.effect == pytest.approx(0.1, abs=0.002)


def test_a_rare_bin_is_drawn_however_large_chi_square_is() -> None:
    """One row more in a bin that expects a hundredth of one: chi-square is no measure of that."""
    before, after = np.array([999_990, 10]), np.array([990, 10])
    seen = compare(before, after, draws=200, limit=2000, seed=(1,))
    assert seen.statistic > 1000
    assert seen.p_value == 1 / 2001
