"""The outside check: the same estimator written by hand in scikit-learn predicts the same.

Split and folds are made by scikit-learn on one side and by Playbill on the other.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
    train_test_split,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR, LinearSVC
from threadpoolctl import threadpool_limits

from playbill.contract.column import inputs
from playbill.contract.frame import as_model_frame
from playbill.contract.outcome import outcome
from playbill.model.estimator import predict
from playbill.training.learning import learn
from stages import train as stage
from tests.learning import SEED, as_read, params, rows


def by_hand(estimator: Any) -> Any:
    """Return the Pipeline that anybody would write: the columns scaled, then the estimator."""
    numbers = make_column_selector(dtype_include="number")
    scaled = ColumnTransformer([("numbers", StandardScaler(), numbers)])
    return make_pipeline(scaled, estimator)


BOOSTED = "sklearn.ensemble.HistGradientBoostingClassifier"
CASES: list[tuple[str, str, dict[str, Any], Any]] = [
    (
        "breast_cancer", "sklearn.linear_model.LogisticRegression", {"max_iter": 500},
        LogisticRegression(max_iter=500),
    ),
    (
        "breast_cancer", BOOSTED, {"max_iter": 20, "random_state": SEED},
        HistGradientBoostingClassifier(max_iter=20, random_state=SEED),
    ),
    (
        "wine", "sklearn.ensemble.RandomForestClassifier",
        {"n_estimators": 20, "random_state": SEED},
        RandomForestClassifier(n_estimators=20, random_state=SEED),
    ),
    ("iris", "sklearn.naive_bayes.GaussianNB", {}, GaussianNB()),
    (
        "digits", BOOSTED, {"max_iter": 5, "random_state": SEED},
        HistGradientBoostingClassifier(max_iter=5, random_state=SEED),
    ),
    ("diabetes", "sklearn.linear_model.Ridge", {"alpha": 0.5}, Ridge(alpha=0.5)),
    (
        "diabetes", "sklearn.ensemble.HistGradientBoostingRegressor",
        {"max_iter": 20, "random_state": SEED},
        HistGradientBoostingRegressor(max_iter=20, random_state=SEED),
    ),
    (
        "diabetes", "sklearn.ensemble.GradientBoostingRegressor",
        {"n_estimators": 20, "random_state": SEED},
        GradientBoostingRegressor(n_estimators=20, random_state=SEED),
    ),
    ("diabetes", "sklearn.svm.SVR", {"C": 2.0}, SVR(C=2.0)),
    (
        "flights", BOOSTED, {"max_iter": 20, "random_state": SEED},
        HistGradientBoostingClassifier(max_iter=20, random_state=SEED),
    ),
    (
        "planes", "sklearn.linear_model.LogisticRegression", {"max_iter": 500},
        LogisticRegression(max_iter=500),
    ),
    ("weather", "sklearn.linear_model.Ridge", {"alpha": 0.5}, Ridge(alpha=0.5)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "target", "arguments", "estimator"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES]
)
def test_the_stage_predicts_what_the_same_lines_in_scikit_learn_do(
    name: str, target: str, arguments: dict[str, Any], estimator: Any
) -> None:
    chosen = params(name, model={"_target_": target, **arguments})
    frame = rows(name)
    learned, tried = train_test_split(frame, test_size=0.25, random_state=SEED)
    learned, tried = as_read(learned), as_read(tried)
    columns = [column for column in frame if str(column).startswith("c")]
    with threadpool_limits(limits=1):
        hand = by_hand(estimator)
        hand.fit(learned[columns], learned["y"])
        matrix = tried[columns]
        expected = (
            hand.predict(matrix)
            if chosen.contract.task == "regression"
            else hand.predict_proba(matrix)
        )
    pipeline: Any = stage.run(chosen, train=learned)["pipeline"]
    asked = outcome(chosen.contract)
    model_rows = as_model_frame(tried, inputs(chosen.contract))
    found = predict(pipeline, model_rows, task=asked.task, classes=asked.classes)
    if asked.task == "binary":
        expected = expected[:, 1]
    np.testing.assert_array_equal(found, expected)


FOLDS: list[tuple[str, dict[str, Any], Any]] = [
    ("kfold", {}, KFold(5, shuffle=True, random_state=SEED)),
    ("stratified", {}, StratifiedKFold(5, shuffle=True, random_state=SEED)),
    ("group", {"team": "group"}, GroupKFold(5, shuffle=True, random_state=SEED)),
    ("time", {"at": "time"}, TimeSeriesSplit(5)),
]


@pytest.mark.parametrize(("kind", "roles", "splitter"), FOLDS, ids=[f[0] for f in FOLDS])
def test_the_folds_score_what_cross_val_score_does(
    kind: str, roles: dict[str, str], splitter: Any
) -> None:
    frame = as_read(rows("breast_cancer").sort_values("at"))
    config: dict[str, Any] = {"kind": kind, "folds": 5, "metrics": ["roc_auc", "accuracy"]}
    config |= {} if kind == "time" else {"seed": SEED}
    chosen = params("breast_cancer", roles=roles, validation=config)
    report = learn(chosen, frame).report["validation"]
    matrix = frame[[c for c in frame if str(c).startswith("c")]]
    hand = by_hand(LogisticRegression(max_iter=500))
    groups = frame["team"] if kind == "group" else None
    for metric in ("roc_auc", "accuracy"):
        with threadpool_limits(limits=1):
            expected = cross_val_score(
                hand, matrix, frame["y"], scoring=metric, cv=splitter, groups=groups
            )
        np.testing.assert_array_equal([fold[metric] for fold in report["folds"]], expected)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize(
    ("name", "target", "estimator"),
    [
        ("breast_cancer", "sklearn.svm.LinearSVC", LinearSVC(random_state=SEED)),
        ("wine", "sklearn.ensemble.RandomForestClassifier", None),
    ],
)
def test_calibration_is_scikit_learn_s_over_the_whole_pipeline(
    name: str, target: str, estimator: Any, method: str
) -> None:
    frame = rows(name)
    model = {"_target_": target, "random_state": SEED}
    if estimator is None:
        model["n_estimators"] = 10
        estimator = RandomForestClassifier(n_estimators=10, random_state=SEED)
    chosen = params(
        name, model=model, validation={"kind": "stratified", "folds": 4, "seed": SEED},
        training={"calibration": {"method": method}},
    )  # fmt: skip
    matrix = frame[[c for c in frame if str(c).startswith("c")]]
    folds = StratifiedKFold(4, shuffle=True, random_state=SEED)
    pipeline = by_hand(estimator)
    with threadpool_limits(limits=1):
        hand = CalibratedClassifierCV(pipeline, method=method, cv=folds, ensemble=False)
        expected = hand.fit(matrix, frame["y"]).predict_proba(matrix)
    found = learn(chosen, frame).pipeline
    answers = found.predict_proba(as_model_frame(frame, inputs(chosen.contract)))
    np.testing.assert_allclose(answers, expected, rtol=0, atol=1e-12)


def test_a_grid_finds_what_grid_search_finds() -> None:
    frame = rows("wine")
    chosen = params(
        "wine", validation={"kind": "stratified", "folds": 3, "seed": SEED},
        tuning={
            "kind": "grid", "metric": "log_loss",
            "space": {"model": {"C": [0.01, 0.1, 1.0], "fit_intercept": [True, False]}},
        },
    )  # fmt: skip
    found = learn(chosen, frame)
    matrix = frame[[c for c in frame if str(c).startswith("c")]]
    with threadpool_limits(limits=1):
        hand = GridSearchCV(
            by_hand(LogisticRegression(max_iter=500)),
            {
                "logisticregression__C": [0.01, 0.1, 1.0],
                "logisticregression__fit_intercept": [True, False],
            },
            scoring="neg_log_loss", cv=StratifiedKFold(3, shuffle=True, random_state=SEED),
        ).fit(matrix, frame["y"])  # fmt: skip
    best = found.report["tuning"]["best"]
    assert best["values"] == {
        "model.C": hand.best_params_["logisticregression__C"],
        "model.fit_intercept": hand.best_params_["logisticregression__fit_intercept"],
    }
    assert best["log_loss"] == pytest.approx(-hand.best_score_, abs=1e-12)
    np.testing.assert_allclose(
        found.trials["log_loss"], -hand.cv_results_["mean_test_score"], atol=1e-12
    )
    answers = found.pipeline.predict_proba(as_model_frame(frame, inputs(chosen.contract)))
    np.testing.assert_array_equal(answers, hand.predict_proba(matrix))


def test_balanced_classes_weigh_what_scikit_learn_gives_them() -> None:
    frame = rows("breast_cancer")
    by_us = params("breast_cancer", training={"class_weight": "balanced"})
    logistic = {"_target_": "sklearn.linear_model.LogisticRegression", "max_iter": 500}
    by_model = params("breast_cancer", model={**logistic, "class_weight": "balanced"})
    by_class = params("breast_cancer", model={**logistic, "class_weight": {"0": 3.0, "1": 1.0}})
    weighed = params("breast_cancer", training={"class_weight": {"0": 3.0}})
    model_rows = as_model_frame(frame, inputs(by_us.contract))
    answers = [
        learn(each, frame).pipeline.predict_proba(model_rows)
        for each in (by_us, by_model, by_class, weighed)
    ]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-6)
    np.testing.assert_allclose(answers[2], answers[3], atol=1e-6)
    assert not np.allclose(answers[0], answers[2], atol=1e-3)
    assert isinstance(frame, pd.DataFrame)
