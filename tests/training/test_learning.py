"""What the stage train's core promises: the same bytes, honest folds, the best decision."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from playbill.config.learning import learning_problems
from playbill.config.schema import Threshold
from playbill.contract.column import inputs
from playbill.contract.frame import as_model_frame
from playbill.errors import ConfigError, DataError, FitError
from playbill.model.persistence import dump, load
from playbill.training.learning import learn
from playbill.training.search import Desk
from playbill.training.threshold import tune
from tests.learning import SCALED, SEED, bytes_of, params, rows

ROOT = Path(__file__).resolve().parents[2]
FOLDS = {"kind": "stratified", "folds": 3, "seed": SEED}
LOGISTIC = "sklearn.linear_model.LogisticRegression"


def test_the_number_of_jobs_changes_nothing(tmp_path: Path) -> None:
    chosen = params(
        "wine", validation=FOLDS, training={"calibration": {"method": "sigmoid"}},
        tuning={
            "kind": "optuna", "trials": 6, "batch": 3, "seed": SEED,
            "space": {"model": {"C": {"low": 0.01, "high": 10.0, "log": True}}},
        },
    )  # fmt: skip
    frame = rows("wine")
    alone = learn(chosen, frame, Desk(jobs=1))
    many = learn(chosen, frame, Desk(jobs=2, journal=tmp_path))
    resumed = learn(chosen, frame, Desk(jobs=1, journal=tmp_path))
    assert bytes_of(alone) == bytes_of(many) == bytes_of(resumed)


THREADS = """
import sys
sys.path[:0] = [{root!r}]
from tests.learning import params, rows
from tests.learning import bytes_of
from playbill.training.learning import learn
folds = {{"kind": "stratified", "folds": 3, "seed": 7}}
for name, target, arguments in (
    ("digits", "sklearn.linear_model.LogisticRegression", {{"max_iter": 40}}),
    ("wine", "sklearn.ensemble.HistGradientBoostingClassifier",
     {{"max_iter": 10, "random_state": 7}}),
):
    chosen = params(name, model={{"_target_": target, **arguments}}, validation=folds)
    print(*bytes_of(learn(chosen, rows(name))))
