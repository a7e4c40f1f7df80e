"""Values of arguments against the constraints that scikit-learn states, read from its sources."""

import inspect
from pathlib import Path
from typing import Any

import pytest

from playbill.config.definition import Sources
from playbill.config.estimator import suits
from playbill.config.outcome import Task
from playbill.config.signature import read_signature
from playbill.config.targetcheck import checker, target_problems

HERE = Path(__file__).parent
TASKS: dict[str, Task] = {"classifier": "binary", "regressor": "regression"}
# No constructor to read, or none with constraints.
PLAIN = {"KernelCenterer", "LabelEncoder"}
LEAST_CONSTRAINED = 0.98


def problems(target: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return what is wrong with the arguments, whatever the class is for."""
    return list(checker({"allow": ["sklearn."]}, HERE).section("model", target, roles=False))


def test_every_estimator_is_read_and_its_own_defaults_are_never_refused() -> None:
    """A rule that is read wrongly would refuse what scikit-learn takes."""
    from sklearn.utils import all_estimators

    sources, seen, bound = Sources(HERE), 0, 0
    for name, cls in all_estimators():
        path = f"{cls.__module__}.{name}"
        signature = read_signature(path, sources)
        if signature is None:
            assert name in PLAIN, path
            continue
        arguments = inspect.signature(cls.__init__).parameters
        assert set(signature.names) == set(arguments) - {"self", "args", "kwargs"}, path
        plain = {k: p.default for k, p in arguments.items() if _is_plain(p.default)}
        needed = [k for k, p in arguments.items() if _is_needed(k, p)]
        told = problems({"_target_": path, **plain})
        assert [said for _, said, _ in told] == [
            f"`{name}` needs `{each}`, which is not given" for each in needed
        ], path
        seen += len(plain)
        bound += len(plain.keys() & signature.constraints.keys())
    assert bound / seen > LEAST_CONSTRAINED


def _is_needed(name: str, parameter: inspect.Parameter) -> bool:
    many = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return name != "self" and parameter.default is parameter.empty and parameter.kind not in many


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


@pytest.mark.parametrize(
    ("path", "name", "value", "expected"),
    [
        # Taken over from the tree by `**DecisionTreeClassifier._parameter_constraints`.
        ("sklearn.ensemble.RandomForestClassifier", "max_depth", -4, "a whole number in [1, inf)"),
        ("sklearn.ensemble.RandomForestClassifier", "criterion", "ginni", "'gini'"),
        ("sklearn.ensemble.RandomForestClassifier", "max_features", "sqr", "'sqrt'"),
        # Stated by `_parameter_constraints.update(...)`.
        ("sklearn.linear_model.Perceptron", "penalty", "l3", "'l2'"),
        # Bounds given by keyword.
        ("sklearn.cluster.HDBSCAN", "min_cluster_size", 1, "a whole number in [2, inf)"),
    ],
)
def test_a_value_out_of_range_is_refused_however_the_class_states_it(
    path: str, name: str, value: object, expected: str
) -> None:
    told = problems({"_target_": path, name: value})
    assert [problem[0] for problem in told] == [f"model.{name}"]
    assert expected in told[0][2]


def test_of_several_wrong_arguments_each_is_told() -> None:
    told = problems(
        {
            "_target_": "sklearn.ensemble.RandomForestClassifier",
            "n_estimatrs": 5,
            "max_depth": 0,
            "criterion": "ginni",
        }
    )
    assert [problem[0] for problem in told] == [
        "model.n_estimatrs", "model.max_depth", "model.criterion",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "task", "what", "expected"),
    [
        (
            "sklearn.ensemble.HistGradientBoostingRegressor", "binary", "is a regressor",
            "`sklearn.ensemble.HistGradientBoostingClassifier` is the nearest name",
        ),
        ("sklearn.linear_model.Ridge", "multiclass", "is a regressor", "`model: logistic`"),
        ("sklearn.linear_model.LogisticRegression", "regression", "is a classifier", "`model: rid"),
        ("sklearn.svm.SVC", "regression", "is a classifier", "`sklearn.svm.SVR` is the nearest"),
        ("sklearn.cluster.KMeans", "binary", "is a clustering", "`model: boosting`"),
        ("sklearn.ensemble.IsolationForest", "regression", "an outlier detector", "`model: fores"),
        ("sklearn.preprocessing.StandardScaler", "binary", "is a transformer", "`model: forest`"),
        # Their mixins are imported in a `try`, with a stand-in for who has no scikit-learn.
        ("lightgbm.LGBMRegressor", "binary", "is a regressor", "`lightgbm.LGBMClassifier` is the"),
        ("xgboost.XGBClassifier", "regression", "is a classifier", "`xgboost.XGBRegressor` is the"),
    ],
)  # fmt: skip
def test_an_estimator_of_another_task_is_refused_with_the_nearest(
    path: str, task: str, what: str, expected: str
) -> None:
    pytest.importorskip(path.partition(".")[0])
    values = {"allow": ["sklearn.", "lightgbm.", "xgboost."], "contract": {"task": task}}
    ((key, said, right),) = target_problems({**values, "model": {"_target_": path}}, HERE)
    assert key == "model._target_"
    assert what in said
    assert f"contract.task is {task}" in said
    assert expected in right


def test_only_what_scikit_learn_itself_would_refuse_is_refused() -> None:
    """What delegates, as a search or a Pipeline does, is for training to ask."""
    from sklearn.utils import all_estimators

    refused = {
        kind: {
            name
            for name, cls in all_estimators()
            if suits(f"{cls.__module__}.{name}", task, Sources(HERE)) is not None
        }
        for kind, task in TASKS.items()
    }
    for kind, names in refused.items():
        right = {name for name, _ in all_estimators(type_filter=kind)}
        assert right & names == set()
    classifiers = {name for name, _ in all_estimators(type_filter="classifier")}
    assert classifiers - refused["regressor"] == set()
    assert refused["classifier"] & {"GridSearchCV", "Pipeline", "RFE", "FrozenEstimator"} == set()


def test_a_class_of_the_project_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "__init__.py").write_text("")
    (tmp_path / "stages" / "mine.py").write_text(
        "import sklearn.base\nfrom sklearn.linear_model import Ridge\n\n"
        "class Plain:\n    pass\n\nclass Mine(Plain, sklearn.base.ClassifierMixin):\n    pass\n\n"
        "class Other(Ridge):\n    pass\n"
    )
    sources = Sources(tmp_path)
    assert suits("stages.mine.Plain", "regression", sources) is None
    assert suits("stages.mine.Mine", "binary", sources) is None
    assert suits("stages.mine.Mine", "regression", sources) is not None
    assert suits("stages.mine.Other", "binary", sources) is not None
