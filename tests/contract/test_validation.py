"""A table is tried against every check of its contract at once."""

from typing import Any

import pandas as pd
import pytest

from playbill.contract.validation import failures, validate
from playbill.errors import ConfigError, ContractError, DataError

SCHEMA: dict[str, Any] = {
    "strict": True,
    "columns": {
        "id": {"dtype": "str", "unique": True},
        "x": {"dtype": "float64", "nullable": True, "in_range": {"min_value": 0, "max_value": 9}},
        "kind": {"dtype": "str", "isin": ["a", "b"]},
    },
}


def table(**columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"id": ["r1", "r2", "r3"], "x": [1.0, None, 9.0], "kind": ["a", "b", "a"], **columns}
    )
    return frame.astype({"id": "str", "kind": "str"})


def test_a_table_that_keeps_the_contract_comes_back_uncopied() -> None:
    frame = table()
    assert validate(frame, SCHEMA, name="the table") is frame


def test_every_broken_check_is_named_with_column_count_and_examples() -> None:
    frame = table(x=[-1.0, 10.0, 3.0], kind=["a", "c", "c"])
    with pytest.raises(ContractError) as caught:
        validate(frame, SCHEMA, name="the table")
    text = str(caught.value)
    assert "the table breaks its contract in 2 checks" in text
    assert "x: in_range(0, 9) (2 rows): `-1.0`, `10.0`" in text
    assert "kind: isin(['a', 'b']) (2 rows): `c`" in text


def test_at_most_five_examples_are_shown() -> None:
    frame = pd.DataFrame(
        {"id": [f"r{i}" for i in range(50)], "x": [float(100 + i) for i in range(50)]}
    ).assign(kind="a")
    (failure,) = failures(frame, SCHEMA, name="the table")
    assert (failure.count, len(failure.examples)) == (50, 5)


def test_a_missing_column_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ContractError) as caught:
        validate(table().rename(columns={"kind": "kinds"}), SCHEMA, name="the table")
    assert "kind: column_in_dataframe" in str(caught.value)
    assert caught.value.expected == "`kinds` is the nearest name"


def test_a_non_numeric_value_in_a_numeric_column_is_shown() -> None:
    with pytest.raises(ContractError, match=r"x: dtype.* \(1 rows\): `much`"):
        validate(table(x=["1", "much", "3"]), SCHEMA, name="the table")


def test_a_repeated_key_breaks_the_contract() -> None:
    with pytest.raises(ContractError, match="id: field_uniqueness"):
        validate(table(id=["r1", "r1", "r2"]), SCHEMA, name="the table")


def test_a_null_where_none_may_be_breaks_the_contract() -> None:
    with pytest.raises(ContractError, match=r"kind: not_nullable \(1 rows\)"):
        validate(table(kind=["a", None, "b"]), SCHEMA, name="the table")


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(DataError, match="the table is empty"):
        validate(table()[:0], SCHEMA, name="the table")


def test_a_schema_that_pandera_cannot_read_is_an_error_of_the_config() -> None:
    broken = {"columns": {"x": {"dtype": "no_such_dtype"}}}
    with pytest.raises(ConfigError, match="pandera cannot read the schema"):
        validate(table(), broken, name="the table")


def test_of_a_personal_column_only_the_form_of_a_value_is_shown() -> None:
    bad = table(kind=["Ann-42@x.org", "Bob-17@y.org", "b"])
    with pytest.raises(ContractError) as caught:
        validate(bad, SCHEMA, name="the table", personal=["kind"])
    assert "Ann" not in str(caught.value)
    assert "(2 rows): `Aaa-99@a.aaa`" in str(caught.value)
