"""Values of arguments against the constraints that scikit-learn states, read from its sources."""

import inspect
from pathlib import Path
from typing import Any

import pytest

from playbill.config.definition import Sources
from playbill.config.signature import read_signature, target_problems

HERE = Path(__file__).parent
# No constructor to read, or none with constraints.
PLAIN = {"KernelCenterer", "LabelEncoder"}
LEAST_CONSTRAINED = 0.98


def problems(target: dict[str, Any]) -> list[tuple[str, ...]]:
    return list(target_problems({"allow": ["sklearn."], "model": target}, HERE))


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
        assert problems({"_target_": path, **plain}) == [], path
        seen += len(plain)
        bound += len(plain.keys() & signature.constraints.keys())
    assert bound / seen > LEAST_CONSTRAINED


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
