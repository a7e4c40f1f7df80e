"""A target that does not suit the task is refused at compose, with the key at fault."""

import re

import pytest

from playbill.config.outcome import task_problems
from playbill.config.schema import Contract


def problems(target: dict[str, object], **keys: object) -> list[tuple[str, str, str]]:
    schema = {"columns": {"id": {"dtype": "str"}, "y": target}}
    roles = {"id": {"role": "key"}, "y": {"role": "target"}}
    made = Contract.model_validate({"schema": schema, "columns": roles, **keys})
    return list(task_problems(made))


TEXT = {"dtype": "str", "isin": ["a", "b"]}
DTYPE, ISIN = "contract.schema.columns.y.dtype", "contract.schema.columns.y.isin"


@pytest.mark.parametrize(
    ("target", "keys", "key", "what"),
    [
        ({"dtype": "str"}, {}, "contract.schema.columns.y", "classes .* are not declared"),
        ({"dtype": "str", "isin": ["a", "b", "c"]}, {}, ISIN, "has two classes"),
        (TEXT, {"positive": "c"}, "contract.positive", "`c` is no class"),
        (TEXT, {"task": "multiclass"}, ISIN, "three classes or more"),
        ({"dtype": "int64"}, {"task": "multiclass"}, "contract.schema.columns.y", "not declared"),
        (TEXT, {"task": "regression"}, DTYPE, "predicts a number"),
        ({"dtype": "bool"}, {"task": "regression"}, DTYPE, "predicts a number"),
        ({"dtype": "datetime64[ns]", "isin": ["a", "b"]}, {}, DTYPE, "cannot be of the dtype"),
        ({"dtype": "float64", "isin": [0.5, 1]}, {}, ISIN, "is no class"),
        ({"dtype": "object", "isin": ["a", 1]}, {}, ISIN, "texts and numbers"),
        (
            {"dtype": "float64"},
            {"task": "regression", "positive": 1},
            "contract.positive",
            "no positive class",
        ),
    ],
)
def test_a_target_that_does_not_suit_the_task_is_refused(
    target: dict[str, object], keys: dict[str, object], key: str, what: str
) -> None:
    ((found, said, expected),) = problems(target, **keys)
    assert found == key
    assert re.search(what, said), said
    assert expected


@pytest.mark.parametrize(
    ("target", "keys"),
    [
        ({"dtype": "bool"}, {}),
        ({"dtype": "float64", "isin": [0, 1]}, {}),
        (TEXT, {"positive": "a"}),
        ({"dtype": "str", "isin": ["a", "b", "c"]}, {"task": "multiclass"}),
        ({"dtype": "int64", "isin": [0, 1, 2]}, {"task": "multiclass"}),
        ({"dtype": "float64"}, {"task": "regression"}),
        ({"dtype": "int64"}, {"task": "regression"}),
    ],
)
def test_a_target_that_suits_the_task_passes(
    target: dict[str, object], keys: dict[str, object]
) -> None:
    assert problems(target, **keys) == []
