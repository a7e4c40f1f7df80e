"""The contract's columns as plain values."""

import json
from typing import Any

import pytest

from playbill.config.schema import Contract
from playbill.contract.column import Column, as_dict, columns, from_dict, inputs
from playbill.errors import ConfigError


def contract(**specs: dict[str, Any]) -> Contract:
    named = {"id": {"dtype": "str"}, "y": {"dtype": "bool"}, **specs}
    return Contract.model_validate(
        {
            "schema": {"columns": named},
            "columns": {"id": {"role": "key"}, "y": {"role": "target"}},
        }
    )


def only(**spec: Any) -> Column:
    return inputs(contract(x=spec))[0]


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        ("float64", "number"),
        ("int64", "integer"),
        ("str", "text"),
        ("string[pyarrow]", "text"),
        ("bool", "boolean"),
        ("datetime64[ns]", "datetime"),
    ],
)
def test_each_dtype_has_its_kind(dtype: str, kind: str) -> None:
    assert only(dtype=dtype).kind == kind


def test_a_range_in_flat_form_gives_inclusive_bounds() -> None:
    column = only(dtype="float64", in_range={"min_value": -1, "max_value": 2.5})
    assert (column.minimum, column.maximum) == (-1, 2.5)
    assert not column.exclusive_minimum


def test_a_range_may_exclude_its_ends() -> None:
    span = {"min_value": 0, "max_value": 1, "include_min": False, "include_max": False}
    column = only(dtype="float64", in_range=span)
    assert column.exclusive_minimum
    assert column.exclusive_maximum


@pytest.mark.parametrize(
    "spec",
    [
        {"greater_than_or_equal_to": 3},
        {"ge": 3},
        {"greater_than_or_equal_to": {"min_value": 3}},
        {"checks": {"greater_than_or_equal_to": 3}},
        {"checks": [{"greater_than_or_equal_to": 3}]},
    ],
)
def test_every_form_of_a_bound_is_understood(spec: dict[str, Any]) -> None:
    column = only(dtype="int64", **spec)
    assert (column.minimum, column.exclusive_minimum) == (3, False)


def test_a_strict_bound_is_exclusive() -> None:
    column = only(dtype="int64", less_than=9)
    assert (column.maximum, column.exclusive_maximum) == (9, True)


def test_isin_gives_the_categories_of_text() -> None:
    assert only(dtype="str", isin=["b", "a"]).categories == ("b", "a")
    assert only(dtype="str", checks={"isin": {"allowed_values": ["a"]}}).categories == ("a",)


def test_key_and_target_are_columns_and_no_inputs() -> None:
    made = contract(x={"dtype": "float64", "nullable": True})
    assert [c.name for c in columns(made)] == ["id", "y", "x"]
    assert [(c.name, c.nullable) for c in inputs(made)] == [("x", True)]


def test_an_unknown_dtype_is_refused_with_the_nearest() -> None:
    """The typed model refuses it first; a contract that it never saw is refused here."""
    unseen = contract(x={"dtype": "float64"})
    unseen.schema_["columns"]["x"]["dtype"] = "flaot64"
    with pytest.raises(ConfigError, match="flaot64") as caught:
        inputs(unseen)
    assert "float64" in caught.value.expected
    assert caught.value.where == "contract.schema.columns.x.dtype"


def test_a_column_survives_json() -> None:
    column = only(dtype="str", isin=["a", "b"], nullable=True)
    assert from_dict(json.loads(json.dumps(as_dict(column)))) == column
