"""Each change of a contract is compatible or breaking, for data and for the server's clients."""

import copy
from pathlib import Path
from typing import Any

import pytest

from playbill.contract.difference import as_markdown, as_text, difference
from tests.config.conftest import edit
from tests.conftest import Run

BEFORE: dict[str, Any] = {
    "name": "m",
    "contract": {
        "schema": {
            "strict": True,
            "columns": {
                "id": {"dtype": "str", "unique": True},
                "age": {"dtype": "int64", "in_range": {"min_value": 0, "max_value": 100}},
                "plan": {"dtype": "str", "isin": ["free", "pro"], "nullable": True},
                "late": {"dtype": "float64", "isin": [0, 1]},
            },
        },
        "columns": {"id": {"role": "key"}, "late": {"role": "target"}},
    },
}


def changed(column: str, **spec: Any) -> dict[str, Any]:
    after = copy.deepcopy(BEFORE)
    columns = after["contract"]["schema"]["columns"]
    columns[column] = {**columns.get(column, {}), **spec}
    return after


def span(low: float, high: float) -> dict[str, float]:
    return {"min_value": low, "max_value": high}


@pytest.mark.parametrize(
    ("after", "data", "api"),
    [
        (BEFORE, "unchanged", "unchanged"),
        (changed("age", in_range=span(0, 90)), "breaking", "breaking"),
        (changed("age", in_range=span(0, 120)), "compatible", "compatible"),
        (changed("age", dtype="float64"), "breaking", "breaking"),
        (changed("age", nullable=True), "compatible", "compatible"),
        (changed("plan", nullable=False), "breaking", "breaking"),
        (changed("plan", isin=["free"]), "breaking", "breaking"),
        (changed("plan", isin=["free", "pro", "max"]), "compatible", "compatible"),
        (changed("plan", str_length=3), "breaking", "unchanged"),
        (changed("id", unique=False), "compatible", "unchanged"),
        (changed("age", unique=True), "breaking", "unchanged"),
        (changed("late", isin=[0]), "breaking", "unchanged"),
        (changed("late", isin=[0, 1, 2]), "compatible", "unchanged"),
        (changed("fresh", dtype="str"), "breaking", "breaking"),
        (changed("fresh", dtype="str", required=False), "compatible", "breaking"),
        (changed("age", description="Years."), "unchanged", "unchanged"),
    ],
)
def test_a_change_is_classed(after: dict[str, Any], data: str, api: str) -> None:
    plain = difference(BEFORE, after).as_dict()
    assert (plain["data"], plain["api"]) == (data, api), plain["changes"]


def test_a_column_that_goes_breaks_clients_and_data_of_a_strict_table() -> None:
    after = copy.deepcopy(BEFORE)
    del after["contract"]["schema"]["columns"]["age"]
    assert difference(BEFORE, after).as_dict()["data"] == "breaking"
    after["contract"]["schema"]["strict"] = False
    plain = difference(BEFORE, after).as_dict()
    assert (plain["data"], plain["api"]) == ("compatible", "breaking")


def test_both_forms_name_column_and_change() -> None:
    found = difference(BEFORE, changed("age", in_range=span(0, 90)))
    assert "| data | breaking | age | ends at 90, was 100 |" in as_markdown(found, "main")
    assert "breaking    data  age: ends at 90, was 100" in as_text(found, "main")


def test_the_command_compares_conf_with_a_revision(tiny: Path, run: Run) -> None:
    same = run("playbill", "contract", "diff", "HEAD", cwd=tiny)
    assert same.stdout == "contract against HEAD: data unchanged, API unchanged\n"
    contract = tiny / "conf/contract/tiny.yaml"
    edit(contract, "float64", "int64")
    done = run("playbill", "contract", "diff", "HEAD", "--json", cwd=tiny, check=False)
    assert done.returncode == 1
    assert '"data": "breaking"' in done.stdout
