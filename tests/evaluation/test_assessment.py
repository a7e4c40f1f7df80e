"""Fairness, calibration and importance, each with what it takes to believe it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from sklearn.inspection import permutation_importance as reference_importance
from sklearn.linear_model import LogisticRegression

from playbill.config.schema import Evaluation
from playbill.evaluation.assessment import assess, work
from playbill.evaluation.bootstrap import Plan
from playbill.evaluation.calibration import by_chance, reliability
from playbill.evaluation.fairness import measure_fairness
from playbill.evaluation.importance import permutation_importance
from playbill.evaluation.metrics import measure
from playbill.evaluation.scored import Scored

PLAN = Plan(draws=200, seed=3)


def _fair(scored: Scored, groups: Any, minimum_rows: int = 20) -> dict[str, Any]:
    frame = pd.DataFrame({"sex": groups})
    found = measure_fairness(frame, scored, PLAN, columns=["sex"], minimum_rows=minimum_rows)
    report: dict[str, Any] = found["sex"]
    return report


def test_rates_and_differences_of_groups_are_those_counted_by_hand() -> None:
    groups = np.array(["f"] * 100 + ["m"] * 60 + ["x"] * 5)
    truth = np.array([1] * 40 + [0] * 60 + [1] * 30 + [0] * 30 + [1] * 5)
    score = np.zeros(165)
    score[:20] = score[40:46] = 0.9  # f: 20 of 40 positives, 6 of 60 negatives
    score[100:124] = score[130:136] = 0.9  # m: 24 of 30 and 6 of 30
    report = _fair(Scored("binary", truth, score, ("0", "1")), groups)
    assert report["reference"] == "f"
    assert report["too_few_rows"] == {"x": 5}
    value = {name: one["value"] for name, one in report["differences"].items()}
    assert value["demographic_parity"] == pytest.approx(30 / 60 - 26 / 100)
    assert value["equal_opportunity"] == pytest.approx(0.8 - 0.5)
    assert value["equalised_odds"] == pytest.approx(0.3)
    gap = report["groups"]["m"]["false_positive_rate"]["to_reference"]
    assert gap["value"] == pytest.approx(0.2 - 0.1)
    assert gap["low"] < 0.1 < gap["high"]
    assert "to_reference" not in report["groups"]["f"]["selection_rate"]


def test_rates_of_groups_have_the_intervals_that_were_asked_for() -> None:
    draw = np.random.default_rng(2)
    groups = np.array(["f"] * 200 + ["m"] * 60)
    truth = np.array([1, 0] * 130)
    score = np.where(draw.random(260) < np.where(groups == "m", 0.93, 0.6), 0.9, 0.1)
    frame = pd.DataFrame({"sex": groups})
    scored = Scored("binary", truth, score, ("0", "1"))

    def rate(plan: Plan) -> dict[str, Any]:
        found = measure_fairness(frame, scored, plan, columns=["sex"], minimum_rows=20)["sex"]
        value: dict[str, Any] = found["groups"]["m"]["selection_rate"]["value"]
        return value

    plain, corrected = rate(Plan(draws=1000)), rate(Plan(draws=1000, method="bca"))
    assert plain["value"] == corrected["value"]
    assert corrected["low"] < plain["low"]  # near its bound a rate has a long lower tail
    assert "method" not in corrected
    few = rate(Plan(draws=100, method="bca"))
    assert few == {**rate(Plan(draws=100)), "method": "percentile"}


@pytest.mark.parametrize("shuffled", [0, 40])
def test_an_evaluation_says_how_far_it_is(shuffled: int) -> None:
    draw = np.random.default_rng(3)
    rows = pd.DataFrame({"a": draw.normal(size=120), "b": draw.normal(size=120)})
    frame = rows.assign(sex=np.tile(["f", "m"], 60))
    scored = Scored("binary", np.tile([0, 1, 1], 40), draw.random(120), ("0", "1"))
    config = Evaluation.model_validate(
        {"slices": ["sex"], "fairness": ["sex"], "slice_rows": 10, "importance": {"rows": shuffled}}
    )
    steps: list[int] = []
    plan = Plan(draws=100, method="bca", advance=steps.append)
    report = assess(frame, rows, scored, plan, config, lambda asked: np.full(len(asked), 0.5))
    assert sum(steps) == work(plan, config, 2)
    assert report["interval"]["instead"] > 0


def test_groups_of_numbers_and_of_several_classes_are_compared_too() -> None:
    draw = np.random.default_rng(1)
    groups = np.tile(["a", "b"], 50)
    truth = draw.normal(size=100)
    numbers = Scored("regression", truth, truth + (groups == "b"))
    report = _fair(numbers, groups)
    assert report["differences"]["bias"]["value"] == pytest.approx(1)
    classes = Scored("multiclass", draw.integers(3, size=100), draw.random((100, 3)), tuple("xyz"))
    assert set(_fair(classes, groups)["differences"]) == {"accuracy"}


def test_one_group_is_compared_with_nothing() -> None:
    scored = Scored("binary", np.array([0, 1] * 30), np.linspace(0, 1, 60), ("0", "1"))
    assert _fair(scored, ["a"] * 60)["differences"] == {}


def test_the_bins_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(2)
    score = draw.random(1000)
    scored = Scored("binary", (draw.random(1000) < score).astype(np.int64), score, ("0", "1"))
    bins = reliability(scored, PLAN)["bins"]
    seen, predicted = calibration_curve(scored.truth, score, n_bins=10, strategy="quantile")
    assert [one["seen"] for one in bins] == pytest.approx(list(seen))
    assert [one["predicted"] for one in bins] == pytest.approx(list(predicted))
    assert sum(one["low"] <= one["predicted"] <= one["high"] for one in bins) >= 7


def test_a_calibrated_model_errs_no_more_than_chance_and_another_does() -> None:
    within, rounds = 0, 60
    for seed in range(rounds):
        draw = np.random.default_rng(seed)
        score = draw.beta(2, 5, size=500)
        scored = Scored("binary", (draw.random(500) < score).astype(np.int64), score, ("0", "1"))
        limit = by_chance(score, Plan(seed=seed))["high"]
        within += measure(scored)["calibration_error"] <= limit
        assert measure(scored.asked(score / 2))["calibration_error"] > limit
    assert within >= 50  # 95 % of 60 is 57; fewer than 50 happens once in 2,000


def test_importance_is_about_that_of_scikit_learn() -> None:
    draw = np.random.default_rng(5)
    rows = pd.DataFrame(draw.normal(size=(800, 3)), columns=["strong", "weak", "none"])
    chance = 1 / (1 + np.exp(-(2 * rows["strong"] + 0.7 * rows["weak"])))
    truth = np.asarray(draw.random(800) < chance).astype(np.int64)
    model = LogisticRegression().fit(rows, truth)

    def predict(asked: pd.DataFrame) -> Any:
        return model.predict_proba(asked)[:, 1]

    scored = Scored("binary", truth, predict(rows), ("0", "1"))
    found = permutation_importance(
        rows, scored, predict, columns=["strong", "weak", "none"], most_rows=800, repeats=10, seed=1
    )
    assert [one["column"] for one in found["columns"]] == ["strong", "weak", "none"]
    expected = reference_importance(
        model, rows, truth, scoring="neg_log_loss", n_repeats=10, random_state=1
    )
    for one, mean, spread in zip(
        found["columns"], expected.importances_mean, expected.importances_std, strict=True
    ):
        assert one["increase"] == pytest.approx(mean, abs=3 * max(spread, 0.003))


def test_importance_leaves_the_rows_alone_and_takes_no_more_of_them_than_allowed() -> None:
    draw = np.random.default_rng(6)
    rows = pd.DataFrame(draw.normal(size=(300, 2)), columns=["a", "b"])
    before, asked = rows.copy(), []

    def predict(frame: pd.DataFrame) -> Any:
        asked.append(len(frame))
        return np.clip(frame["a"].to_numpy(), 0, 1)

    scored = Scored("binary", draw.integers(2, size=300), predict(rows), ("0", "1"))
    found = permutation_importance(
        rows, scored, predict, columns=["a", "b"], most_rows=50, repeats=2, seed=1
    )
    pd.testing.assert_frame_equal(rows, before)
    assert (found["rows"], asked[1:]) == (50, [100, 100])
    assert next(o for o in found["columns"] if o["column"] == "b")["increase"] == 0
