"""A contract's checks as SQL: what a row must be to break one, with pandera's own verdict.

Only what pandera and DuckDB judge alike is written here; for the rest `checks_of` gives None, and
pandera tries the column itself. tests/contract/test_compiled.py holds the two against each other.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Kind = Literal["number", "text", "boolean", "datetime"]

# DuckDB's type of a Parquet column, by the dtype of the contract that pandera finds it to have.
TYPES = {
    "float64": "DOUBLE", "float": "DOUBLE",  # of float32 the bound is rounded too
    "int64": "BIGINT", "int": "BIGINT", "int32": "INTEGER", "int16": "SMALLINT", "int8": "TINYINT",
    "str": "VARCHAR", "bool": "BOOLEAN",
    "datetime64[ns]": "TIMESTAMP_NS", "datetime64[us]": "TIMESTAMP",
    "datetime64[ms]": "TIMESTAMP_MS",
}  # fmt: skip
# A missing value makes another dtype of these in a table in memory.
NO_GAPS = frozenset({"BIGINT", "INTEGER", "SMALLINT", "TINYINT", "BOOLEAN"})
_KINDS: dict[str, Kind] = {"VARCHAR": "text", "BOOLEAN": "boolean"}
_ROLES = {"dtype", "nullable", "unique", "required", "report_duplicates", "title", "description"}
_OFF = {"coerce": False, "regex": False, "default": None, "drop_invalid_rows": False}
_LONG = {"eq": "equal_to", "ne": "not_equal_to", "gt": "greater_than", "lt": "less_than",
         "ge": "greater_than_or_equal_to", "le": "less_than_or_equal_to"}  # fmt: skip
_OPERATORS = {"equal_to": "=", "not_equal_to": "<>", "greater_than": ">", "less_than": "<",
              "greater_than_or_equal_to": ">=", "less_than_or_equal_to": "<="}  # fmt: skip
_LARGEST = 2**53  # beyond it a double holds no whole numbers
_TIME = "%Y-%m-%d %H:%M:%S"  # in which pandera reads a bound of a time
# Patterns that mean the same to Python, by which pandas goes, and to RE2, which DuckDB has: letters
# by class, no classes by backslash but digits, no look-around, `$` at the end alone.
_EASY = re.compile(r"\^?(?:[^\\$^]|\[\^|\\[^\w]|\\d)*\$?")
_HARD = re.compile(r"\(\?|\[:|[+*?}]\+|\{\d{4}|\{[\d]*,\d{4}")


@dataclass(frozen=True)
class Check:
    """One check of a column.

    Attributes:
        title: As pandera calls it in a report.
        name: Its name in the contract, as `isin`; `nullable` and `unique` are checks too.
        fails: SQL that is true of a value `{v}` that breaks it; empty for `unique`.
    """

    title: str
    name: str
    fails: str


def canonical(name: str) -> str:
    """Return what a report calls a check, without its arguments, by its name in the contract."""
    return {
        **_LONG, "between": "in_range", "nullable": "not_nullable", "unique": "field_uniqueness"
    }.get(name, name)  # fmt: skip


def checks_of(spec: Mapping[str, Any], stored: str) -> list[Check] | None:
    """Return the checks of a column in the order in which pandera tries them.

    Args:
        spec: The column in `contract.schema`.
        stored: DuckDB's type of the column in the table.

    Returns:
        None if pandera must judge: another dtype, or a check that is not compiled.
    """
    if TYPES.get(str(spec.get("dtype"))) != stored:
        return None
    if any(spec.get(key, off) != off for key, off in _OFF.items()):
        return None
    asked = _asked(spec)
    if asked is None:
        return None
    found = [] if spec.get("nullable") else [Check("not_nullable", "nullable", "{v} IS NULL")]
    if spec.get("unique"):
        found.append(Check("field_uniqueness", "unique", ""))
    kind = _KINDS.get(stored, "datetime" if stored.startswith("TIMESTAMP") else "number")
    for name, said in asked.items():
        check = _compiled(name, said, kind)
        if check is None:
            return None
        found.append(check)
    return found


def _asked(spec: Mapping[str, Any]) -> dict[str, Any] | None:
    nested = spec.get("checks") or {}
    if not isinstance(nested, Mapping):
        return None
    flat = {k: v for k, v in spec.items() if k not in _ROLES | set(_OFF) | {"checks"}}
    if set(flat) & set(nested):
        return None
    return {**nested, **{k: v for k, v in flat.items() if v is not None}}


def _compiled(name: str, said: Any, kind: Kind) -> Check | None:
    long = _LONG.get(name, "in_range" if name == "between" else name)
    try:
        if long in _OPERATORS:
            return _compared(long, name, said, kind)
        if long == "in_range":
            return _between(name, said, kind)
        if long in {"isin", "notin"}:
            return _listed(name, said, kind)
        if kind == "text" and name.startswith("str_"):
            return _spelt(name, said)
    except (KeyError, TypeError, ValueError):  # not of the form that this check has
        return None
    return None


def _compared(long: str, name: str, said: Any, kind: Kind) -> Check | None:
    value = _literal(said, kind)
    if kind == "boolean" and long not in {"equal_to", "not_equal_to"}:
        return None
    return Check(f"{long}({said})", name, f"NOT ({{v}} {_OPERATORS[long]} {value})")


def _between(name: str, said: Mapping[str, Any], kind: Kind) -> Check | None:
    if set(said) - {"min_value", "max_value", "include_min", "include_max"} or kind == "boolean":
        return None
    low, high = _literal(said["min_value"], kind), _literal(said["max_value"], kind)
    above = "<=" if said.get("include_min", True) else "<"
    below = ">=" if said.get("include_max", True) else ">"
    title = f"in_range({said['min_value']}, {said['max_value']})"
    return Check(title, name, f"NOT ({low} {above} {{v}} AND {high} {below} {{v}})")


def _listed(name: str, said: Sequence[Any], kind: Kind) -> Check | None:
    if isinstance(said, Mapping | str) or not said or kind == "datetime":
        return None
    values = ", ".join(_literal(value, kind) for value in said)
    negated = "NOT " if name == "isin" else ""
    return Check(f"{name}({said})", name, f"{negated}({{v}} IN ({values}))")


def _spelt(name: str, said: Any) -> Check | None:
    if name == "str_length":
        return _length(name, said)
    if not isinstance(said, str):
        return None
    text = _text(said)
    if name in {"str_matches", "str_contains"}:
        pattern = _pattern(said, from_start=name == "str_matches")
        return Check(f"{name}('{said}')", name, f"NOT regexp_matches({{v}}, {_text(pattern)})")
    function = {"str_startswith": "starts_with", "str_endswith": "ends_with"}[name]
    return Check(f"{name}('{said}')", name, f"NOT {function}({{v}}, {text})")


def _pattern(said: str, *, from_start: bool) -> str:
    """Return a pattern as RE2 writes it.

    Raises:
        ValueError: It may mean something else there.
    """
    if not _EASY.fullmatch(said) or _HARD.search(said) or not said.isascii():
        raise ValueError(said)
    text = said.replace(r"\d", r"\p{Nd}")
    if text.endswith("$") and not text.endswith(r"\$"):
        text = text[:-1] + r"\n?\z"
    return f"^(?:{text.removeprefix('^')})" if from_start else text


def _length(name: str, said: Any) -> Check | None:
    if not isinstance(said, Mapping) or set(said) - {"min_value", "max_value"} or not said:
        return None
    low, high = said.get("min_value"), said.get("max_value")
    wanted = [f"length({{v}}) >= {int(low)}"] if low is not None else []
    wanted += [f"length({{v}}) <= {int(high)}"] if high is not None else []
    title = f"str_length({low}, {high})"
    return Check(title, name, f"NOT ({' AND '.join(wanted)})")


def _literal(value: Any, kind: Kind) -> str:
    """Return a value of a check as SQL.

    Raises:
        TypeError: It is not of the column's kind.
    """
    if kind == "number" and type(value) is int and abs(value) <= _LARGEST:
        return str(value)
    if kind == "number" and type(value) is float and math.isfinite(value):
        return f"{value!r}::DOUBLE"
    if kind == "text" and type(value) is str:
        return _text(value)
    if kind == "boolean" and type(value) is bool:
        return str(value).upper()
    if kind == "datetime" and type(value) is str:
        return f"{_text(str(datetime.strptime(value, _TIME)))}::TIMESTAMP_NS"  # noqa: DTZ007
    raise TypeError


def _text(value: str) -> str:
    if "\0" in value:
        raise TypeError
    return "'" + value.replace("'", "''").replace("{", "{{").replace("}", "}}") + "'"
