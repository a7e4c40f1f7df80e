"""One contract, one verdict: `validate` and a running server take and refuse the same rows.

The server's half is a process that serves a real bundle: the bytes of each request pass its
listener, limits, parser, models and the compiled scorer.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.client import HTTPConnection
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
import yaml

from playbill.bundle.served import Served
from playbill.config.schema import Contract, Server
from playbill.contract.column import columns, inputs
from playbill.contract.task import outcome
from tests.conformance.fuzz import Row, as_body, rows, taken
from tests.conftest import REPOSITORY
from tests.serving import CONTRACT as VISITS
from tests.serving import Running, packaged, running, start_words, texts_of, write

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


def bundle(name: str) -> Mapping[str, bytes]:
    """Return the bundle of a model that learned from rows that the contract takes."""
    contract = CONTRACTS[name]()
    drawn = rows(contract, 600, seed=13)
    kept = [row for row, good in zip(drawn, taken(contract, drawn), strict=True) if good]
    asked = inputs(contract)
    target = next(column for column in columns(contract) if column.name == contract.target)
    frame = pd.DataFrame(kept).assign(**{target.name: np.arange(len(kept)) % 2})
    served = Served(name, contract.key, asked, target, threshold=0.5, asked=outcome(contract))
    half = len(frame) // 2
    texts = texts_of(served, Server(title=name))
    return packaged(served, texts, frame[:half], frame[half:]).files


@pytest.fixture(scope="module", params=CONTRACTS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Running]]:
    """A contract and a running server of a real bundle of it."""
    folder = write(bundle(request.param), tmp_path_factory.mktemp("verdict") / "bundle")
    with running(start_words(folder)) as started:
        yield request.param, started
        assert started.process.poll() is None
    assert not started.errors


def answers(url: str, found: Sequence[Row]) -> list[bool]:
    """Say of each row whether the server at `url` takes it, asked one by one."""
    address = urlsplit(url)
    assert address.hostname is not None
    connection = HTTPConnection(address.hostname, address.port, timeout=30)
    statuses = []
    for row in found:
        connection.request("POST", "/predict", as_body(row), {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()
    assert set(statuses) <= {200, 422}
    return [status == 200 for status in statuses]


def test_validate_and_the_server_give_rows_the_same_verdict(server: tuple[str, Running]) -> None:
    check(*server, FEW, seed=11)


@pytest.mark.slow
def test_validate_and_the_server_give_ten_thousand_rows_the_same_verdict(
    server: tuple[str, Running],
) -> None:
    check(*server, ROWS, seed=12)


def check(name: str, server: Running, count: int, seed: int) -> None:
    contract = CONTRACTS[name]()
    found = rows(contract, count, seed)
    stage, served = taken(contract, found), answers(server.url, found)
    different = [
        f"validate {'takes' if ours else 'refuses'} {json.dumps(row)}"
        for row, ours, theirs in zip(found, stage, served, strict=True)
        if ours is not theirs
    ]
    assert different[:3] == [], f"{len(different)} of {count} differ"
    assert 0.1 < sum(stage) / count < 0.95, "both verdicts must occur often"
