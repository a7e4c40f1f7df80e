import json

import numpy as np
import pandas as pd
import pytest

from playbill.config.schema import Drift
from playbill.contract.column import Column
from playbill.drift.profile import build_profile, read_profile, sample_size
from playbill.errors import BundleError, DataError
from tests.drift.conftest import Rows


def test_a_profile_is_json_and_the_same_every_time(
    rows: Rows, columns: list[Column], policy: Drift
) -> None:
    once = json.dumps(build_profile(rows(2000, 1), columns, policy))
    again = json.dumps(build_profile(rows(2000, 1), columns, policy))
    assert once == again
    assert json.loads(once)["format_version"] == 2


def test_a_profile_does_not_grow_with_the_rows(
    rows: Rows, columns: list[Column], policy: Drift
) -> None:
    small = len(json.dumps(build_profile(rows(2000, 1), columns, policy)))
    large = len(json.dumps(build_profile(rows(20_000, 1), columns, policy)))
    assert large < 1.5 * small


def test_an_identifier_leaves_no_value_of_its_own_in_the_bins(policy: Drift) -> None:
    """A bin that only the choosing rows can fill would make those rows look different."""
    frame = pd.DataFrame({"id": [f"person {i}" for i in range(3000)]})
    section = build_profile(frame, [Column("id", "text")], policy)["columns"]["id"]
    assert section["categories"] == []
    assert section["other"] == 3000 - sample_size(3000, policy)
    assert len(section["known"]) <= policy.categories
    assert not section["complete"]


def test_every_row_either_chooses_or_is_counted(
    rows: Rows, columns: list[Column], policy: Drift
) -> None:
    profile = build_profile(rows(2000, 1), columns, policy)
    counted = profile["rows"] - profile["choosing_rows"]
    for section in profile["columns"].values():
        total = sum(section["counts"]) + section["missing"] + section.get("other", 0)
        assert total == counted


def test_declared_categories_are_bins_whatever_the_rows_hold(policy: Drift) -> None:
    frame = pd.DataFrame({"origin": ["JFK", "LGA"] * 200})
    column = Column("origin", "text", categories=("EWR", "JFK", "LGA"))
    section = build_profile(frame, [column], policy)["columns"]["origin"]
    assert section["categories"] == ["EWR", "JFK", "LGA"]


def test_times_are_left_out_because_they_always_move(
    rows: Rows, columns: list[Column], policy: Drift
) -> None:
    assert "departs" not in build_profile(rows(500, 1), columns, policy)["columns"]


def test_scores_get_a_section_of_their_own(
    rows: Rows, columns: list[Column], policy: Drift
) -> None:
    profile = build_profile(rows(500, 1), columns, policy, scores=np.linspace(0, 1, 400))
    assert sum(profile["score"]["counts"]) == 400 - sample_size(400, policy)


@pytest.mark.parametrize("number", [0, 1])
def test_next_to_no_rows_are_no_reference(
    number: int, rows: Rows, columns: list[Column], policy: Drift
) -> None:
    with pytest.raises(DataError, match="cannot be a reference"):
        build_profile(rows(number, 1), columns, policy)


def test_a_column_that_the_reference_lacks_is_named(rows: Rows, policy: Drift) -> None:
    with pytest.raises(DataError, match="'dewp'"):
        build_profile(rows(100, 1), [Column("dewp", "number")], policy)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not a reference profile"),
        ({"columns": 3}, "not a reference profile"),
        ({"columns": {}, "format_version": 9}, "format 9"),
    ],
)
def test_something_else_is_not_taken_for_a_profile(value: object, text: str) -> None:
    with pytest.raises(BundleError, match=text):
        read_profile(value, where="model/profile.json")
