"""What DuckDB says of a table is what pandera says: the same checks, the same counts.

Every check that is compiled is tried on drawn columns, with and without missing values, against
pandera on the same rows.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from playbill.config.table import CheckOptions, Checks
from playbill.contract.compiled import TYPES, checks_of
from playbill.contract.trial import opened, tried
from playbill.contract.validation import failures

ROWS = 400
TEXTS = [
    "",
    "a",
    "ab",
    "b",
    "xa",
    "a\nb",
    "b\n",
    "é",
    "É",
    "🤦🏼",
    "{v}",
    "it's",
    "a.b",
    "%",
    "nan",
    "None",
]
NUMBERS = [
    0.0,
    -0.0,
    0.1,
    0.3,
    -1.5,
    1e308,
    -1e308,
    5e-324,
    float("inf"),
    float("-inf"),
    2.0**53,
    7.0,
]
WHOLE = [0, 1, -1, 7, 2**53, 2**53 + 1, -(2**62), 126]
TIMES = ["2013-01-01", "2013-01-01 05:15:00", "1999-12-31 23:59:59.999999", "2200-01-01"]

NUMERIC: list[dict[str, Any]] = [
    *({short: value} for short in ("eq", "ne", "gt", "ge", "lt", "le") for value in (0, 7, 0.1)),
    *({long: 1} for long in ("equal_to", "not_equal_to", "greater_than", "less_than",
                             "greater_than_or_equal_to", "less_than_or_equal_to")),
    {"in_range": {"min_value": 0, "max_value": 7}},
    {"between": {"min_value": -1.5, "max_value": 0.3}},
    {"in_range": {"min_value": 0, "max_value": 7, "include_min": False, "include_max": False}},
    {"in_range": {"min_value": 0.1, "max_value": 7, "include_max": False}},
    {"isin": [0, 1, 7]}, {"isin": [0.1, 7.0]}, {"notin": [0, 1]}, {"checks": {"ge": 0, "le": 1}},
]  # fmt: skip
TEXTUAL: list[dict[str, Any]] = [
    *({short: "ab"} for short in ("eq", "ne", "gt", "ge", "lt", "le")),
    {"isin": ["a", "it's", "{v}", "é"]}, {"notin": ["", "nan"]},
    {"in_range": {"min_value": "a", "max_value": "b"}},
    *({"str_matches": p} for p in ("a", "a|b", "^a|b", "a.b", r"a\.b", "b$")),
    *({"str_matches": p} for p in ("[a-z]+$", "[^a]", r"\d+")),
    *({"str_contains": p} for p in ("a|b", "a.b", "b$", "^$", r"\d", "%", r"\$$", "a+b?")),
    {"str_startswith": "a"}, {"str_endswith": "b"}, {"str_startswith": ""}, {"str_endswith": "'s"},
    {"str_length": {"min_value": 2}}, {"str_length": {"max_value": 1}},
    {"str_length": {"min_value": 1, "max_value": 2}},
]  # fmt: skip
TIMED: list[dict[str, Any]] = [
    {"ge": "2013-01-01 00:00:00"}, {"lt": "2013-01-01 05:15:00"}, {"eq": "2013-01-01 05:15:00"},
    {"in_range": {"min_value": "2000-01-01 00:00:00", "max_value": "2100-01-01 00:00:00"}},
]  # fmt: skip
BASIC: list[dict[str, Any]] = [
    {}, {"nullable": True}, {"unique": True}, {"unique": True, "nullable": True},
    {"unique": True, "report_duplicates": "exclude_first"},
    {"unique": True, "report_duplicates": "exclude_last", "nullable": True},
]  # fmt: skip
CASES: list[tuple[str, Sequence[Any], dict[str, Any]]] = [
    *(("float64", NUMBERS, spec) for spec in [*BASIC, *NUMERIC]),
    *(("int64", WHOLE, spec) for spec in [*BASIC, *NUMERIC]),
    *(("int8", [-128, 127, 0, 7, 1], spec) for spec in [*BASIC, *NUMERIC]),
    *(("str", TEXTS, spec) for spec in [*BASIC, *TEXTUAL]),
    *(("bool", [True, False], spec) for spec in [*BASIC, {"eq": True}, {"ne": True},
                                                 {"isin": [True]}, {"notin": [True]}]),
    *(("datetime64[ns]", TIMES, spec) for spec in [*BASIC, *TIMED]),
    *(("datetime64[us]", TIMES, spec) for spec in [*BASIC, *TIMED]),
]  # fmt: skip


def drawn(dtype: str, values: Sequence[Any], rng: np.random.Generator, share: float) -> pd.Series:
    """Return a column of drawn values of which a share is missing."""
    column = pd.Series([values[i] for i in rng.integers(len(values), size=ROWS)], dtype=object)
    if share:
        column[rng.random(ROWS) < share] = None
    if dtype.startswith("datetime"):
        column = pd.to_datetime(column, format="ISO8601")
    return pd.Series(column, dtype=dtype)


def said(
    frame: pd.DataFrame, schema: Mapping[str, Any], folder: Path
) -> tuple[list[Any], list[Any]]:
    """Return what the file's trial and pandera say of a table, each check's examples with it."""
    path = folder / "table.parquet"
    frame.to_parquet(path, index=False)
    with opened(path) as table:
        ours = tried(table, schema, name="t")
    theirs = failures(frame, schema, name="t")
    return [(f.column, f.check, f.count) for f in ours], [
        (f.column, f.check, f.count) for f in theirs
    ]


@pytest.mark.parametrize("dtype", dict.fromkeys(case[0] for case in CASES))
def test_every_compiled_check_has_panderas_verdict_and_count(dtype: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    broken = 0
    for kind, values, spec in CASES:
        if kind != dtype:
            continue
        whole = {"dtype": dtype, **spec}
        assert checks_of(whole, TYPES[dtype]) is not None, whole
        for share in (0.0, 0.1) if dtype not in ("int64", "int8", "bool") else (0.0,):
            frame = pd.DataFrame({"c": drawn(dtype, values, rng, share)})
            ours, theirs = said(frame, {"columns": {"c": whole}}, tmp_path)
            assert ours == theirs, (whole, share)
            broken += len(theirs)
    assert broken > 5


def test_every_check_that_a_contract_can_name_is_tried_or_left_to_pandera() -> None:
    names = set(Checks.model_fields) - set(CheckOptions.model_fields)
    tried_here = {name for _, _, spec in CASES for name in spec} | {"ge", "le"}
    assert names - tried_here == {"unique_values_eq"}
    assert checks_of({"dtype": "str", "unique_values_eq": ["a"]}, "VARCHAR") is None


@pytest.mark.parametrize(
    "spec",
    [
        {"dtype": "float32", "le": 0.1},
        {"dtype": "float64", "isin": ["a"]},
        {"dtype": "float64", "ge": True},
        *({"dtype": "str", "str_matches": p} for p in ("(?=a)b", r"\w+", r"b\b", "a$|b")),
        {"dtype": "str", "str_length": 3},
        {"dtype": "str", "isin": {"allowed_values": ["a"], "ignore_na": False}},
        {"dtype": "str", "unique_values_eq": ["a", "b"]},
        {"dtype": "float64", "coerce": True},
        {"dtype": "int64", "ge": "a"},
        {"dtype": "datetime64[ns]", "ge": "2013-01-01"},
    ],
)
def test_what_is_not_compiled_is_judged_by_pandera(spec: dict[str, Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    values: dict[str, Sequence[Any]] = {"str": TEXTS, "datetime64[ns]": TIMES}
    frame = pd.DataFrame({
        "c": drawn(spec["dtype"], values.get(spec["dtype"], WHOLE[:4]), rng, 0.0),
        "d": np.arange(ROWS),
    })  # fmt: skip
    schema = {"strict": True, "columns": {"c": spec, "d": {"dtype": "int64", "lt": 5}}}
    ours, theirs = said(frame, schema, tmp_path)
    assert sorted(ours) == sorted(theirs)
    assert ("d", "less_than(5)", ROWS - 5) in ours


def test_another_dtype_a_missing_column_and_a_stray_one_are_told_as_pandera_tells_them(
    tmp_path: Path,
) -> None:
    frame = pd.DataFrame({
        "a": [1.0, None, 3.0], "b": ["x", "2", "3"], "d": pd.array([1, None, 2], dtype="Int64"),
        "e": [True, None, False], "z": [1, 2, 3],
    })  # fmt: skip
    columns = {
        "a": {"dtype": "int64"}, "b": {"dtype": "float64", "ge": 0}, "c": {"dtype": "str"},
        "d": {"dtype": "int64"}, "e": {"dtype": "bool"}, "o": {"dtype": "str", "required": False},
    }  # fmt: skip
    ours, theirs = said(frame, {"strict": True, "columns": columns}, tmp_path)
    assert sorted(ours) == sorted(theirs)
    assert len(ours) >= 6


@pytest.mark.parametrize("whole", [{"unique": ["a", "b"]}, {"ordered": True}, {"coerce": True}])
def test_what_a_contract_says_of_the_whole_table_is_judged_by_pandera(
    whole: dict[str, Any], tmp_path: Path
) -> None:
    frame = pd.DataFrame({"b": [1, 1], "a": [2, 2], "z": [0, 0]})
    columns = {"a": {"dtype": "int64"}, "b": {"dtype": "int64", "lt": 1}}
    ours, theirs = said(frame, {"columns": columns, **whole}, tmp_path)
    assert ours == theirs