"""


def test_the_environment_s_thread_counts_change_nothing() -> None:
    def said(threads: int) -> str:
        count = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", THREADS.format(root=str(ROOT))], cwd=ROOT,
            env={**os.environ, **count}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    assert said(1) == said(2)


def test_a_search_over_columns_fits_the_columns_that_it_tries() -> None:
    frame = rows("diabetes")
    tried = [["c2"], ["c1"]]
    space = {"feature": {"groups": {"numbers": {"columns": tried}}}}
    found = learn(
        params("diabetes", model={"_target_": "sklearn.linear_model.Ridge"},
               validation={"kind": "kfold", "folds": 3, "seed": SEED},
               tuning={"kind": "grid", "space": space}),
        frame,
    )  # fmt: skip
    scores = found.trials["score"] if "score" in found.trials else found.trials.iloc[:, -1]
    assert scores.nunique() == 2
    assert found.report["tuning"]["best"]["values"] == {"feature.groups.numbers.columns": ["c2"]}
    assert [each[2] for each in found.pipeline[0].transformers_ if each[0] == "numbers"] == [["c2"]]


def test_what_a_search_found_is_fitted_like_the_same_model_written_down() -> None:
    frame = rows("diabetes")
    ridge = {"_target_": "sklearn.linear_model.Ridge", "alpha": 1.0}
    space = {
        "model": {"alpha": [0.01, 0.3, 50.0]},
        "feature": {"groups": {"numbers": {"steps": {"0": {"with_mean": [True, False]}}}}},
    }
    found = learn(
        params("diabetes", model=ridge, validation={"kind": "kfold", "folds": 3, "seed": SEED},
               tuning={"kind": "grid", "space": space}),
        frame,
    )  # fmt: skip
    best = found.report["tuning"]["best"]["values"]
    assert set(best) == {"model.alpha", "feature.groups.numbers.steps.0.with_mean"}
    plain = params("diabetes", model={**ridge, "alpha": best["model.alpha"]})
    step = plain.feature.groups["numbers"].steps[0]
    step["with_mean"] = best["feature.groups.numbers.steps.0.with_mean"]
    assert dump(learn(plain, frame).pipeline) == dump(found.pipeline)
    assert len(found.trials) == 6


def test_a_calibrated_model_comes_back_from_its_file_and_answers_the_same() -> None:
    chosen = params("wine", validation=FOLDS, training={"calibration": {"method": "isotonic"}})
    frame = rows("wine")
    pipeline = learn(chosen, frame).pipeline
    content = dump(pipeline)
    model_rows = as_model_frame(frame, inputs(chosen.contract))
    answers = load(content).predict_proba(model_rows)
    np.testing.assert_array_equal(answers, pipeline.predict_proba(model_rows))
    np.testing.assert_allclose(answers.sum(axis=1), 1)
    assert pipeline.predict(model_rows[:2]).tolist() == frame["y"][:2].tolist()


def test_a_classifier_without_probabilities_needs_calibration() -> None:
    model = {"_target_": "sklearn.svm.LinearSVC", "random_state": SEED}
    with pytest.raises(ConfigError, match="gives no probabilities") as caught:
        learn(params("breast_cancer", model=model), rows("breast_cancer"))
    assert "calibration" in caught.value.expected
    calibrated = {"calibration": {"method": "sigmoid"}}
    found = learn(
        params("breast_cancer", model=model, validation=FOLDS, training=calibrated,
               tuning={"kind": "grid", "space": {"model": {"C": [0.01, 1.0]}}}),
        rows("breast_cancer"),
    )  # fmt: skip
    assert found.report["validation"]["mean"]["log_loss"] < 0.15


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "diabetes"])
def test_a_time_that_crosses_the_folds_fails(name: str) -> None:
    folds = {"kind": "kfold", "folds": 3, "seed": SEED}
    chosen = params(name, roles={"at": "time"}, validation=folds, model=model_of(name))
    with pytest.raises(DataError, match="are learned from to be tried on rows from"):
        learn(chosen, rows(name))
    allowed = params(
        name, roles={"at": "time"}, validation={**folds, "may_cross": ["time"]},
        model=model_of(name),
    )  # fmt: skip
    assert learn(allowed, rows(name)).report["validation"]["kind"] == "kfold"


def model_of(name: str) -> dict[str, Any]:
    regression = name == "diabetes"
    return {"_target_": "sklearn.linear_model.Ridge" if regression else LOGISTIC}


def test_a_group_that_crosses_the_folds_fails() -> None:
    chosen = params("wine", roles={"team": "group"}, validation=FOLDS)
    with pytest.raises(DataError, match="groups are on both sides of the split"):
        learn(chosen, rows("wine"))


def test_a_class_without_a_training_row_is_refused() -> None:
    frame = rows("iris")
    with pytest.raises(DataError, match="no training row is of the class `setosa`"):
        learn(params("iris"), frame[frame["y"] != "setosa"])


def test_a_trial_that_cannot_be_fitted_is_told_and_the_others_go_on() -> None:
    solver = {"solver": ["liblinear", "lbfgs"]}  # liblinear has no more than two classes
    chosen = params("wine", validation=FOLDS, tuning={"kind": "grid", "space": {"model": solver}})
    found = learn(chosen, rows("wine"))
    assert found.report["tuning"]["failed"] == 1
    assert found.report["tuning"]["best"]["values"] == {"model.solver": "lbfgs"}
    failed = found.trials[found.trials["state"] == "failed"]
    assert "LogisticRegression refuses the training rows" in failed["reason"].item()
    alone = params("wine", validation=FOLDS, tuning={
        "kind": "grid", "space": {"model": {"solver": ["liblinear"]}},
    })  # fmt: skip
    with pytest.raises(DataError, match="none of 1 trials could be fitted; the first: Logistic"):
        learn(alone, rows("wine"))


def test_an_answer_that_is_no_number_fails_its_trial_alone() -> None:
    model = {"_target_": "tests.training.test_learning.Endless", "steps": 1}
    chosen = params(
        "diabetes", allow=["tests."], model=model, validation={"kind": "kfold", "folds": 2},
        tuning={"kind": "grid", "space": {"model": {"steps": [1, 2]}}},
    )  # fmt: skip
    found = learn(chosen, rows("diabetes"))
    assert found.report["tuning"]["best"]["values"] == {"model.steps": 1}
    assert "with no number" in found.trials["reason"].dropna().item()


class Endless(RegressorMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Comes to no end if it takes two steps."""

    def __init__(self, steps: int = 1) -> None:
        self.steps = steps

    def fit(self, rows: Any, target: Any) -> "Endless":
        self.mean_ = float(np.mean(target)) if len(rows) and self.steps == 1 else float("nan")
        return self

    def predict(self, rows: Any) -> Any:
        return np.full(len(rows), self.mean_)


