"""What breaks a client of the server, and what it will not notice."""

import copy
from typing import Any

import pytest

from playbill.contract.interface import breaks, is_wording

PARAMS: dict[str, Any] = {
    "name": "flights",
    "contract": {
        "schema": {
            "columns": {
                "id": {"dtype": "str"},
                "hour": {"dtype": "int64", "in_range": {"min_value": 0, "max_value": 23}},
                "wind": {"dtype": "float64", "nullable": True},
                "origin": {"dtype": "str", "isin": ["EWR", "JFK"]},
                "late": {"dtype": "float64"},
            }
        },
        "columns": {"id": {"role": "key"}, "late": {"role": "target"}},
    },
    "server": {"title": "Flights", "max_batch_rows": 100, "max_body_bytes": 4096},
}
COLUMNS = "contract.schema.columns"
DROP = object()


def after(key: str, value: Any) -> list[str]:
    """Set or drop one dotted key of a copy and say what that breaks."""
    new = copy.deepcopy(PARAMS)
    *path, last = key.split(".")
    inner = new
    for part in path:
        inner = inner.setdefault(part, {})
    if value is DROP:
        del inner[last]
    else:
        inner[last] = value
    return breaks(PARAMS, new)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("name", "delays", "the model is called delays, no longer flights"),
        (f"{COLUMNS}.wind", DROP, "the field `wind` is no longer known"),
        (f"{COLUMNS}.rain", {"dtype": "float64"}, "the field `rain` is required"),
        ("contract.columns.wind.role", "group", "the field `wind` is no longer known"),
        (f"{COLUMNS}.hour.dtype", "float64", "the field `hour` becomes number, was integer"),
        (f"{COLUMNS}.wind.nullable", False, "the field `wind` may no longer be null"),
        (f"{COLUMNS}.wind.ge", 0, "the field `wind` begins at 0, was no bound"),
        (f"{COLUMNS}.hour.in_range.max_value", 22, "the field `hour` ends at 22, was 23"),
        (
            f"{COLUMNS}.hour.in_range.include_max",
            False,
            "the field `hour` ends below 23, was 23",
        ),
        (f"{COLUMNS}.hour.in_range.include_min", False, "the field `hour` begins above 0, was 0"),
        (f"{COLUMNS}.origin.isin", ["EWR", "LGA"], "the field `origin` no longer takes JFK"),
        ("server.max_batch_rows", 10, "at most 10 rows in a batch, was 100"),
        ("server.max_body_bytes", 1024, "at most 1024 bytes in a body, was 4096"),
    ],
)
def test_what_was_answered_and_is_now_refused_breaks_a_client(
    key: str, value: Any, said: str
) -> None:
    assert after(key, value) == [said]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("server.title", "Delays"),
        ("server.max_batch_rows", 1000),
        ("contract.columns.wind", {"description": "Wind.", "example": 3}),
        (f"{COLUMNS}.hour.in_range", {"min_value": -1, "max_value": 24}),
        (f"{COLUMNS}.hour.in_range", DROP),
        (f"{COLUMNS}.origin.isin", ["EWR", "JFK", "LGA"]),
        (f"{COLUMNS}.origin.isin", DROP),
        (f"{COLUMNS}.hour.nullable", True),
        (f"{COLUMNS}.late", DROP),
    ],
)
def test_words_and_wider_promises_break_nobody(key: str, value: Any) -> None:
    assert after(key, value) == []


def test_params_of_another_version_are_read_as_far_as_they_go() -> None:
    old = copy.deepcopy(PARAMS)
    old["contract"]["columns"]["wind"] = {"role": "input", "unit": "mph"}
    old["contract"]["schema"]["columns"]["strange"] = {"dtype": "complex128"}
    assert breaks(old, PARAMS) == []
    assert breaks({"contract": "of another kind", "server": None}, {"name": "flights"}) == []


def test_only_shown_texts_are_wording() -> None:
    shown = ["contract.columns.wind.description", "contract.columns.wind.example", "server.title"]
    assert all(is_wording(key) for key in shown)
    assert not any(is_wording(k) for k in ["contract.label_delay", "model.title", "server.python"])
