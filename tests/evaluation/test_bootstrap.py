"""Intervals mean what they say: they cover as often as declared, and blocks are drawn whole."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from playbill.evaluation.block import by_time, by_value
from playbill.evaluation.bootstrap import Part, Plan, Statistic, draw, intervals
from playbill.evaluation.metrics import statistic
from playbill.evaluation.scored import Scored


def _mean(values: Any) -> Statistic:
    sums = np.column_stack([np.ones(len(values)), values])
    return Statistic(sums, lambda total: {"mean": total[1] / total[0]}, {})


def _binary(rows: int, seed: int = 1) -> Scored:
    generator = np.random.default_rng(seed)
    score = generator.random(rows).round(2)
    return Scored("binary", (generator.random(rows) < score).astype(np.int64), score, ("0", "1"))


def test_a_draw_is_what_scikit_learn_says_of_the_drawn_rows() -> None:
    scored = _binary(200)
    drawn = draw([Part(statistic(scored))], Plan(draws=5, seed=9), 200)[0]
    places = np.random.default_rng(9).integers(200, size=(5, 200))
    for number, rows in enumerate(places):
        truth, score = scored.truth[rows], scored.scores[rows]
        assert drawn["roc_auc"][number] == pytest.approx(roc_auc_score(truth, score))
        expected = average_precision_score(truth, score)
        assert drawn["average_precision"][number] == pytest.approx(expected)
        assert drawn["brier"][number] == pytest.approx(np.mean((score - truth) ** 2))


@pytest.mark.parametrize("size", [7, 150])
def test_a_draw_of_blocks_counts_every_row_of_a_block_alike(size: int) -> None:
    """With fewer blocks than draws the area is added up by blocks, else row by row: the same."""
    scored = _binary(300)
    blocks = np.arange(300) % size
    drawn = draw([Part(statistic(scored))], Plan(blocks, draws=100, seed=2), 300)[0]
    places = np.random.default_rng(2).integers(size, size=(100, size))
    for number in (0, 1, 99):
        rows = np.concatenate([np.flatnonzero(blocks == one) for one in places[number]])
        expected = roc_auc_score(scored.truth[rows], scored.scores[rows])
        assert drawn["roc_auc"][number] == pytest.approx(expected)
        assert drawn["accuracy"][number] == pytest.approx(
            np.mean((scored.scores[rows] >= 0.5) == scored.truth[rows])
        )


@pytest.mark.parametrize("blocks", [None, np.arange(120) // 10])
def test_a_part_is_drawn_with_the_whole(blocks: Any) -> None:
    values = np.random.default_rng(4).normal(size=120)
    rows = np.arange(30, 90)
    inside = np.zeros(120)
    inside[rows] = 1
    same = Statistic(
        np.column_stack([inside, inside * values]), lambda total: {"mean": total[1] / total[0]}, {}
    )
    one, two = draw([Part(_mean(values[rows]), rows), Part(same)], Plan(blocks, draws=50), rows=120)
    np.testing.assert_allclose(one["mean"], two["mean"])


def test_intervals_are_those_of_scipy() -> None:
    values = np.random.default_rng(5).exponential(size=80)
    for method in ("percentile", "bca"):
        expected = stats.bootstrap(
            (values,), np.mean, n_resamples=9000, method=method,
            rng=np.random.default_rng(1), confidence_level=0.9,
        ).confidence_interval  # fmt: skip
        plan = Plan(draws=9000, level=0.9, method=method, seed=2)
        found = intervals([Part(_mean(values))], plan, 80)[0]["mean"]
        assert found is not None
        assert found[:2] == pytest.approx((expected.low, expected.high), abs=0.012)
        assert found.instead is None


def test_few_draws_do_not_carry_bca_and_the_interval_says_that_it_is_another() -> None:
    values = np.random.default_rng(5).exponential(size=80)
    part = [Part(_mean(values))]
    few = intervals(part, Plan(draws=100, method="bca", seed=2), 80)[0]["mean"]
    plain = intervals(part, Plan(draws=100, seed=2), 80)[0]["mean"]
    assert few is not None
    assert plain is not None
    assert few[:2] == plain[:2]
    assert (few.instead, plain.instead) == ("percentile", None)
    many = intervals(part, Plan(draws=2000, method="bca", seed=2), 80)[0]["mean"]
    assert many is not None
    assert many.instead is None


def test_equal_seeds_give_equal_intervals_and_others_do_not() -> None:
    part = [Part(statistic(_binary(100)))]
    assert intervals(part, Plan(draws=100), 100) == intervals(part, Plan(draws=100), 100)
    assert intervals(part, Plan(draws=100), 100) != intervals(part, Plan(draws=100, seed=1), 100)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_intervals_hold_the_true_value_about_as_often_as_declared(method: Any) -> None:
    """400 samples; 90 % intervals cover between 85 and 94 %, four standard errors off at most."""
    rounds, covered = 400, 0
    for seed in range(rounds):
        values = np.random.default_rng(seed).normal(size=60)
        plan = Plan(draws=300, level=0.9, method=method, seed=seed)
        found = intervals([Part(_mean(values))], plan, 60)[0]["mean"]
        assert found is not None
        covered += found[0] <= 0 <= found[1]
    assert 0.84 * rounds <= covered <= 0.95 * rounds


def test_only_blocks_give_an_honest_interval_for_dependent_rows() -> None:
    """40 days of 25 rows that share their day's noise: 90 % intervals, with blocks and without."""
    rounds, covered = 200, {"rows": 0, "days": 0}
    days = np.repeat(np.arange(40), 25)
    for seed in range(rounds):
        generator = np.random.default_rng(seed)
        values = generator.normal(size=40)[days] + generator.normal(size=1000)
        for name, blocks in (("rows", None), ("days", days)):
            plan = Plan(blocks, draws=200, level=0.9, seed=seed)
            found = intervals([Part(_mean(values))], plan, 1000)[0]["mean"]
            assert found is not None
            covered[name] += found[0] <= 0 <= found[1]
    assert covered["rows"] < 0.5 * rounds
    assert covered["days"] > 0.8 * rounds


def test_a_metric_that_draws_seldom_define_has_no_interval() -> None:
    scored = Scored("binary", np.array([1, 0, 0, 0]), np.array([0.9, 0.1, 0.2, 0.3]), ("0", "1"))
    found = intervals([Part(statistic(scored))], Plan(draws=200), 4)[0]
    assert found["roc_auc"] is None
    assert found["brier"] is not None


def test_times_fall_into_blocks_of_a_span() -> None:
    times = pd.Series(pd.to_datetime(["2013-01-02 00:10", "2013-01-01 23:50", "2013-01-02 01:59"]))
    assert list(by_time(times, "1d")) == [1, 0, 1]
    assert list(by_time(times, "1h")) == [1, 0, 2]
    assert list(by_time(times, "30m")) == [1, 0, 2]


def test_a_missing_group_is_a_block_of_its_own() -> None:
    assert list(by_value(pd.Series(["b", None, "a", "b", None]))) == [0, 1, 2, 0, 1]
