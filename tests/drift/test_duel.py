"""Promote, keep or roll back: how often that is wrong, and how soon it is right."""

import numpy as np
import pytest

from playbill.drift.duel import Duel, decide, paired

PAIRS = 600  # A/A series, each looked at after every one of its truths
TRUTHS = 2000


def losses(rng: np.random.Generator, chance: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return Brier scores of a model that knows the chance but for noise of its own."""
    said = np.clip(chance + rng.normal(0, 0.1, len(chance)), 0, 1)
    return np.asarray((said - truth) ** 2)


def same_rows(seed: int, worse: float = 0.0, truths: int = TRUTHS) -> Duel:
    """Return the duel of two equally good models, or of one that is wrong by `worse` more."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(2, 5, truths)
    truth = (rng.random(truths) < chance).astype(np.float64)
    moved = np.clip(chance + worse, 0, 1)
    return decide(losses(rng, moved, truth) - losses(rng, chance, truth), error=0.05)


def callers(seed: int, share: float = 0.2) -> Duel:
    """Return the duel of two equally good models that answer different callers."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(2, 5, TRUTHS)
    truth = (rng.random(TRUTHS) < chance).astype(np.float64)
    sides = rng.random(TRUTHS) < share
    return decide(paired(zip(sides, losses(rng, chance, truth), strict=True)), error=0.05)


@pytest.mark.parametrize("made", [same_rows, callers])
def test_equal_models_are_told_apart_no_more_often_than_declared(made: object) -> None:
    """A binomial of 600 and 0.05 exceeds 44 in 0.5 %."""
    assert callable(made)
    decided = sum(made(seed).decision != "keep" for seed in range(PAIRS))
    assert decided <= 44


def test_a_worse_model_is_rolled_back_and_a_better_one_promoted() -> None:
    harmed = [same_rows(seed, worse=0.15) for seed in range(40)]
    assert all(one.decision == "roll back" for one in harmed)
    assert sorted(one.after or 0 for one in harmed)[20] < 1000
    rng = np.random.default_rng(1)
    better = decide(rng.uniform(-0.5, 0.4, 3000), error=0.05)
    assert better.decision == "promote"
    assert better.mean < 0


def test_a_margin_lets_an_equal_model_in_and_none_does_not() -> None:
    differences = np.random.default_rng(3).normal(0, 0.05, 4000).clip(-1, 1)
    assert decide(differences, error=0.05, margin=0.03).decision == "promote"
    assert decide(differences, error=0.05).decision == "keep"
    assert decide(differences[:0], error=0.05).decision == "keep"


def test_callers_are_set_against_each_other_in_the_order_of_their_truths() -> None:
    series = [(False, 0.2), (False, 0.4), (True, 0.5), (True, 0.1), (True, 0.3), (False, 0.1)]
    np.testing.assert_allclose(paired(series), [0.5 - 0.3, 0.2 - 0.1])
    assert len(paired([(True, 0.1)])) == 0
