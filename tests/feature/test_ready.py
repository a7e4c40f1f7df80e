"""The transformers that Playbill ships: what they make, and that a model file keeps them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline

from playbill.feature.ready import Crossing, DateParts, Lines
from playbill.model.persistence import dump, load

TIMES = pd.to_datetime(["2024-02-29T23:30:00Z", "2024-12-30T12:05:00Z", "1969-07-20T20:17:00Z"])
SECONDS = pd.DataFrame({"at": TIMES.as_unit("s").astype("int64").astype("float64")})


def test_a_time_becomes_its_parts() -> None:
    parts = ["minute", "hour", "weekday", "day", "day_of_year", "week", "month", "quarter", "year"]
    made = DateParts(parts).fit(SECONDS)
    found = made.transform(SECONDS)
    assert found[0].tolist() == [30, 23, 3, 29, 60, 9, 2, 1, 2024]
    assert found[1].tolist() == [5, 12, 0, 30, 365, 1, 12, 4, 2024]
    assert found[2].tolist() == [17, 20, 6, 20, 201, 29, 7, 3, 1969]
    assert made.get_feature_names_out().tolist() == [f"at_{part}" for part in parts]


def test_the_parts_are_read_in_the_zone_and_a_missing_time_stays_missing() -> None:
    rows = pd.DataFrame({"at": [SECONDS["at"][0], np.nan]})
    found = DateParts(["day", "hour"], zone="Asia/Tokyo").fit_transform(rows)
    assert found[0].tolist() == [1, 8]  # it is the first of March there
    assert np.isnan(found[1]).all()


def test_on_the_circle_the_first_and_the_last_hour_are_neighbours() -> None:
    hours = pd.DataFrame({"at": [0.0, 23 * 3600.0, 12 * 3600.0]})
    made = DateParts(["hour", "year"], cyclic=True).fit(hours)
    late, early, noon = made.transform(hours)[:, :2]
    assert np.linalg.norm(late - early) < 0.3
    assert np.linalg.norm(late - noon) > 1.9
    names = ["at_hour_sin", "at_hour_cos", "at_year"]
    assert made.get_feature_names_out().tolist() == names


def test_a_part_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no part of a time is called century"):
        DateParts(["century"]).fit(SECONDS)


def test_categories_are_crossed_in_pairs() -> None:
    rows = pd.DataFrame({"a": ["x", None], "b": ["y", "z"], "c": ["1", "2"]}, dtype=object)
    made = Crossing().fit(rows)
    assert made.transform(rows).tolist() == [
        ["x", "y", "1", "x x y", "x x 1", "y x 1"],
        ["(missing)", "z", "2", "(missing) x z", "(missing) x 2", "z x 2"],
    ]
    assert made.get_feature_names_out().tolist()[3:] == ["a x b", "a x c", "b x c"]
    alone = Crossing(degree=3, keep=False, separator="/").fit_transform(rows)
    assert alone[0].tolist() == ["x/y", "x/1", "y/1", "x/y/1"]


TEXTS = pd.DataFrame({"note": ["a late flight", None, "late again"]}, dtype=object)


@pytest.mark.parametrize("vectorizer", [TfidfVectorizer(), HashingVectorizer(n_features=16)])
def test_one_column_of_text_is_vectorized(vectorizer: Any) -> None:
    made = make_pipeline(Lines(), vectorizer).fit(TEXTS)
    found = made.transform(TEXTS).toarray()
    assert found[1].sum() == 0
    again = load(dump(made)).transform(TEXTS).toarray()
    np.testing.assert_array_equal(again, found)


def test_two_columns_are_no_text() -> None:
    with pytest.raises(ValueError, match="takes one column, found 2"):
        Lines().fit(np.array([["a", "b"]], dtype=object))


@pytest.mark.parametrize(
    ("made", "rows"),
    [
        (DateParts(["hour", "month"], cyclic=True, zone="Europe/Vienna"), SECONDS),
        (Crossing(), pd.DataFrame({"a": ["x"], "b": ["y"]}, dtype=object)),
    ],
    ids=["dates", "crossing"],
)
def test_a_model_file_keeps_them(made: Any, rows: pd.DataFrame) -> None:
    fitted = made.fit(rows)
    content = dump(fitted)
    back = load(content)
    np.testing.assert_array_equal(back.transform(rows), fitted.transform(rows))
    assert dump(back) == content
