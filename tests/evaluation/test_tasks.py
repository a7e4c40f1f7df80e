"""Metrics of several classes and of numbers are those of scikit-learn, and so are their plots."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from playbill.config.metric import HIGHER_IS_BETTER, LOWER_IS_BETTER, METRICS, TITLES
from playbill.errors import DataError
from playbill.evaluation.curves import curves
from playbill.evaluation.metrics import measure
from playbill.evaluation.scored import Scored, encode

CLASSES = ("bird", "cat", "dog")


@pytest.fixture
def classes() -> Scored:
    draw = np.random.default_rng(3)
    truth = draw.integers(3, size=900)
    raw = draw.random((900, 3)).round(2) + 0.01 + 0.7 * (truth[:, None] == np.arange(3))
    return Scored("multiclass", truth, raw / raw.sum(axis=1, keepdims=True), CLASSES)


@pytest.fixture
def numbers() -> Scored:
    draw = np.random.default_rng(4)
    truth = 1e6 + draw.gamma(2, 50, size=801)
    return Scored("regression", truth, truth + draw.normal(3, 20, size=801))


def test_metrics_of_several_classes_are_those_of_scikit_learn(classes: Scored) -> None:
    truth, scores, label = classes.truth, classes.scores, classes.labels()
    found = measure(classes)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(truth, label))
    balanced = reference.balanced_accuracy_score(truth, label)
    assert found["balanced_accuracy"] == pytest.approx(balanced)
    for mean in ("macro", "weighted"):
        expected = reference.f1_score(truth, label, average=mean)
        assert found[f"f1_{mean}"] == pytest.approx(expected)
    assert found["cohen_kappa"] == pytest.approx(reference.cohen_kappa_score(truth, label))
    assert found["log_loss"] == pytest.approx(reference.log_loss(truth, scores))
    area = reference.roc_auc_score(truth, scores, multi_class="ovr")
    assert found["roc_auc_ovr"] == pytest.approx(area)


def test_metrics_of_numbers_are_those_of_scikit_learn(numbers: Scored) -> None:
    truth, scores = numbers.truth, numbers.scores
    found = measure(numbers)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(truth, scores))
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(truth, scores))
    assert found["r2"] == pytest.approx(reference.r2_score(truth, scores))
    mape = reference.mean_absolute_percentage_error(truth, scores)
    assert found["mape"] == pytest.approx(mape)
    middle = reference.median_absolute_error(truth, scores)
    assert found["median_absolute_error"] == pytest.approx(middle)
    assert found["bias"] == pytest.approx(np.mean(scores - truth))


def test_the_median_of_an_even_number_of_errors_lies_between_two() -> None:
    found = measure(Scored("regression", np.zeros(4), np.array([1.0, 2.0, 4.0, 9.0])))
    assert found["median_absolute_error"] == 3


def test_what_is_not_defined_is_none() -> None:
    found = measure(Scored("regression", np.zeros(5), np.ones(5)))
    assert (found["mape"], found["r2"]) == (None, None)
    one = Scored("multiclass", np.zeros(5, dtype=np.int64), np.full((5, 3), 1 / 3), CLASSES)
    assert measure(one)["roc_auc_ovr"] is None


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_metric_has_a_title_and_a_direction_or_is_a_description(
    task: str, classes: Scored, numbers: Scored
) -> None:
    binary = Scored("binary", np.array([0, 1]), np.array([0.2, 0.7]), ("0", "1"))
    scored = {"binary": binary, "multiclass": classes, "regression": numbers}[task]
    found = set(measure(scored)) - {"rows"}
    assert found <= set(TITLES)
    described = {"positive_share", "predicted_positive_share", "mean_probability", "bias"}
    assert found - HIGHER_IS_BETTER - LOWER_IS_BETTER == found & described
    assert set(METRICS[scored.task]) == found - described - {"calibration_error"}


def test_the_plots_of_several_classes(classes: Scored) -> None:
    drawn = curves(classes, points=51)
    assert set(drawn) == {"roc.csv", "confusion.csv", "class.csv", "calibration.csv"}
    mean = drawn["roc.csv"]
    area = np.trapezoid(mean["true_positive_rate"], mean["false_positive_rate"])
    assert area == pytest.approx(measure(classes)["roc_auc_ovr"], abs=0.01)
    assert set(drawn["confusion.csv"]["actual"]) == set(CLASSES)
    report = reference.classification_report(
        classes.truth, classes.labels(), target_names=CLASSES, output_dict=True
    )
    for row in drawn["class.csv"].to_dict("records"):
        assert row["f1"] == pytest.approx(report[row["class"]]["f1-score"], abs=1e-6)


def test_the_plots_of_numbers(numbers: Scored) -> None:
    drawn = curves(numbers, points=50)
    assert set(drawn) == {"predicted.csv", "error.csv", "calibration.csv"}
    assert len(drawn["error.csv"]) == 50
    assert drawn["error.csv"]["share_within"].iloc[-1] == 1
    assert len(drawn["predicted.csv"]) == 250


def test_a_target_is_encoded_by_the_names_of_its_classes() -> None:
    column, scores = pd.Series(["dog", "bird"], name="animal"), np.full((2, 3), 1 / 3)
    assert list(encode(column, scores, "multiclass", CLASSES).truth) == [2, 0]
    assert list(encode(pd.Series([7, 3]), scores, "multiclass", (3, 5, 7)).truth) == [2, 0]
    assert list(encode(pd.Series([1.0, 0.0]), scores[:, 0], "binary", (0, 1)).truth) == [1, 0]
    with pytest.raises(DataError, match="`animal` holds `wolf`"):
        encode(pd.Series(["wolf"], name="animal"), scores, "multiclass", CLASSES)
    with pytest.raises(DataError, match="missing"):
        encode(pd.Series([1.0, None]), scores[:, 0], "regression", ())