MISTAKES: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "the model's parameters": (
        {"solver": "liblinear"}, SCALED,
        "model._target_", "a model that takes these rows with these parameters",
    ),
    "a step": (
        {}, {"groups": {"numbers": {"columns": ["c1"], "steps": [
            {"_target_": "sklearn.preprocessing.OneHotEncoder", "categories": [[1.0]]},
        ]}}}, "feature.groups.numbers.steps.0", "handle_unknown",
    ),
    "a text that nothing encodes": (
        {}, {"groups": {"numbers": {"columns": ["c1", "team"]}}},
        "feature.groups.numbers.steps", "team reach the model as texts",
    ),
    "a gap that nothing fills": (
        {}, {"groups": {"numbers": {"columns": ["c1", "c2"]}}},
        "model._target_", "a sklearn.impute.SimpleImputer for c2 in conf/feature",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_a_library_refuses_is_blamed_on_the_key_that_is_at_fault(mistake: str) -> None:
    model, feature, where, expected = MISTAKES[mistake]
    frame = rows("wine")
    frame.loc[:5, "c2"] = np.nan
    chosen = params(
        "wine", model={"_target_": LOGISTIC, **model}, feature=feature, roles={"team": "input"}
    )
    with pytest.raises(FitError) as caught:
        learn(chosen, frame.fillna({"c2": 1.0}) if feature is SCALED else frame)
    assert caught.value.where == where
    assert expected in caught.value.expected
    assert caught.value.__cause__ is not None


def test_a_category_that_a_fold_never_saw_is_blamed_on_its_encoder() -> None:
    frame = rows("wine")
    frame["team"] = ["rare", *["common"] * (len(frame) - 1)]
    encoder = {"_target_": "sklearn.preprocessing.OneHotEncoder"}
    feature = {"groups": {**SCALED["groups"], "teams": {"columns": ["team"], "steps": [encoder]}}}
    chosen = params("wine", feature=feature, validation=FOLDS, roles={"team": "input"})
    with pytest.raises(
        FitError, match="OneHotEncoder refuses rows that it did not learn"
    ) as caught:
        learn(chosen, frame)
    assert caught.value.where == "feature.groups.teams.steps.0"
    assert "handle_unknown" in caught.value.expected


def test_a_time_that_is_no_time_is_refused_in_training_too() -> None:
    step = {"_target_": "playbill.feature.dates.DateParts", "parts": ["hour"]}
    feature = {"groups": {"numbers": {"columns": ["c1"], "steps": [step]}}}
    with pytest.raises(ConfigError, match="`DateParts` takes times, and `c1` is of the kind"):
        learn(params("wine", feature=feature), rows("wine"))


def test_class_weights_without_a_model_that_takes_them_are_refused() -> None:
    chosen = params(
        "wine", model={"_target_": "sklearn.neighbors.KNeighborsClassifier"},
        training={"class_weight": "balanced"},
    )  # fmt: skip
    with pytest.raises(ConfigError, match="KNeighborsClassifier takes no weights"):
        learn(chosen, rows("wine"))


@pytest.mark.parametrize(
    "config",
    [
        Threshold(kind="cost", false_negative=5.0),
        Threshold(kind="cost", false_positive=3.0),
        *(
            Threshold.model_validate({"kind": "metric", "metric": metric})
            for metric in ("f1", "accuracy", "balanced_accuracy", "matthews_corrcoef")
        ),
    ],
    ids=str,
)
def test_the_threshold_is_the_best_of_all(config: Threshold) -> None:
    from sklearn import metrics

    draw = np.random.default_rng(SEED)
    truth = (draw.random(300) < 0.3).astype(np.int64)
    noisy = np.clip(0.3 * truth + draw.normal(0.3, 0.2, 300), 0.01, 0.99)
    chance = np.round(noisy, 2).astype(np.float64)
    functions = {"f1": metrics.f1_score, "accuracy": metrics.accuracy_score,
                 "balanced_accuracy": metrics.balanced_accuracy_score,
                 "matthews_corrcoef": metrics.matthews_corrcoef}  # fmt: skip

    def worth(threshold: float) -> float:
        label = chance >= threshold
        if config.kind == "metric":
            return float(functions[config.metric](truth, label))
        wrong = (label > truth) * config.false_positive + (label < truth) * config.false_negative
        return -float(wrong.mean())

    threshold, value = tune(truth, chance, config)
    best = max(worth(each) for each in np.unique(chance))
    assert worth(threshold) == pytest.approx(best)
    assert value == pytest.approx(-best if config.kind == "cost" else best)


@pytest.mark.parametrize("cost", [{"false_negative": 1000.0}, {"false_positive": 1000.0}])
def test_a_threshold_at_the_end_is_worth_what_is_said(cost: dict[str, float]) -> None:
    truth = np.tile(np.array([0, 1], np.int64), 50)
    chance = np.tile(np.array([0.0, 0.0, 1.0, 1.0]), 25)
    config = Threshold.model_validate({"kind": "cost", **cost})
    threshold, value = tune(truth, chance, config)
    said = chance >= threshold
    wrong = (said > truth) * config.false_positive + (said < truth) * config.false_negative
    assert 0 < threshold < 1
    assert value == pytest.approx(float(wrong.mean()))


def test_weights_of_classes_stand_in_one_place() -> None:
    training = {"class_weight": "balanced"}
    model = {"_target_": "sklearn.linear_model.LogisticRegression", "class_weight": "balanced"}
    asked = params("breast_cancer", model=model, training=training)
    (found,) = learning_problems(asked)
    assert found[0] == "training.class_weight"
    assert "counts twice" in found[1]


def test_a_tuned_threshold_is_reported_with_what_it_is_worth() -> None:
    training = {"threshold": {"kind": "cost", "false_negative": 20.0}}
    report = learn(
        params("breast_cancer", validation=FOLDS, training=training), rows("breast_cancer")
    ).report
    assert 0 < report["threshold"] < 0.5
    assert report["decision"]["by"] == "cost"
    assert report["decision"]["rows"] == 569
