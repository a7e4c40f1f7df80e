"""Rows of any origin become the same table for the Pipeline."""

import numpy as np
import pandas as pd
import pytest

from playbill.contract.column import Column
from playbill.contract.frame import as_model_frame
from playbill.errors import DataError

X = Column("x", "number", nullable=True)
N = Column("n", "integer")
B = Column("b", "boolean", nullable=True)
T = Column("t", "text", nullable=True)
D = Column("d", "datetime", nullable=True)


def test_a_table_a_csv_and_a_request_give_the_same_frame() -> None:
    table = pd.DataFrame({"t": ["a", None], "x": [1.5, None], "n": [1, 2], "extra": [0, 0]})
    text = pd.DataFrame({"x": ["1.5", None], "n": ["1", "2"], "t": ["a", None]}, dtype=object)
    request: dict[str, list[object]] = {"n": [1, 2], "x": [1.5, None], "t": ["a", None]}
    frames = [as_model_frame(rows, [X, N, T]) for rows in (table, text)]
    frames.append(as_model_frame(request, [X, N, T]))
    for frame in frames:
        pd.testing.assert_frame_equal(frame, frames[0])
    assert list(frames[0].columns) == ["x", "n", "t"]
    assert [str(dtype) for dtype in frames[0].dtypes] == ["float64", "float64", "object"]


def test_a_null_is_nan_and_no_value_stands_in_for_it() -> None:
    frame = as_model_frame({"x": [None, np.nan], "t": [None, np.nan]}, [X, T])
    assert frame["x"].isna().all()
    assert frame["t"].isna().all()


def test_booleans_are_one_and_zero() -> None:
    assert list(as_model_frame({"b": [True, False]}, [B])["b"]) == [1.0, 0.0]
    with_null = as_model_frame({"b": pd.Series([True, None], dtype="boolean")}, [B])["b"]
    assert with_null[0] == 1.0
    assert np.isnan(with_null[1])


def test_times_are_seconds_since_1970_in_utc() -> None:
    rows = {"d": ["1970-01-01T00:01:00", "1970-01-01T01:00:00+01:00", None]}
    seconds = as_model_frame(rows, [D])["d"]
    assert list(seconds[:2]) == [60.0, 0.0]
    assert np.isnan(seconds[2])


def test_a_number_in_a_text_column_is_its_text() -> None:
    assert list(as_model_frame({"t": [7, "a"]}, [T])["t"]) == ["7", "a"]


def test_the_rows_given_are_not_changed() -> None:
    rows = pd.DataFrame({"t": pd.Series(["a", None], dtype=object)})
    as_model_frame(rows, [T])
    assert rows["t"][1] is None


def test_a_missing_column_is_named_with_the_nearest() -> None:
    with pytest.raises(DataError, match="`x` is missing") as caught:
        as_model_frame({"xx": [1]}, [X])
    assert caught.value.expected == "`xx` is the nearest name"


@pytest.mark.parametrize(("value", "expected"), [("hot", "a number"), ("inf", "a finite number")])
def test_a_value_that_is_no_number_is_named_with_its_row(value: str, expected: str) -> None:
    with pytest.raises(DataError, match=f"`{value}` in the column `x` is not {expected}") as caught:
        as_model_frame({"x": ["1", "2", value]}, [X])
    assert caught.value.where == "column `x`, row 3"


def test_a_value_that_is_no_time_is_refused() -> None:
    with pytest.raises(DataError, match="is not a time"):
        as_model_frame({"d": ["soon"]}, [D])


def test_of_a_personal_column_only_the_form_of_a_value_is_shown() -> None:
    column = Column("income", "number", personal=True)
    with pytest.raises(DataError) as caught:
        as_model_frame({"income": ["12k Ann"]}, [column])
    assert "`99a Aaa`" in str(caught.value)
    assert "12k" not in str(caught.value)
