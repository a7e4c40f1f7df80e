"""Two models on the same rows: matched by key, with an interval that means what it says."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, roc_auc_score

from playbill.config.metric import METRICS
from playbill.evaluation.bootstrap import Plan
from playbill.evaluation.pairing import Paired, Predictions, independent, pair


def _predictions(
    labels: NDArray[np.bool_], scores: NDArray[np.float64], first_key: int = 0
) -> Predictions:
    keys = [f"row {n}" for n in range(first_key, first_key + len(labels))]
    frame = pd.DataFrame({"id": keys, "late": labels, "probability": scores})
    return Predictions(frame, key="id", target="late")


def _draw(rows: int, strength: float, seed: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    labels = rng.random(rows) < 0.3
    scores = 1 / (1 + np.exp(-(strength * labels + rng.normal(size=rows))))
    return labels, scores


def _metric(found: list[Paired], name: str) -> Paired:
    return next(one for one in found if one.metric == name)


def test_the_point_values_are_those_of_scikit_learn_ties_included() -> None:
    labels, scores = _draw(500, 1.0, 1)
    coarse = np.round(scores, 1)
    found, note = pair(_predictions(labels, scores), _predictions(labels, coarse), "coarse")
    assert note == ""
    area, loss = _metric(found, "roc_auc"), _metric(found, "brier")
    assert area.first == pytest.approx(roc_auc_score(labels, scores))
    assert area.other == pytest.approx(roc_auc_score(labels, coarse))
    assert loss.first == pytest.approx(brier_score_loss(labels, scores))
    assert loss.other == pytest.approx(brier_score_loss(labels, coarse))
    assert area.low <= area.difference <= area.high


def test_a_clear_gain_is_called_better_and_its_reverse_worse() -> None:
    labels, weak = _draw(2000, 0.5, 2)
    strong = np.clip(weak + 0.3 * labels, 0, 1)
    a, b = _predictions(labels, weak), _predictions(labels, strong)
    certain = {"roc_auc", "average_precision", "brier", "log_loss"}
    better = {one.verdict for one in pair(a, b, "b")[0] if one.metric in certain}
    worse = {one.verdict for one in pair(b, a, "a")[0] if one.metric in certain}
    assert (better, worse) == ({"better"}, {"worse"})


def test_the_same_model_twice_differs_by_nothing() -> None:
    labels, scores = _draw(300, 1.0, 3)
    same = _predictions(labels, scores)
    for one in pair(same, same, "again")[0]:
        assert (one.difference, one.low, one.high) == (0.0, 0.0, 0.0)
        assert one.verdict == "no clear difference"


def test_two_runs_give_the_same_interval() -> None:
    labels, scores = _draw(300, 1.0, 4)
    sides = _predictions(labels, scores), _predictions(labels, scores**2)
    assert pair(*sides, "b") == pair(*sides, "b")


def test_rows_are_matched_by_key_whatever_their_order() -> None:
    labels, scores = _draw(400, 1.0, 5)
    whole = _predictions(labels, scores)
    part = _predictions(labels[100:], scores[100:], first_key=100)
    part = replace(part, frame=part.frame.sort_values("probability"))
    found, note = pair(whole, part, "part")
    assert {one.rows for one in found} == {300}
    assert {one.difference for one in found} == {0.0}
    assert note == "part: 300 rows were predicted by both, of 400"


def test_models_without_a_common_row_are_not_compared() -> None:
    labels, scores = _draw(50, 1.0, 6)
    other = _predictions(labels, scores, first_key=1000)
    found, note = pair(_predictions(labels, scores), other, "b")
    assert found == []
    assert "no two classes among the 0 rows" in note


def test_rows_whose_label_changed_are_not_the_same_rows() -> None:
    labels, scores = _draw(50, 1.0, 7)
    other = labels.copy()
    other[:3] = ~other[:3]
    found, note = pair(_predictions(labels, scores), _predictions(other, scores), "b")
    assert found == []
    assert "3 shared rows have another label" in note


def test_a_key_that_occurs_twice_matches_nothing() -> None:
    labels, scores = _draw(50, 1.0, 8)
    twice = _predictions(labels, scores)
    twice.frame["id"] = "same"
    found, note = pair(twice, _predictions(labels, scores), "b")
    assert found == []
    assert "more than once" in note


@pytest.mark.parametrize("column", ["late", "probability"])
def test_text_and_gaps_are_no_numbers_to_compare(column: str) -> None:
    labels, scores = _draw(50, 1.0, 9)
    for value in ("yes", None):
        other = _predictions(labels, scores)
        frame = other.frame.astype({column: object})
        frame[column] = value
        found, note = pair(replace(other, frame=frame), replace(other, frame=frame), "b")
        assert found == []
        assert note


def test_equal_models_are_told_apart_no_more_often_than_stated() -> None:
    """A/A: noise of equal strength on both sides; 95 % intervals miss zero in about 5 %."""
    missed = 0
    rounds = 60
    for seed in range(rounds):
        rng = np.random.default_rng(1000 + seed)
        labels = rng.random(200) < 0.4
        noisy = [labels + rng.normal(size=200) for _ in range(2)]
        a, b = (_predictions(labels, 1 / (1 + np.exp(-score))) for score in noisy)
        missed += _metric(pair(a, b, "b")[0], "roc_auc").verdict != "no clear difference"
    assert missed <= 9  # binomial: more than 9 of 60 at 5 % happens once in 600


def test_every_metric_with_a_better_side_is_compared_and_no_other() -> None:
    labels, scores = _draw(300, 1.0, 11)
    found = pair(_predictions(labels, scores), _predictions(labels, scores**2), "b")[0]
    assert {one.metric for one in found} == {
        *METRICS["binary"],
        "calibration_error",
    }


def test_a_difference_of_numbers_and_of_several_classes_has_an_interval_too() -> None:
    rng = np.random.default_rng(12)
    truth = rng.normal(size=400)
    numbers = [
        Predictions(
            pd.DataFrame({"id": range(400), "y": truth, "prediction": truth + size * noise}),
            "id", "y", ("prediction",), "regression", (),
        )
        for size, noise in ((1.0, rng.normal(size=400)), (0.3, rng.normal(size=400)))
    ]  # fmt: skip
    error = _metric(pair(numbers[0], numbers[1], "b")[0], "rmse")
    assert (error.verdict, error.high < 0) == ("better", True)
    kinds = rng.integers(3, size=400)
    names, columns = ("x", "y", "z"), [f"probability_{name}" for name in ("x", "y", "z")]
    sides = []
    for strength in (0.3, 3.0):
        raw = rng.random((400, 3)) + strength * (kinds[:, None] == np.arange(3))
        frame = pd.DataFrame(raw / raw.sum(axis=1, keepdims=True), columns=columns)
        frame = frame.assign(id=range(400), kind=np.array(names)[kinds])
        sides.append(Predictions(frame, "id", "kind", columns, "multiclass", names))
    assert _metric(pair(sides[0], sides[1], "b")[0], "f1_macro").verdict == "better"
    found, note = pair(sides[0], numbers[0], "b")
    assert (found, "predicts something else" in note) == ([], True)


def test_blocks_widen_the_interval_of_a_difference_whose_rows_depend_on_each_other() -> None:
    rng = np.random.default_rng(13)
    days = np.repeat(np.arange(12), 50)
    labels = rng.random(600) < 0.5
    scores = 1 / (1 + np.exp(-(labels + rng.normal(size=600))))
    shifted = np.clip(scores + 0.2 * rng.normal(size=12)[days], 0, 1)

    def blocked(_: pd.DataFrame) -> Plan:
        return replace(independent(_), blocks=days)

    sides = _predictions(labels, scores), _predictions(labels, shifted)
    plain, wide = (
        _metric(pair(sides[0], sides[1], "b", plan)[0], "brier") for plan in (independent, blocked)
    )
    assert plain.difference == wide.difference
    assert wide.high - wide.low > 1.5 * (plain.high - plain.low)
