"""A few rows and what the model answers to them: by them a server proves a bundle that it opened.

The rows are made up: from the contract's examples and from the bins of the reference profile, which
holds no row. A personal column has the contract's example in all of them.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playbill.bundle.schema import example
from playbill.errors import DataError

if TYPE_CHECKING:
    from playbill.bundle.runtime.base import Runtime
    from playbill.contract.column import Column

NAME = "expected.json"
FORMAT_VERSION = 1
QUANTILES = (0.1, 0.5, 0.9)


def expected(
    runtime: "Runtime", inputs: "Sequence[Column]", profile: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the content of `expected.json`: made-up rows and the runtime's answers.

    Args:
        runtime: The runtime that was proven equal to the Pipeline.
        inputs: The contract's input columns.
        profile: The reference profile.
    """
    found = [(row, _answer(runtime, row)) for row in made_up(inputs, profile)]
    known = [(row, answer) for row, answer in found if answer is not None]
    return {
        "format_version": FORMAT_VERSION,
        "rows": [row for row, _ in known],
        "answers": [answer for _, answer in known],
    }


def made_up(inputs: "Sequence[Column]", profile: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return rows as a request would bring them: the example, three quantiles, missing values."""
    plain = {column.name: example(column) for column in inputs}
    known = profile.get("columns", {})
    rows = [plain]
    for share in QUANTILES:
        found = {
            column.name: _at(known[column.name], share)
            for column in inputs
            if column.name in known and not column.personal
        }
        present = {name: value for name, value in found.items() if value is not None}
        rows.append({**plain, **present})
    missing = {column.name: None for column in inputs if column.nullable and not column.personal}
    return [*rows, {**plain, **missing}] if missing else rows


def _answer(runtime: "Runtime", row: Mapping[str, Any]) -> Any:
    """Return the answer to a row; None if the Pipeline refuses it, as some do missing values."""
    try:
        return runtime.predict({name: [value] for name, value in row.items()}).tolist()[0]
    except (DataError, ValueError):
        return None


def _at(section: Mapping[str, Any], share: float) -> Any:
    """Return the value of a profiled column at a share of its bins; None if there is none."""
    values = section.get("edges") or section.get("categories")
    if not values:
        return None
    value = values[min(int(share * len(values)), len(values) - 1)]
    if section["kind"] == "boolean":
        return value == "true"
    return round(value) if section["kind"] == "integer" else value
