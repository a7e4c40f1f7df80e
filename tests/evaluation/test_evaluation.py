"""Measures, curves and slices agree with scikit-learn, and hold where a class is missing."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from playbill.evaluation.curves import curves as draw_curves
from playbill.evaluation.metrics import measure as measure_scored
from playbill.evaluation.scored import Scored
from playbill.evaluation.slices import measure_slices

Truth = NDArray[np.int64]
Scores = NDArray[np.float64]


def _scored(truth: Truth, probability: Scores, threshold: float = 0.5) -> Scored:
    return Scored("binary", truth, probability, ("0", "1"), threshold)


def measure(truth: Truth, probability: Scores, threshold: float) -> dict[str, Any]:
    return measure_scored(_scored(truth, probability, threshold))


def curves(truth: Truth, probability: Scores, points: int) -> dict[str, pd.DataFrame]:
    return draw_curves(_scored(truth, probability), points=points)


@pytest.fixture
def scored() -> tuple[Truth, Scores]:
    draw = np.random.default_rng(5)
    probability = draw.random(2000).round(2)  # many ties
    return (draw.random(2000) < probability).astype(np.int64), probability


def test_the_measures_are_those_of_scikit_learn(scored: tuple[Truth, Scores]) -> None:
    truth, probability = scored
    probability = np.clip(probability, 0.001, 0.999)
    label = probability >= 0.3
    found = measure(truth, probability, 0.3)
    assert found["rows"] == 2000
    assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(truth, probability))
    assert found["f1"] == pytest.approx(reference.f1_score(truth, label))
    assert found["precision"] == pytest.approx(reference.precision_score(truth, label))
    assert found["recall"] == pytest.approx(reference.recall_score(truth, label))
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(truth, label))
    precision = reference.average_precision_score(truth, probability)
    assert found["average_precision"] == pytest.approx(precision)
    assert found["brier"] == pytest.approx(reference.brier_score_loss(truth, probability))
    assert found["log_loss"] == pytest.approx(reference.log_loss(truth, probability))


def test_a_calibrated_model_has_a_small_calibration_error(scored: tuple[Truth, Scores]) -> None:
    truth, probability = scored
    assert measure(truth, probability, 0.5)["calibration_error"] < 0.03
    assert measure(truth, probability / 2, 0.5)["calibration_error"] > 0.2


def test_a_row_at_the_threshold_is_positive() -> None:
    found = measure(np.array([1, 0]), np.array([0.5, 0.4]), 0.5)
    assert (found["precision"], found["recall"]) == (1.0, 1.0)


@pytest.mark.parametrize("value", [0, 1])
def test_rows_of_one_class_have_no_auc_and_do_not_crash(value: int) -> None:
    truth, probability = np.full(20, value), np.linspace(0, 1, 20)
    found = measure(truth, probability, 0.5)
    assert found["roc_auc"] is None
    assert np.isfinite(found["log_loss"])
    drawn = curves(truth, probability, 10)
    assert len(drawn["roc.csv"]) == 0
    assert len(drawn["calibration.csv"]) == 10


def test_the_roc_runs_from_corner_to_corner_with_the_points_allowed(
    scored: tuple[Truth, Scores],
) -> None:
    truth, probability = scored
    roc = curves(truth, probability, 30)["roc.csv"]
    assert len(roc) == 30
    assert list(roc.columns[:2]) == ["false_positive_rate", "true_positive_rate"]
    assert list(roc.iloc[0, :2]) == [0, 0]
    assert list(roc.iloc[-1, :2]) == [1, 1]
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(reference.roc_auc_score(truth, probability), abs=0.005)


def test_the_precision_recall_curve_ends_at_the_share_of_positives(
    scored: tuple[Truth, Scores],
) -> None:
    truth, probability = scored
    drawn = curves(truth, probability, 50)["precision_recall.csv"]
    assert list(drawn.columns[:2]) == ["recall", "precision"]
    assert list(drawn.iloc[-1, :2]) == [1, pytest.approx(truth.mean(), abs=1e-6)]


def test_calibration_bins_hold_all_rows(scored: tuple[Truth, Scores]) -> None:
    truth, probability = scored
    drawn = curves(truth, probability, 50)["calibration.csv"]
    assert list(drawn.columns[:2]) == ["mean_predicted", "mean_seen"]
    assert drawn["rows"].sum() == 2000
    assert (drawn["mean_predicted"] - drawn["mean_seen"]).abs().max() < 0.1


def test_the_confusion_file_has_a_line_a_row(scored: tuple[Truth, Scores]) -> None:
    truth, probability = scored
    drawn = curves(truth, probability, 50)["confusion.csv"]
    counts = drawn.value_counts(["actual", "predicted"]).sort_index().to_numpy()
    expected = reference.confusion_matrix(truth, probability >= 0.5).ravel()
    assert list(counts) == list(expected)


def test_each_value_of_a_slice_is_measured_if_it_has_the_rows() -> None:
    frame = pd.DataFrame({"kind": ["a"] * 60 + ["b"] * 60 + ["c"] * 5 + [None] * 75})
    truth = np.tile([0, 1], 100)
    probability = np.linspace(0, 1, 200)
    truth[60:120] = 0
    report = measure_slices(frame, _scored(truth, probability), columns=["kind"], minimum_rows=50)[
        "kind"
    ]
    assert list(report) == ["(missing)", "a", "b", "c"]
    assert report["c"] == {"rows": 5}
    assert report["b"]["roc_auc"] is None
    assert report["a"]["rows"] == 60
    assert report["(missing)"]["rows"] == 75
