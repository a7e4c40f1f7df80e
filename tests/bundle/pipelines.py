"""Small data of every kind of column, and the Pipelines that the runtimes are compared on."""

import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from playbill.bundle import parity
from playbill.contract.column import Column
from playbill.contract.frame import as_model_frame
from playbill.contract.outcome import Outcome
from playbill.feature.crossing import Crossing
from playbill.feature.dates import PARTS, DateParts
from playbill.model.estimator import predict

INPUTS = (
    Column("age", "integer", minimum=0, maximum=120),
    Column("dose", "number", nullable=True),
    Column("rate", "number", nullable=True),
    Column("ward", "text", categories=("n", "s", "w")),
    Column("city", "text", nullable=True),
    Column("night", "boolean"),
    Column("seen", "datetime"),
)
NUMBERS = ["age", "dose", "rate", "night", "seen"]
TEXTS = ["ward", "city"]
ASKED = {
    "binary": Outcome(),
    "multiclass": Outcome("multiclass", ("a", "b", "c"), None),
    "regression": Outcome("regression", (), None),
}


@cache
def rows(count: int, seed: int) -> tuple[pd.DataFrame, "np.ndarray[Any, Any]"]:
    """Return rows that keep the columns' kinds, and a score that depends on them."""
    draw = np.random.default_rng(seed)
    cities = draw.choice(["Bern", "Brno", "Bonn", "Bari", ""], count, p=[0.4, 0.3, 0.2, 0.02, 0.08])
    frame = pd.DataFrame({
        "age": draw.integers(0, 121, count),
        "dose": np.where(draw.random(count) < 0.2, np.nan, draw.gamma(2.0, size=count)),
        "rate": np.where(draw.random(count) < 0.1, np.nan, draw.normal(size=count) * 1e3),
        "ward": draw.choice(list("nsw"), count),
        "city": pd.Series(cities).replace("", None),
        "night": draw.random(count) < 0.4,
        "seen": pd.Timestamp("2026-01-01") + pd.to_timedelta(draw.integers(0, 10**7, count), "s"),
    })  # fmt: skip
    score = frame["age"] / 40 - 1.5 + frame["dose"].fillna(1) / 3 + (frame["ward"] == "n")
    score += (frame["city"] == "Brno") * 0.7 + frame["night"] * 0.5 + frame["rate"].fillna(0) / 1500
    return frame, score.to_numpy() + draw.logistic(size=count) * 0.7


def target(score: "np.ndarray[Any, Any]", task: str) -> "np.ndarray[Any, Any]":
    """Return what a model of the task learns."""
    if task == "binary":
        return np.asarray(score > 0.8, dtype=np.int64)
    if task == "multiclass":
        names = np.array(["a", "b", "c"], dtype=object)
        return np.asarray(names[np.digitize(score, [0.2, 1.4])])
    return np.asarray(np.exp(score / 4))


