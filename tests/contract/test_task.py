"""What a target, an answer and a row of predictions look like for each task."""

import numpy as np
import pandas as pd
import pytest

from playbill.config.schema import Contract
from playbill.contract.task import (
    Outcome,
    answers_of,
    as_dict,
    as_target,
    columns,
    from_dict,
    labels,
    outcome,
    score,
)
from playbill.errors import DataError

BINARY = Outcome("binary", ("no", "yes"), "yes")
SEVERAL = Outcome("multiclass", ("a", "b", "c"), None)
NUMBER = Outcome("regression", (), None)
CHANCES = np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])


def contract(target: dict[str, object], **keys: object) -> Contract:
    schema = {"columns": {"id": {"dtype": "str"}, "y": target}}
    roles = {"id": {"role": "key"}, "y": {"role": "target"}}
    return Contract.model_validate({"schema": schema, "columns": roles, **keys})


@pytest.mark.parametrize(
    ("target", "keys", "expected"),
    [
        ({"dtype": "bool"}, {}, Outcome("binary", (0, 1), 1)),
        ({"dtype": "float64", "isin": [1.0, 0.0]}, {}, Outcome("binary", (0, 1), 1)),
        ({"dtype": "str", "isin": ["yes", "no"]}, {}, BINARY),
        (
            {"dtype": "str", "checks": {"isin": {"allowed_values": ["yes", "no"]}}},
            {"positive": "no"},
            Outcome("binary", ("no", "yes"), "no"),
        ),
        ({"dtype": "str", "isin": ["c", "a", "b"]}, {"task": "multiclass"}, SEVERAL),
        (
            {"dtype": "int64", "isin": [10, 9, 2]},
            {"task": "multiclass"},
            Outcome("multiclass", (2, 9, 10), None),
        ),
        ({"dtype": "float64", "isin": [1, 2]}, {"task": "regression"}, NUMBER),
    ],
)
def test_the_classes_are_what_the_target_may_hold(
    target: dict[str, object], keys: dict[str, object], expected: Outcome
) -> None:
    found = outcome(contract(target, **keys))
    assert found == expected
    assert from_dict(as_dict(found)) == found


def test_a_bundle_of_before_there_were_tasks_is_binary() -> None:
    assert from_dict({"threshold": 0.5}) == Outcome("binary", (0, 1), 1)


def test_a_binary_target_becomes_one_for_the_positive_class() -> None:
    found = as_target(pd.Series(["yes", "no", "yes"], name="y"), BINARY)
    assert found.tolist() == [1, 0, 1]
    assert found.dtype == np.int64
    assert as_target(pd.Series([True, False], name="y"), Outcome()).tolist() == [1, 0]
    assert as_target(pd.Series([0.0, 1.0], name="y"), Outcome()).tolist() == [0, 1]


def test_a_multiclass_target_keeps_its_labels_and_a_regression_its_numbers() -> None:
    assert as_target(pd.Series(["c", "a"], name="y"), SEVERAL).tolist() == ["c", "a"]
    digits = Outcome("multiclass", (0, 1, 2), None)
    assert as_target(pd.Series([2.0, 0.0], name="y"), digits).dtype == np.int64
    assert as_target(pd.Series([2, 0], name="y"), NUMBER).dtype == np.float64


@pytest.mark.parametrize(
    ("value", "asked"), [("maybe", BINARY), ("d", SEVERAL), (float("inf"), NUMBER), (2, Outcome())]
)
def test_a_target_that_is_no_class_is_refused_and_named(value: object, asked: Outcome) -> None:
    with pytest.raises(DataError, match=f"the target `y` holds `{value}`"):
        as_target(pd.Series([value], name="y"), asked)


@pytest.mark.parametrize(
    ("asked", "answers", "names"),
    [
        (BINARY, np.array([0.2, 0.9]), ["probability", "prediction"]),
        (SEVERAL, CHANCES, ["probability_a", "probability_b", "probability_c", "prediction"]),
        (NUMBER, np.array([1.5, -2.0]), ["prediction"]),
    ],
)
def test_a_table_of_predictions_gives_the_answers_back(
    asked: Outcome, answers: np.ndarray, names: list[str]
) -> None:
    table = pd.DataFrame(columns(answers, asked, 0.5))
    assert list(table) == names
    np.testing.assert_array_equal(answers_of(table, asked), answers)


def test_the_label_is_the_positive_class_from_the_threshold_on_or_the_most_probable_class() -> None:
    assert labels(np.array([0.29, 0.3]), BINARY, 0.3).tolist() == [0, 1]
    assert labels(CHANCES, SEVERAL, 0.3).tolist() == ["b", "a"]  # of equal ones the first
    assert score(CHANCES, SEVERAL).tolist() == [0.5, 0.4]


def test_predictions_of_another_task_are_refused() -> None:
    with pytest.raises(DataError, match="no column `probability_a`"):
        answers_of(pd.DataFrame({"probability": [0.1]}), SEVERAL)
