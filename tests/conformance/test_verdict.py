"""One contract, one verdict: `validate` and the server's models take and refuse the same rows.

The server's half is the generated application, called in this process as a server would call it:
the bytes of each request pass the same limits, parser and models.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from playbill.bundle.interface import write_interface
from playbill.config.schema import Contract, Server
from playbill.contract.column import columns, inputs
from playbill.contract.outcome import outcome
from playbill.server.application import build, enclose
from playbill.server.description import _imported
from playbill.server.model import Model, ModelPage
from tests.conformance.fuzz import Row, as_body, rows, taken
from tests.conftest import REPOSITORY
from tests.serving import CONTRACT as VISITS
from tests.serving import calls

if TYPE_CHECKING:
    from playbill.server.edge import Edge

ROWS = 10_000
FEW = 500
BOUNDS = Contract.model_validate({
    "schema": {
        "columns": {
            "id": {"dtype": "str"},
            "above": {"dtype": "float64", "greater_than": -1.5},
            "from": {"dtype": "float64", "greater_than_or_equal_to": 0, "nullable": True},
            "below": {"dtype": "float64", "less_than": 0.1},
            "upto": {"dtype": "int64", "less_than_or_equal_to": 7},
            "open": {"dtype": "float64", "nullable": True, "in_range": {
                "min_value": 0, "max_value": 1, "include_min": False, "include_max": False}},
            "half": {"dtype": "int64", "in_range": {
                "min_value": -3, "max_value": 3, "include_min": True, "include_max": False}},
            "kind": {"dtype": "str", "nullable": True, "isin": ["a", "b", ""]},
            "free": {"dtype": "str"},
            "flag": {"dtype": "bool"},
            "y": {"dtype": "int64", "isin": [0, 1]},
        }
    },
    "columns": {"id": {"role": "key"}, "y": {"role": "target"}},
})  # fmt: skip


def flights() -> Contract:
    text = (REPOSITORY / "conf" / "contract" / "flights.yaml").read_text("utf-8")
    return Contract.model_validate(yaml.safe_load(text))


CONTRACTS: dict[str, Callable[[], Contract]] = {
    "flights": flights,
    "visits": lambda: VISITS,
    "bounds": lambda: BOUNDS,
}


class Half:
    """A runtime that answers a half to whatever passed: only the verdict is asked for here."""

    quick = True

    def predict(self, columns: Any) -> Any:
        return np.full(len(next(iter(columns.values()))), 0.5)

    def predict_row(self, values: Any) -> float:  # noqa: ARG002
        return 0.5


@cache
def edge(name: str) -> "Edge":
    contract = CONTRACTS[name]()
    asked = inputs(contract)
    target = next(column for column in columns(contract) if column.name == contract.target)
    server = Server(title=name, max_batch_rows=100)
    texts = write_interface("fuzz", asked, target, server, outcome(contract))
    with _imported(texts) as module:
        interface = replace(module.INTERFACE)
    digest = "sha256:" + "0" * 64
    page = ModelPage(name="fuzz", model_digest=digest, server_digest=digest, runtime="numpy",
                     threshold=0.5, metrics={}, contract={}, lineage={}, card="")  # fmt: skip
    app = build(interface, Model(Half(), page, {}, {}))
    app.scoring.ready = True
    return enclose(app)


def served(name: str, found: list[Row]) -> list[bool]:
    """Say of each row whether the server takes it, asked one by one."""
    got = calls(edge(name), "/predict", [as_body(row) for row in found])
    assert {each.status for each in got} <= {200, 422}
    return [each.status == 200 for each in got]


@pytest.mark.parametrize("name", CONTRACTS)
def test_validate_and_the_server_give_rows_the_same_verdict(name: str) -> None:
    check(name, FEW, seed=11)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTRACTS)
def test_validate_and_the_server_give_ten_thousand_rows_the_same_verdict(name: str) -> None:
    check(name, ROWS, seed=12)


def check(name: str, count: int, seed: int) -> None:
    contract = CONTRACTS[name]()
    found = rows(contract, count, seed)
    stage, server = taken(contract, found), served(name, found)
    different = [
        f"validate {'takes' if ours else 'refuses'} {json.dumps(row)}"
        for row, ours, theirs in zip(found, stage, server, strict=True)
        if ours is not theirs
    ]
    assert different[:3] == [], f"{len(different)} of {count} differ"
    assert 0.1 < sum(stage) / count < 0.95, "both verdicts must occur often"