def fitted(pipeline: Any, task: str) -> parity.Model:
    """Fit a Pipeline and return it with what is asked of it."""
    frame, score = rows(300, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.fit(as_model_frame(frame, INPUTS), target(score, task))
    return parity.Model(pipeline, INPUTS, ASKED[task], 0.5, {})


def chosen(model: parity.Model, *runtimes: str) -> parity.Choice:
    """Return what the parity gate takes of these runtimes."""
    frame = rows(150, 2)[0]
    known = model.asked
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = predict(
            model.pipeline, as_model_frame(frame, INPUTS), task=known.task, classes=known.classes
        )
        return parity.choose(runtimes, model, frame, expected, edge_rows=500)


def preparations() -> Mapping[str, Callable[[], Any]]:
    """Return the transformers by name."""
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_selection import VarianceThreshold
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
    from sklearn.preprocessing import (
        KBinsDiscretizer,
        MaxAbsScaler,
        MinMaxScaler,
        OneHotEncoder,
        OrdinalEncoder,
        RobustScaler,
        StandardScaler,
        TargetEncoder,
    )  # fmt: skip

    def joined(numbers: Any, texts: Any, *more: Any) -> Any:
        parts = [("numbers", numbers, NUMBERS), ("texts", texts, TEXTS), *more]
        return ColumnTransformer(parts, sparse_threshold=0)

    def filled(**options: Any) -> Any:
        return SimpleImputer(strategy="median", **options)

    def word() -> Any:
        return SimpleImputer(strategy="constant", fill_value="(missing)")

    def ordinal(value: float) -> Any:
        return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=value)

    def dates(*parts: str, **options: Any) -> Any:
        return ("dates", make_pipeline(DateParts(parts, **options), filled()), ["seen"])

    def scaled(texts: Any, *more: Any) -> Any:
        numbers = ["age", "dose", "rate", "night"]
        parts = [("n", make_pipeline(filled(), StandardScaler()), numbers), ("t", texts, TEXTS)]
        return ColumnTransformer([*parts, *more], sparse_threshold=0)

    bins = KBinsDiscretizer(5, encode="onehot", quantile_method="averaged_inverted_cdf")
    rare = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20, drop="first")
    quiet = OneHotEncoder(handle_unknown="ignore")
    return {
        "impute, scale, target": lambda: joined(
            make_pipeline(filled(), StandardScaler()),
            make_pipeline(word(), TargetEncoder(cv=5, shuffle=True, random_state=0)),
        ),
        "indicator, minmax, one-hot": lambda: joined(
            make_pipeline(filled(add_indicator=True), MinMaxScaler(clip=True)), quiet
        ),
        "robust, ordinal": lambda: joined(
            make_pipeline(filled(), RobustScaler()), make_pipeline(word(), ordinal(-1))
        ),
        "maxabs, infrequent, weighted": lambda: ColumnTransformer(
            [
                ("numbers", make_pipeline(filled(), MaxAbsScaler()), NUMBERS),
                ("texts", rare, TEXTS),
            ],
            sparse_threshold=0,
            transformer_weights={"numbers": 2.0},
        ),
        "bins, one-hot of numbers, refused unknown": lambda: ColumnTransformer(
            [
                ("bins", make_pipeline(filled(), bins), ["dose", "rate"]),
                ("numbers", quiet, ["age"]),
                ("as they are", "passthrough", ["night"]),
                ("texts", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
                 TEXTS),
            ],
            sparse_threshold=0,
        ),
        "missing kept": lambda: ColumnTransformer(
            [("texts", ordinal(np.nan), TEXTS)], remainder="passthrough"
        ),
        "target of numbers, selected, scaled": lambda: Pipeline([
            ("columns", ColumnTransformer([
                ("numbers", TargetEncoder(random_state=0), ["age", "night"]),
                ("both", FeatureUnion([("a", filled()), ("b", make_pipeline(filled(), bins))]),
                 ["dose", "rate"]),
                ("texts", TargetEncoder(random_state=0), TEXTS),
            ], sparse_threshold=0)),
            ("some", VarianceThreshold()),
            ("scaled", StandardScaler()),
        ]),
        "date parts": lambda: scaled(quiet, dates(*PARTS)),
        "date parts on a circle, in a zone": lambda: scaled(
            quiet, dates("hour", "week", "year", cyclic=True, zone="America/New_York")
        ),
        "crossing, one-hot": lambda: scaled(make_pipeline(Crossing(), quiet)),
        "filled, crossing alone, target": lambda: scaled(
            make_pipeline(word(), Crossing(keep=False), TargetEncoder(random_state=0))
        ),
    }  # fmt: skip


def estimators(task: str) -> Mapping[str, Callable[[], Any]]:
    """Return the estimators of a task by name."""
    from sklearn import ensemble, linear_model, tree
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import FixedThresholdClassifier

    kind = "Regressor" if task == "regression" else "Classifier"

    def made(module: Any, name: str, **options: Any) -> Callable[[], Any]:
        return lambda: getattr(module, name + kind)(random_state=0, **options)

    found: dict[str, Callable[[], Any]] = {
        "histogram": made(ensemble, "HistGradientBoosting", max_iter=10),
        "forest": made(ensemble, "RandomForest", n_estimators=10, max_depth=4),
        "large forest": made(ensemble, "RandomForest", n_estimators=5),
        "extra trees": made(ensemble, "ExtraTrees", n_estimators=5),
        "gradient": made(ensemble, "GradientBoosting", n_estimators=10),
        "tree": made(tree, "DecisionTree", max_depth=4),
    }
    if task == "regression":
        poisson = ensemble.HistGradientBoostingRegressor
        return found | {
            "ridge": linear_model.Ridge,
            "lasso": linear_model.Lasso,
            "counts": linear_model.PoissonRegressor,
            "histogram of counts": lambda: poisson(loss="poisson", max_iter=10, random_state=0),
        }
    from sklearn.svm import LinearSVC

    logistic = linear_model.LogisticRegression(max_iter=300)
    forest = ensemble.RandomForestClassifier(5, max_depth=3, random_state=0)
    return found | {
        "logistic": lambda: logistic,
        "stochastic": lambda: linear_model.SGDClassifier(loss="log_loss", random_state=0),
        "sigmoid": lambda: CalibratedClassifierCV(logistic, cv=3),
        "isotonic": lambda: CalibratedClassifierCV(forest, method="isotonic", cv=3),
        "temperature": lambda: CalibratedClassifierCV(logistic, method="temperature", cv=3),
        "temperature of a forest": lambda: CalibratedClassifierCV(
            forest, method="temperature", cv=3
        ),
        "calibrated support vectors": lambda: CalibratedClassifierCV(LinearSVC(), cv=2),
        "calibrated ridge": lambda: CalibratedClassifierCV(linear_model.RidgeClassifier(), cv=2),
        **({"threshold": lambda: FixedThresholdClassifier(forest)} if task == "binary" else {}),
    }
