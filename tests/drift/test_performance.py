"""What a model's measures are on rows whose truth is not known yet."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from playbill.config.schema import Drift
from playbill.drift.decision import check
from playbill.drift.performance import (
    FINE_BINS,
    MEASURES,
    RELIABILITY_BINS,
    Estimate,
    estimate,
    profile_performance,
)
from playbill.drift.profile import build_profile, with_model
from playbill.drift.report import as_html, as_markdown
from playbill.drift.result import DriftReport
from tests.drift.conftest import COLUMNS, draw


def world(
    rows: int, seed: int, *, spread: float = 1.5, honest: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Draw scores and truth; the narrower the spread, the less the scores tell apart."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(-1, spread, rows)
    chance = 1 / (1 + np.exp(-logit))
    scores = chance if honest else chance**2  # far too low, and still in the right order
    return scores, rng.random(rows) < chance


def by_name(found: tuple[Estimate, ...]) -> dict[str, Estimate]:
    return {one.measure: one for one in found}


@pytest.mark.parametrize("honest", [True, False], ids=["calibrated", "miscalibrated"])
def test_estimates_come_close_to_what_the_truth_shows_later(*, honest: bool) -> None:
    """Also where the model's probabilities are wrong: the hold-out's reliability corrects them."""
    section = profile_performance(*world(40_000, 1, honest=honest), threshold=0.3)
    scores, truth = world(40_000, 2, spread=0.8, honest=honest)
    label = scores >= 0.3
    found = by_name(estimate(section, scores, seed=0))
    shown = {
        "roc_auc": roc_auc_score(truth, scores),
        "accuracy": accuracy_score(truth, label),
        "precision": precision_score(truth, label),
        "recall": recall_score(truth, label),
        "f1": f1_score(truth, label),
        "brier": brier_score_loss(truth, scores),
    }
    assert set(found) == set(MEASURES)
    for name, value in shown.items():
        assert found[name].value == pytest.approx(value, abs=0.02), name
    assert found["roc_auc"].loss > 0.1
    assert found["roc_auc"].loss_low > 0


def test_measures_of_known_truth_are_scikit_learns() -> None:
    """A reliability curve that is sure of each score leaves nothing to estimate."""
    scores = np.linspace(0.01, 0.99, 18)
    truth = np.array([0, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1], dtype=bool)
    section = profile_performance(scores, truth, threshold=0.5)
    found = by_name(estimate(section, scores, seed=0))
    assert found["roc_auc"].value == pytest.approx(roc_auc_score(truth, scores))
    assert found["f1"].value == pytest.approx(f1_score(truth, scores >= 0.5))
    assert found["brier"].value == pytest.approx(brier_score_loss(truth, scores))


def test_the_interval_holds_what_the_truth_shows_as_often_as_it_says() -> None:
    """Of 100 intervals of 95 % a binomial leaves out more than 11 in 0.4 % of cases."""
    missed = 0
    for repeat in range(100):
        section = profile_performance(*world(4000, 2 * repeat), threshold=0.3)
        scores, truth = world(1000, 2 * repeat + 1)
        one = by_name(estimate(section, scores, seed=0))["roc_auc"]
        missed += not one.low <= roc_auc_score(truth, scores) <= one.high
    assert missed <= 11


def test_rows_of_the_same_kind_show_no_sure_loss() -> None:
    """Of 60 a one-sided bound of 97.5 % is broken more than 5 times in 0.4 % of cases."""
    sure = 0
    for repeat in range(60):
        section = profile_performance(*world(4000, 2 * repeat), threshold=0.3)
        found = by_name(estimate(section, world(1000, 2 * repeat + 1)[0], seed=0))
        sure += found["roc_auc"].loss_low > 0
    assert sure <= 5


def test_the_profile_of_the_hold_out_is_bounded_and_holds_no_rows() -> None:
    section = profile_performance(*world(50_000, 1), threshold=0.3)
    assert len(section["scores"]) <= RELIABILITY_BINS
    assert len(section["fine"]["scores"]) == FINE_BINS
    assert sum(section["rows"]) == sum(section["fine"]["rows"]) == 50_000


def test_a_model_that_gives_one_score_is_estimated_without_a_warning() -> None:
    section = profile_performance(np.full(100, 0.2), np.arange(100) < 20, threshold=0.5)
    found = by_name(estimate(section, np.full(30, 0.2), seed=0))
    assert found["roc_auc"].value == 0.5
    assert found["precision"].value == 0
    assert estimate(section, np.array([]), seed=0) == ()


def report(scores: NDArray[np.float64], policy: Drift) -> DriftReport:
    hold_out = world(4000, 1)
    profile = build_profile(draw(4000, 1), COLUMNS, policy, scores=hold_out[0])
    known = profile_performance(*hold_out, threshold=0.3)
    profile = with_model(profile, performance=known)
    return check(profile, draw(len(scores), 9), policy, scores=scores)


def test_a_report_says_first_whether_it_matters() -> None:
    worse = report(world(3000, 2, spread=0.4)[0], Drift(draws=500))
    assert worse.matters
    assert worse.as_dict()["matters"] is True
    assert "It matters: estimated ROC AUC falls from" in as_markdown(worse)
    assert "It matters" in as_html(worse)
    same = report(world(3000, 2)[0], Drift(draws=500))
    assert same.matters is False
    assert "No sure loss" in as_markdown(same)


def test_a_loss_below_the_smallest_that_matters_does_not_matter() -> None:
    scores = world(3000, 2, spread=0.4)[0]
    assert report(scores, Drift(draws=500, minimum_loss=0.9)).matters is False
    assert report(scores, Drift(draws=500, measure="brier")).estimate is not None


def test_without_scores_nothing_is_said_of_the_model() -> None:
    profile = build_profile(draw(2000, 1), COLUMNS, Drift(draws=200))
    found = check(profile, draw(500, 9), Drift(draws=200))
    assert (found.matters, found.estimates) == (None, ())
    assert "estimated" not in as_markdown(found)
