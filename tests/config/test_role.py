"""What stands where a model or a step must is asked, before anything runs, if it can be one."""

from pathlib import Path
from typing import Any

import pytest

from playbill.config.crosscheck import feature_problems
from playbill.config.schema import Feature
from playbill.config.targetcheck import target_problems
from tests.learning import params

HERE = Path(__file__).parent
VOTING = "sklearn.ensemble.VotingClassifier"
FOREST = "sklearn.ensemble.RandomForestClassifier"
EXTRA = "sklearn.ensemble.ExtraTreesClassifier"
LOGISTIC = "sklearn.linear_model.LogisticRegression"


def told(model: Any, task: str = "binary", **sections: Any) -> list[tuple[str, str, str]]:
    values = {"allow": ["sklearn.", "stages."], "contract": {"task": task}, "model": model}
    return list(target_problems({**values, **sections}, HERE))


@pytest.mark.parametrize(
    ("path", "task", "what", "expected"),
    [
        (VOTING, "binary", "`VotingClassifier` needs `estimators`", "`estimators:` beside"),
        ("sklearn.ensemble.VotingRegressor", "regression", "needs `estimators`", "beside"),
        ("sklearn.utils.Bunch", "binary", "no estimator: it has no `fit`", "`model: forest`"),
        ("sklearn.model_selection.KFold", "binary", "no estimator: it has no `fit`", "model:"),
        ("sklearn.base.ClassifierMixin", "binary", "no estimator", "`model: logistic`"),
        ("sklearn.tree._tree.Tree", "regression", "no estimator", "`model: ridge`"),
        ("sklearn.linear_model.Ridge.fit", "regression", "is a part of a class", "_model.Ridge`"),
        ("sklearn.svm.LinearSVC", "binary", "gives no probabilities", "calibration.method: sigm"),
        ("sklearn.linear_model.RidgeClassifier", "multiclass", "gives no prob", "calibration"),
    ],
)
def test_a_model_that_cannot_be_one_is_told_with_what_would_be(
    path: str, task: str, what: str, expected: str
) -> None:
    ((key, said, right),) = told({"_target_": path}, task)
    assert key == "model._target_"
    assert what in said
    assert expected in right


def test_methods_that_depend_on_arguments_are_asked_of_the_object() -> None:
    """scikit-learn offers `predict_proba` of some classes under a condition only."""
    sgd = {"_target_": "sklearn.linear_model.SGDClassifier"}
    assert "gives no probabilities" in told({**sgd, "loss": "hinge"})[0][1]
    assert told({**sgd, "loss": "log_loss"}) == []
    calibrated = {"calibration": {"method": "sigmoid"}}
    assert told({**sgd, "loss": "hinge"}, training=calibrated) == []


def test_categories_need_a_model_that_takes_them() -> None:
    groups = {"c": {"columns": ["c"], "categorical": True, "steps": []}}
    ((key, said, _),) = told({"_target_": LOGISTIC}, feature={"groups": groups})
    assert (key, "takes no categories as such" in said) == ("model._target_", True)
    boosting = {"_target_": "sklearn.ensemble.HistGradientBoostingClassifier"}
    assert told(boosting, feature={"groups": groups}) == []


@pytest.mark.parametrize(
    ("path", "what"),
    [
        (LOGISTIC, "is a classifier, no transformer: it has no `transform`"),
        ("sklearn.utils.Bunch", "is no transformer: it has no `fit`"),
        ("sklearn.manifold.TSNE", "has no `transform`"),
        ("sklearn.preprocessing.StandardScaler.fit", "is a part of a class"),
        ("sklearn.feature_selection.SelectFromModel", "needs `estimator`"),
    ],
)
def test_a_step_that_transforms_nothing_is_told(path: str, what: str) -> None:
    groups = {"numbers": {"columns": ["a"], "steps": [{"_target_": path}]}}
    boosting = {"_target_": "sklearn.ensemble.HistGradientBoostingClassifier"}
    ((key, said, _),) = told(boosting, feature={"groups": groups})
    assert key == "feature.groups.numbers.steps.0._target_"
    assert what in said


