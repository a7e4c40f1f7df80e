"""How often the gate is wrong, by simulation: claims without a difference, and finds with one.

Models are simulated by their scores: normal, shifted by `strength` between the classes, so that the
true area is known, Phi(strength / sqrt(2)). Two models of equal strength differ by chance alone
(A/A). A share of claims may exceed the declared error by what chance allows: the upper end of a
one-sided 99 % binomial interval, `limit`.
"""

from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray

from playbill.config.decision import Gate
from playbill.evaluation.bootstrap import Part, Plan, Statistic, draw
from playbill.evaluation.contrast import Contrast, Pair, by_blocks, contrast, spread
from playbill.evaluation.gate import Question, claim, decide
from playbill.evaluation.scored import Scored

ALPHA = 0.05
EQUAL = 1.0
NORMAL = NormalDist()


def limit(pairs: int, share: float = ALPHA) -> float:
    """Return the share that 99 % of correct procedures stay under in so many pairs."""
    return share + NORMAL.inv_cdf(0.99) * float(np.sqrt(share * (1 - share) / pairs))


def area(strength: float) -> float:
    return NORMAL.cdf(strength / 2**0.5)


def strength(of_area: float) -> float:
    return NORMAL.inv_cdf(of_area) * 2**0.5


def simulated(pairs: int, rows: int, before: float, after: float, seed: int) -> list[Pair]:
    """Return pairs of models whose scores share a part of their noise, as real ones do."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((pairs, rows)) < 0.3).astype(np.int64)
    common, own = rng.normal(size=(pairs, rows)), rng.normal(size=(2, pairs, rows))
    noise = (common + own) / 2**0.5
    power = zip((before, after), noise, strict=True)
    scores = [1 / (1 + np.exp(-(s * truth + n))) for s, n in power]
    plan = Plan(draws=400, seed=7)

    def said(side: int, pair: int) -> Scored:
        return Scored("binary", truth[pair], scores[side][pair], ("0", "1"), 0.6)

    return [Pair(said(0, pair), said(1, pair), plan) for pair in range(pairs)]


def share_better(found: list[Contrast]) -> float:
    return float(np.mean([claim(one, 0.0) == "better" for one in found]))


@pytest.mark.parametrize(
    ("test", "metric", "pairs", "rows"),
    [("bootstrap", "roc_auc", 500, 400), ("delong", "roc_auc", 1000, 500),
     ("mcnemar", "accuracy", 1000, 500)],
)  # fmt: skip
def test_without_a_difference_an_improvement_is_claimed_as_seldom_as_declared(
    test: str, metric: str, pairs: int, rows: int
) -> None:
    found = [
        contrast(pair, metric, test, ALPHA)  # type: ignore[arg-type]
        for pair in simulated(pairs, rows, EQUAL, EQUAL, seed=1)
    ]
    assert share_better(found) <= limit(pairs)
    assert share_better(found) > 0.02, "a test that claims nothing would pass too"


@pytest.mark.parametrize("shape", ["squared errors", "log losses"])
def test_the_bootstrap_of_a_mean_keeps_the_declared_error(shape: str) -> None:
    """A thousand pairs in one drawing, as its draws are the same for all of them."""
    pairs, rows = 1000, 500
    models = simulated(pairs, rows, EQUAL, EQUAL, seed=2)
    gaps = np.column_stack([_loss(m.champion, shape) - _loss(m.challenger, shape) for m in models])

    def combine(totals: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        return {str(i): total / rows for i, total in enumerate(totals)}

    (drawn,) = draw([Part(Statistic(gaps, combine, {}))], Plan(draws=1000, seed=3), rows)
    claimed = np.mean([spread(gains, ALPHA)[0] > 0 for gains in drawn.values()])
    assert 0.02 < claimed <= limit(pairs)


@pytest.mark.parametrize("blocks", [10, 17, 30])
def test_few_blocks_keep_the_declared_error_where_rows_of_a_day_go_together(blocks: int) -> None:
    pairs, each = 1000, 30
    rng = np.random.default_rng(5)
    place = np.repeat(np.arange(blocks), each)
    day = rng.normal(size=(blocks, pairs)) + rng.exponential(size=(blocks, pairs)) / 2 - 0.5
    gaps = rng.normal(size=(blocks * each, pairs)) + day[place]

    def combine(totals: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        return {str(i): total / len(place) for i, total in enumerate(totals)}

    plan = Plan(blocks=place, draws=500, seed=1)
    (drawn,) = draw([Part(Statistic(gaps, combine, {}))], plan, len(place))
    bounds = [
        by_blocks(float(gap.mean()), gains, ALPHA, blocks)[0]
        for gap, gains in zip(gaps.T, drawn.values(), strict=True)
    ]
    assert 0.02 < np.mean([low > 0 for low in bounds]) <= limit(pairs)


def _loss(said: Scored, shape: str) -> NDArray[np.float64]:
    return np.square(said.scores - said.truth) if shape == "squared errors" else said.losses()


def test_a_model_that_is_worse_by_the_margin_is_seldom_let_through() -> None:
    pairs, margin = 1000, 0.04
    weaker = strength(area(EQUAL) - margin)
    found = [
        contrast(pair, "roc_auc", "delong", ALPHA)
        for pair in simulated(pairs, 600, EQUAL, weaker, seed=4)
    ]
    passed = np.mean([claim(one, margin) in ("better", "not worse") for one in found])
    assert 0.02 < passed <= limit(pairs)


def test_a_difference_of_the_stated_size_is_found_with_the_stated_power() -> None:
    pairs, rows, power = 1000, 600, 0.8
    equal = [
        contrast(pair, "roc_auc", "delong", ALPHA)
        for pair in simulated(200, rows, EQUAL, EQUAL, seed=5)
    ]
    stated = float(np.mean([one.detectable(ALPHA, power) for one in equal]))
    stronger = strength(area(EQUAL) + stated)
    found = [
        contrast(pair, "roc_auc", "delong", ALPHA)
        for pair in simulated(pairs, rows, EQUAL, stronger, seed=6)
    ]
    assert share_better(found) == pytest.approx(power, abs=0.04)


def test_an_equal_model_passes_as_often_as_was_said() -> None:
    pairs, margin = 1000, 0.03
    found = [
        contrast(pair, "roc_auc", "delong", ALPHA)
        for pair in simulated(pairs, 600, EQUAL, EQUAL, seed=8)
    ]
    stated = float(np.mean([one.chance_of_passing(margin, ALPHA) for one in found]))
    passed = np.mean([claim(one, margin) in ("better", "not worse") for one in found])
    assert passed == pytest.approx(stated, abs=0.04)


def test_ten_slices_together_refuse_an_equal_model_as_seldom_as_one_would() -> None:
    """Through the whole decision, with no margin at all for the slices: the least favourable."""
    pairs, rows = 500, 2000
    gate = Gate(test="delong", margin=1.0, slice_margin=0.0)
    place = np.arange(rows) % 10
    refused = 0
    for pair in simulated(pairs, rows, EQUAL, EQUAL, seed=9):
        question = Question(pair.challenger, pair.champion, {"part": place}, None, "roc_auc", 100)
        refused += not decide(question, gate).passed
    assert refused / pairs <= limit(pairs)
    assert refused, "a rule that never refuses would pass too"
