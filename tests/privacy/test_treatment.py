"""What becomes of each personal column, value by value."""

import datetime as dt

import pyarrow as pa
import pytest
from pydantic import ValidationError

from playbill.config.privacy import Drop, Generalise, Privacy, Pseudonymise
from playbill.errors import DataError
from playbill.privacy.treatment import generalised, pseudonym, treat

KEY = "0123456789abcdef0123456789abcdef"


def people() -> pa.Table:
    return pa.table({
        "mail": ["ann@example.org", "bob@example.org", None, "ann@example.org"],
        "age": pa.array([17, 34, None, 65], pa.int64()),
        "born": [dt.date(1980, 5, 31), dt.date(1999, 12, 1), None, dt.date(2001, 1, 1)],
        "postcode": ["10115", "10247", None, "D"],
    })  # fmt: skip


def test_a_dropped_column_is_gone_and_the_others_stay() -> None:
    privacy = Privacy(columns={"mail": Drop(kind="drop")})
    assert treat(people(), privacy, str).column_names == ["age", "born", "postcode"]


def test_equal_values_have_one_pseudonym_and_missing_ones_none() -> None:
    privacy = Privacy(columns={"mail": Pseudonymise(kind="pseudonymise", secret="A")})
    first, second, missing, again = treat(people(), privacy, lambda _: KEY)["mail"].to_pylist()
    assert first == again != second
    assert missing is None
    assert first == pseudonym("ann@example.org", key=KEY.encode())
    other = treat(people(), privacy, lambda _: "another key")["mail"].to_pylist()[0]
    assert other != first


def test_batches_are_treated_as_the_whole_is() -> None:
    privacy = Privacy(
        columns={
            "mail": Pseudonymise(kind="pseudonymise", secret="A"),
            "age": Generalise(kind="generalise", width=10.0),
        }
    )
    whole = treat(people(), privacy, lambda _: KEY)
    parts = [treat(people().slice(at, 1), privacy, lambda _: KEY) for at in range(4)]
    assert pa.concat_tables(parts).to_pylist() == whole.to_pylist()


@pytest.mark.parametrize(
    ("column", "how", "expected"),
    [
        ("born", {"date": "year"}, [1980, 1999, None, 2001]),
        ("born", {"date": "quarter"}, ["1980-Q2", "1999-Q4", None, "2001-Q1"]),
        ("born", {"date": "month"}, ["1980-05", "1999-12", None, "2001-01"]),
        ("postcode", {"prefix": 2}, ["10", "10", None, "D"]),
        ("age", {"width": 10.0}, ["[10, 20)", "[30, 40)", None, "[60, 70)"]),
        ("age", {"edges": [18.0, 34.0, 65.0]}, ["< 18", "[34, 65)", None, ">= 65"]),
    ],
)
def test_a_coarser_value_stands_for_each(
    column: str, how: dict[str, object], expected: list[object]
) -> None:
    treatment = Generalise.model_validate({"kind": "generalise", **how})
    assert generalised(people()[column], treatment, column).to_pylist() == expected


def test_a_band_of_a_fraction_has_a_readable_name() -> None:
    column = pa.chunked_array([[0.35, -0.05, float("nan")]])
    treatment = Generalise(kind="generalise", width=0.1)
    assert generalised(column, treatment, "x").to_pylist() == ["[0.3, 0.4)", "[-0.1, 0)", None]


def test_a_column_of_another_kind_is_refused_by_name() -> None:
    privacy = Privacy(columns={"mail": Generalise(kind="generalise", width=10.0)})
    with pytest.raises(DataError, match=r"`mail` cannot be generalised.*string"):
        treat(people(), privacy, str)


def test_a_column_that_the_query_does_not_give_is_told_with_the_nearest() -> None:
    with pytest.raises(DataError) as error:
        treat(people(), Privacy(columns={"male": Drop(kind="drop")}), str)
    assert "mail" in str(error.value)


@pytest.mark.parametrize("how", [{}, {"prefix": 2, "width": 3.0}, {"edges": [3.0, 2.0]}])
def test_generalising_says_one_way_that_makes_sense(how: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Generalise.model_validate({"kind": "generalise", **how})
