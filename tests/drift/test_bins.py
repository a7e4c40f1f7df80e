import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbill.drift import bins
from playbill.errors import DataError

VALUES = st.lists(
    st.one_of(
        st.floats(allow_nan=True, allow_infinity=True, width=64),
        st.sampled_from([0.0, -0.0, 1.0, 2.0]),
        st.integers(-5, 5).map(float),
    ),
    max_size=80,
)


@given(VALUES, VALUES, st.integers(2, 12))
def test_every_value_falls_into_exactly_one_bin(
    reference: list[float], current: list[float], number: int
) -> None:
    edges = bins.choose_edges(np.array(reference, dtype=float), number)
    assert edges == sorted(set(edges))
    assert all(math.isfinite(edge) for edge in edges)
    counts, missing = bins.count_numbers(np.array(current, dtype=float), edges)
    assert len(counts) == len(edges) + 1 == len(bins.edge_labels(edges))
    assert counts.sum() + missing == len(current)


def test_quantile_bins_of_a_smooth_column_hold_equal_shares() -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    counts, _ = bins.count_numbers(values, bins.choose_edges(values, 10))
    assert counts.tolist() == [1000] * 10


def test_a_value_that_fills_a_quantile_step_gets_a_bin_of_its_own() -> None:
    values = np.array([0.0] * 80 + list(np.linspace(1, 2, 20)))
    edges = bins.choose_edges(values, 10)
    before, _ = bins.count_numbers(values, edges)
    below, _ = bins.count_numbers(np.array([-0.1, -1e-9]), edges)
    assert before[0] == 0
    assert before[1] == 80
    assert below[0] == 2
    assert bins.edge_labels(edges)[:2] == ["< 0", "0"]


def test_few_distinct_values_get_a_bin_each() -> None:
    edges = bins.choose_edges(np.array([1.0, 2.0, 2.0, 5.0]), 10)
    counts, _ = bins.count_numbers(np.array([1.0, 2.0, 5.0, 3.0, 0.0, 9.0]), edges)
    assert counts.tolist() == [1, 1, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("dtype", ["float64", "Float64", "Int64", "int32", "object", "category"])
def test_numbers_are_the_same_from_every_dtype(dtype: Any) -> None:
    found = bins.numbers(pd.Series([1, 2, 3], name="x").astype(dtype))
    assert found.dtype == np.float64
    assert found.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "values", [[None, None], [pd.NA, pd.NA], [np.nan, np.nan]], ids=["none", "NA", "nan"]
)
def test_an_empty_column_is_missing_and_not_an_error(values: list[object]) -> None:
    series = pd.Series(values, name="x", dtype=object)
    assert np.isnan(bins.numbers(series)).all()
    assert bins.tally(series, "text") == ({}, 2)


def test_a_word_in_a_numeric_column_is_named_with_its_row() -> None:
    with pytest.raises(DataError, match=r"column 'temp': 'warm' is not a number \(2 such") as info:
        bins.numbers(pd.Series([1, "2", "warm", None, "hot"], name="temp"))
    assert "row 3 of 5" in info.value.where


@pytest.mark.parametrize(
    "series",
    [
        pd.Series(pd.to_datetime(["2013-01-01"]), name="t"),
        pd.Series([[1, 2], [3]], name="t"),
    ],
    ids=["times", "lists"],
)
def test_times_and_lists_are_not_numbers(series: "pd.Series[Any]") -> None:
    with pytest.raises(DataError, match="'t'"):
        bins.numbers(series)


def test_lists_are_counted_by_how_they_read() -> None:
    found = bins.tally(pd.Series([[1], [1], None], name="t"), "text")
    assert found == ({"[1]": 2}, 1)


@pytest.mark.parametrize(
    "values",
    [[True, False, None], ["true", "False", None], [1.0, 0.0, np.nan], [1, 0, None]],
)
def test_booleans_count_alike_however_they_are_written(values: list[object]) -> None:
    assert bins.tally(pd.Series(values, dtype=object, name="x"), "boolean") == (
        {"true": 1, "false": 1},
        1,
    )


def test_the_commonest_categories_are_chosen_and_ties_go_by_name() -> None:
    assert bins.choose_categories({"b": 2, "a": 2, "c": 9, "d": 1}, 3) == ["c", "a", "b"]