DATES = "playbill.feature.dates.DateParts"
CROSSING = "playbill.feature.crossing.Crossing"


@pytest.mark.parametrize(
    ("columns", "step", "key", "what", "expected"),
    [
        (["at"], {"_target_": DATES, "parts": ["hours"]}, "parts", "called `hours`", "`hour` is"),
        (["at"], {"_target_": DATES, "parts": "hour"}, "parts", "`parts` is 'hour'", "a list of"),
        (["at"], {"_target_": DATES, "zone": "Europe/Wien"}, "zone", "`Europe/W", "Europe/Vienna"),
        (["c1"], {"_target_": DATES}, "_target_", "`c1` is of the kind number", "datetime64[ns]"),
        (["c1", "c2"], {"_target_": CROSSING}, "_target_", "takes categories", "Polynomial"),
        (["team"], {"_target_": CROSSING}, "_target_", "joins columns, and there is 1", "two"),
        (["team", "at"], {"_target_": "playbill.feature.lines.Lines"}, "_target_", "takes one", ""),
        (["team"], {"_target_": "sklearn.preprocessing.StandardScaler"}, "_target_",
         "`team` is a text", "OneHotEncoder"),
    ],
)  # fmt: skip
def test_what_a_ready_step_takes_is_told_by_the_contract(
    columns: list[str], step: dict[str, Any], key: str, what: str, expected: str
) -> None:
    contract = params("diabetes", roles={"at": "input", "team": "input"}).contract
    groups = {"g": {"columns": columns, "steps": [step]}}
    found = feature_problems(Feature.model_validate({"groups": groups}), contract)
    where, said, right = next(found)
    assert where == f"feature.groups.g.steps.0.{key}"
    assert what in said
    assert expected in right


def test_a_column_that_stands_twice_in_a_group_is_told_at_its_place() -> None:
    contract = params("diabetes").contract
    groups = {"g": {"columns": ["c1", "c2", "c1"]}}
    found = list(feature_problems(Feature.model_validate({"groups": groups}), contract))
    assert found == [("feature.groups.g.columns.2", "`c1` stands here twice", "each column once")]


def searched(space: dict[str, Any], **model: Any) -> list[tuple[str, str, str]]:
    return told(
        {"_target_": FOREST, "n_estimators": 5, **model},
        tuning={"kind": "random", "space": {"model": space}},
    )


def test_a_searched_class_is_tried_with_all_that_stands_beside_it() -> None:
    assert searched({"_target_": [FOREST, EXTRA], "max_depth": [2, 3]}) == []
    ((key, said, right),) = searched({"_target_": [FOREST, LOGISTIC]})
    assert key == "tuning.space.model._target_"
    assert "`LogisticRegression` takes no `n_estimators` (`model.n_estimators`)" in said
    assert "`model: [{_target_: ..., ...}" in right


def test_a_parameter_that_one_of_the_searched_classes_does_not_take_is_named() -> None:
    gradient = "sklearn.ensemble.GradientBoostingClassifier"
    ((key, said, _),) = searched({"_target_": [FOREST, gradient], "criterion": ["gini"]})
    assert key == "tuning.space.model.criterion"
    assert said == f"with `{gradient}`, `model.criterion` is 'gini'"


def test_a_choice_after_which_there_are_no_probabilities_is_named() -> None:
    model = {"_target_": "sklearn.linear_model.SGDClassifier", "loss": "log_loss"}
    space = {"model": {"loss": ["log_loss", "hinge"], "alpha": {"low": 0.1, "high": 1.0}}}
    ((key, said, _),) = told(model, tuning={"kind": "random", "space": space})
    assert key == "tuning.space.model.loss"
    assert said.startswith("with `model.loss: hinge`, ")
