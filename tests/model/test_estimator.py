"""The model half of the Pipeline: built, fitted and asked."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from playbill.errors import ConfigError, DataError
from playbill.model.estimator import build_pipeline, fit, predict

ALLOW = ["sklearn."]
LOGISTIC = {"_target_": "sklearn.linear_model.LogisticRegression"}
X = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
Y = pd.Series([0, 0, 1, 1], name="y")


def test_a_fitted_pipeline_gives_the_probability_of_the_positive_class() -> None:
    pipeline = fit(build_pipeline(StandardScaler(), LOGISTIC, ALLOW), X, Y)
    probability = predict(pipeline, X)
    assert probability.dtype == np.float64
    assert (np.diff(probability) > 0).all()


def test_an_estimator_without_probabilities_is_refused() -> None:
    with pytest.raises(ConfigError, match="is a regressor"):
        build_pipeline(StandardScaler(), {"_target_": "sklearn.linear_model.Ridge"}, ALLOW)


def test_a_wrong_argument_is_an_error_of_the_config() -> None:
    with pytest.raises(ConfigError, match="refused its arguments"):
        build_pipeline(StandardScaler(), {**LOGISTIC, "depth": 3}, ALLOW)


def test_rows_of_one_class_are_refused() -> None:
    with pytest.raises(DataError, match="every training row has the same `y`"):
        fit(build_pipeline(StandardScaler(), LOGISTIC, ALLOW), X, Y * 0)


def test_rows_that_the_pipeline_refuses_are_no_traceback() -> None:
    with pytest.raises(DataError, match="refuses the training rows"):
        fit(build_pipeline(StandardScaler(), LOGISTIC, ALLOW), X.assign(x="many"), Y)


def test_fitting_and_asking_use_one_thread() -> None:
    from threadpoolctl import threadpool_info

    class Spy(StandardScaler):  # type: ignore[misc]  # scikit-learn is untyped
        seen: set[int]

        def fit(self, *args: object, **more: object) -> "Spy":
            Spy.seen = {pool["num_threads"] for pool in threadpool_info()}
            super().fit(*args, **more)
            return self

    fit(build_pipeline(Spy(), LOGISTIC, ALLOW), X, Y)
    assert Spy.seen == {1}


def test_what_draws_gets_the_seed_wherever_conf_leaves_it_open() -> None:
    inner = {"_target_": "sklearn.tree.DecisionTreeClassifier", "random_state": 5}
    model = {"_target_": "sklearn.ensemble.BaggingClassifier", "estimator": inner}
    forest = {"_target_": "sklearn.ensemble.ExtraTreesClassifier", "n_estimators": 3}
    known = build_pipeline(StandardScaler(), model, ALLOW, seed=7).get_params()
    assert known["model__random_state"] == 7
    assert known["model__estimator__random_state"] == 5
    said = [fit(build_pipeline(StandardScaler(), forest, ALLOW, seed=7), X, Y) for _ in range(2)]
    assert (predict(said[0], X) == predict(said[1], X)).all()
