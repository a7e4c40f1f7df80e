"""What becomes of a table that breaks its contract, by the policy of the check."""

import datetime as dt
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from playbill.config.schema import Contract
from playbill.contract.judgement import Judged, judge
from playbill.errors import ContractError

DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(11)]
PIECES = list(itertools.pairwise(DAYS))


def contract(policy: dict[str, dict[str, str]] | None = None, **more: Any) -> Contract:
    roles: dict[str, dict[str, Any]] = {
        "id": {"role": "key", "personal": True},
        "at": {"role": "time"},
        "y": {"role": "target"},
    }
    columns = {name: {**roles.get(name, {}), "policy": (policy or {}).get(name, {})} for name in
               ("id", "at", "x", "kind", "y")}  # fmt: skip
    return Contract.model_validate({
        "schema": {"strict": True, "columns": {
            "id": {"dtype": "str", "unique": True, "report_duplicates": "exclude_first"},
            "at": {"dtype": "datetime64[ns]"},
            "x": {"dtype": "float64", "nullable": True, "ge": 0},
            "kind": {"dtype": "str", "str_matches": r"(?:a|b)$"},
            "y": {"dtype": "int64", "isin": [0, 1]},
        }},
        "columns": columns, **more,
    })  # fmt: skip


def rows(count: int = 100, **columns: Any) -> pd.DataFrame:
    """Return rows at ten a day."""
    days = pd.to_datetime([DAYS[n * 10 // count] for n in range(count)])
    plain = {
        "id": [f"r{n}" for n in range(count)],
        "at": days.astype("datetime64[ns]"),
        "x": [1.0] * count, "kind": ["a"] * count, "y": [n % 2 for n in range(count)],
    }  # fmt: skip
    return pd.DataFrame({**plain, **columns})


def judged(
    frame: pd.DataFrame, asked: Contract, folder: Path, pieces: Sequence[Any] = PIECES
) -> Judged:
    frame.to_parquet(folder / "table.parquet", index=False)
    return judge(folder / "table.parquet", asked, name="t", root=folder, pieces=pieces)


def test_a_table_that_keeps_its_contract_is_handed_on_as_it_is(tmp_path: Path) -> None:
    found = judged(rows(), contract(), tmp_path)
    assert found.valid == tmp_path / "table.parquet"
    assert found.aside["report.json"]["failures"] == []


def test_rows_are_put_aside_with_their_reasons_and_the_others_go_on(tmp_path: Path) -> None:
    x, kind = [1.0] * 100, ["a"] * 100
    x[3], x[7], kind[7], kind[9] = -1.0, -2.0, "zz", "c"
    ids = [f"r{n}" for n in range(100)]
    ids[50] = "r40"
    policy = {"x": {"ge": "quarantine"}, "kind": {"str_matches": "quarantine"},
              "id": {"unique": "quarantine"}}  # fmt: skip
    asked = contract(policy, quarantine={"share": 0.05})
    found = judged(rows(x=x, kind=kind, id=ids), asked, tmp_path)
    valid, aside = pd.read_parquet(found.valid), pd.read_parquet(found.aside["rows.parquet"])
    assert list(aside["reason"]) == [
        "x: greater_than_or_equal_to(0)",
        "x: greater_than_or_equal_to(0); kind: str_matches('(?:a|b)$')",
        "kind: str_matches('(?:a|b)$')",
        "id: field_uniqueness",
    ]
    assert list(aside["id"]) == ["r3", "r7", "r9", "r40"]
    assert list(valid["id"]) == [i for n, i in enumerate(ids) if n not in (3, 7, 9, 50)]
    report = found.aside["report.json"]
    assert (report["rows"], report["quarantined"]) == (100, 4)
    assert [(f["column"], f["count"], f["rows"]) for f in report["failures"]] == [
        ("id", 1, [50]), ("x", 2, [3, 7]), ("kind", 2, [7, 9]),
    ]  # fmt: skip
    assert report["failures"][0]["examples"] == ["a99"]  # of a personal column the form alone


def test_more_rows_than_the_declared_share_fail_and_leave_the_report(tmp_path: Path) -> None:
    asked = contract({"x": {"ge": "quarantine"}})
    with pytest.raises(ContractError, match=r"quarantine.share of 0.01 is less than the 0.02"):
        judged(rows(x=[-1.0, -1.0, *[1.0] * 98]), asked, tmp_path)


def test_a_warning_stops_nobody(tmp_path: Path) -> None:
    found = judged(rows(x=[-1.0] * 100), contract({"x": {"ge": "warn"}}), tmp_path)
    assert found.valid == tmp_path / "table.parquet"
    assert found.warnings == ["warn: x: greater_than_or_equal_to(0) (100 rows): `-1.0`"]


def test_a_check_that_fails_leaves_a_report_of_all(tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        judged(rows(x=[-1.0] * 100, y=[2] * 100), contract({"x": {"ge": "warn"}}), tmp_path)
    assert "breaks its contract in 1 checks" in str(caught.value)
    report = caught.value.leaves["quarantine"]["report.json"]
    assert [(f["column"], f["policy"]) for f in report["failures"]] == [
        ("x", "warn"),
        ("y", "fail"),
    ]


def test_what_speaks_of_no_row_fails_whatever_the_policy(tmp_path: Path) -> None:
    asked = contract({"x": {"ge": "warn", "nullable": "quarantine"}})
    with pytest.raises(ContractError, match="x: dtype"):
        judged(rows(x=["a"] * 100), asked, tmp_path)
    with pytest.raises(ContractError, match="x: column_in_dataframe"):
        judged(rows().drop(columns="x"), asked, tmp_path)


@pytest.mark.parametrize(
    ("said", "frame", "text"),
    [
        ({"freshness": {"max_age": "1d"}}, rows()[:80], "freshness(1d) before 2024-01-11"),
        ({"volume": {"every": "1d"}}, rows()[:94], "volume(0.5, 2) 4 rows from 2024-01-10"),
        ({"missing": {"x": {"share": 0.1}}}, rows(x=[None] * 11 + [1.0] * 89), "missing(0.1)"),
    ],
)
def test_a_table_as_a_whole_is_held_to_its_statistics(
    said: dict[str, Any], frame: pd.DataFrame, text: str, tmp_path: Path
) -> None:
    fine = rows(x=[None] * 10 + [1.0] * 90)
    assert judged(fine, contract(statistics=said), tmp_path).warnings == []
    with pytest.raises(ContractError) as caught:
        judged(frame, contract(statistics=said), tmp_path)
    assert text in str(caught.value)
    only = next(iter(said))
    softer = {only: {"x": {**said[only]["x"], "policy": "warn"}} if only == "missing" else
              {**said[only], "policy": "warn"}}  # fmt: skip
    assert len(judged(frame, contract(statistics=softer), tmp_path).warnings) == 1


def test_the_first_windows_have_nothing_to_be_compared_with(tmp_path: Path) -> None:
    asked = contract(statistics={"volume": {"every": "1d"}})
    assert judged(rows(), asked, tmp_path, pieces=PIECES[:1]).warnings == []


@pytest.mark.parametrize(
    ("policy", "more", "text"),
    [
        ({"x": {"isin": "warn"}}, {}, "`x` has no check `isin`"),
        ({}, {"statistics": {"missing": {"z": {"share": 0.5}}}}, "`z` is no column"),
    ],
)
def test_a_policy_for_what_is_not_there_is_refused(
    policy: dict[str, Any], more: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValidationError, match=text):
        contract(policy, **more)
