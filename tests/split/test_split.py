"""What every kind of split promises, and what each promises beyond that."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from playbill.config.schema import Split
from playbill.errors import ConfigError, DataError
from playbill.split.division import SPLITTERS, split
from playbill.split.rules import apply_rules, describe

KINDS = sorted(SPLITTERS)
ROLES = {"key": "id", "target": "y", "time": "at", "group": "team"}


def config(kind: str, **rest: Any) -> Split:
    return Split.model_validate({"kind": kind, "may_cross": ["group", "time"], **rest})


@pytest.fixture
def frame() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    rows = 1000
    return pd.DataFrame(
        {
            "id": [f"r{i:04}" for i in range(rows)],
            "at": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(rows) // 7, unit="D"),
            "team": draw.integers(0, 50, rows).astype(str),
            "y": (draw.random(rows) < 0.25).astype("int64"),
        }
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_is_on_one_side_and_the_share_is_kept(kind: str, frame: pd.DataFrame) -> None:
    train, test = split(frame, config(kind), **ROLES)
    assert sorted([*train["id"], *test["id"]]) == list(frame["id"])
    assert len(test) == pytest.approx(200, abs=30)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_rows_does_not_decide_who_is_held_out(
    kind: str, frame: pd.DataFrame
) -> None:
    _, test = split(frame, config(kind), **ROLES)
    _, again = split(frame.sample(frac=1, random_state=1), config(kind), **ROLES)
    assert set(test["id"]) == set(again["id"])


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "time"])
def test_another_seed_holds_out_other_rows(kind: str, frame: pd.DataFrame) -> None:
    _, test = split(frame, config(kind, seed=1), **ROLES)
    _, other = split(frame, config(kind, seed=2), **ROLES)
    assert set(test["id"]) != set(other["id"])


@pytest.mark.parametrize("kind", KINDS)
def test_one_row_cannot_be_split(kind: str, frame: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="leaves none on one side"):
        split(frame[:1], config(kind), **ROLES)


def test_the_time_split_holds_out_what_came_last(frame: pd.DataFrame) -> None:
    train, test = split(frame, config("time"), **ROLES)
    assert train["at"].max() < test["at"].min()


def test_the_time_split_never_divides_rows_of_one_time(frame: pd.DataFrame) -> None:
    for share in (0.1, 0.2, 0.33, 0.5):
        train, test = split(frame, config("time", test_size=share), **ROLES)
        assert not set(train["at"]) & set(test["at"])


def test_rows_of_one_single_time_cannot_be_split_by_time(frame: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="time split"):
        split(frame.assign(at=pd.Timestamp("2020-01-01")), config("time"), **ROLES)


def test_the_stratified_split_keeps_the_share_of_positives(frame: pd.DataFrame) -> None:
    train, test = split(frame, config("stratified"), **ROLES)
    assert train["y"].mean() == pytest.approx(test["y"].mean(), abs=0.003)


def test_the_group_split_never_divides_a_group(frame: pd.DataFrame) -> None:
    train, test = split(frame, config("group"), **ROLES)
    assert not set(train["team"]) & set(test["team"])


@pytest.mark.parametrize(("kind", "role"), [("time", "time"), ("group", "group")])
def test_a_split_that_lacks_its_role_says_so(kind: str, role: str, frame: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match=f"needs a column with the role {role}"):
        split(frame, config(kind), key="id", target="y")


@pytest.mark.parametrize(("kind", "column"), [("time", "at"), ("group", "team")])
def test_a_row_without_time_or_group_is_refused(
    kind: str, column: str, frame: pd.DataFrame
) -> None:
    frame.loc[3, column] = None
    with pytest.raises(DataError, match=f"1 rows have no {kind}"):
        split(frame, config(kind), **ROLES)


def test_each_rule_reports_what_it_removed() -> None:
    frame = pd.DataFrame({"id": ["a", "a", "b", "c"], "y": [1.0, 0.0, None, 0.0]})
    kept, rules = apply_rules(frame, key="id", target="y", drop_duplicates=True)
    assert [(rule["rule"], rule["removed"]) for rule in rules] == [
        ("missing target", 1),
        ("duplicate key", 1),
    ]
    assert list(kept["id"]) == ["a", "c"]


def test_duplicates_stay_if_the_config_says_so() -> None:
    frame = pd.DataFrame({"id": ["a", "a"], "y": [1, 0]})
    kept, rules = apply_rules(frame, key="id", target="y", drop_duplicates=False)
    assert len(kept) == 2
    assert len(rules) == 1


def test_a_table_without_any_known_target_is_refused() -> None:
    frame = pd.DataFrame({"id": ["a"], "y": [np.nan]})
    with pytest.raises(DataError, match="no row of 1 is left") as caught:
        apply_rules(frame, key="id", target="y", drop_duplicates=True)
    assert "missing target removed 1" in caught.value.where


def test_a_side_is_described_by_rows_share_and_span(frame: pd.DataFrame) -> None:
    facts = describe(frame[:7], target="y", time="at", task="binary")
    assert facts["rows"] == 7
    assert facts["first"] == facts["last"] == "2020-01-01 00:00:00"
    assert facts["positive_share"] == round(float(frame["y"][:7].mean()), 6)
    assert describe(frame, target="y", time=None, task="regression")["target"]["max"] == 1
    assert set(describe(frame, target="y", time=None, task="multiclass")["class_shares"]) == {
        "0",
        "1",
    }
    assert "first" not in describe(frame, target="y", time=None, task="binary")


@pytest.mark.parametrize(
    ("kind", "crosses", "what"),
    [
        ("random", ["time"], "groups are on both sides"),
        ("time", [], "groups are on both sides"),
        ("stratified", ["group"], "are learned from to be tried on rows from"),
        ("group", [], "are learned from to be tried on rows from"),
    ],
)
def test_a_group_or_a_time_that_crosses_the_split_fails(
    kind: str, crosses: list[str], what: str, frame: pd.DataFrame
) -> None:
    with pytest.raises(DataError, match=what) as caught:
        split(frame, config(kind, may_cross=crosses), **ROLES)
    assert caught.value.where == "split.may_cross"


def test_what_does_not_cross_needs_no_permission(frame: pd.DataFrame) -> None:
    times = {name: column for name, column in ROLES.items() if name != "group"}
    teams = {name: column for name, column in ROLES.items() if name != "time"}
    assert split(frame, config("time", may_cross=[]), **times)
    assert split(frame, config("group", may_cross=[]), **teams)
