"""A small model of its own kind of everything, its bundle, and real processes that serve it."""

import asyncio
import json
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
import numpy as np
import pandas as pd

from playbill.bundle import assembly, manifest, parity, proven
from playbill.bundle.card import Facts, Rows, write_card
from playbill.bundle.interface import write_interface
from playbill.bundle.served import Served, contract_file
from playbill.config.schema import Card, Contract, Drift, Server
from playbill.contract.column import columns, inputs
from playbill.contract.frame import as_model_frame
from playbill.drift.performance import profile_performance
from playbill.drift.profile import build_profile, with_model
from playbill.server.application import Application, build
from playbill.server.description import _imported, openapi_text
from playbill.server.model import open_model
from playbill.server.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

NAME = "visits"
CODE = ("playbill.server.application", "playbill.server.command")
# One column of each kind and habit: bounded, open, nullable, categories, hostile names.
CONTRACT = Contract.model_validate({
    "schema": {
        "columns": {
            "visit": {"dtype": "str"},
            "age": {"dtype": "int64", "in_range": {"min_value": 0, "max_value": 120}},
            "dose": {"dtype": "float64", "nullable": True, "greater_than": 0},
            "ward": {"dtype": "str", "isin": ["north", "south", 'the "old" one']},
            "city": {"dtype": "str", "nullable": True},
            "class": {"dtype": "int64"},
            "model_dump": {"dtype": "bool"},
            "at night?": {"dtype": "bool", "nullable": False},
            "seen": {"dtype": "datetime64[ns]"},
            "back": {"dtype": "int64", "isin": [0, 1]},
        }
    },
    "columns": {
        "visit": {"role": "key"},
        "age": {"description": "Years.", "example": 41},
        "ward": {"description": 'Where; the "old" one\\ is\nclosed."""'},
        "seen": {"example": "2026-01-31T12:00:00Z"},
        "back": {"role": "target", "description": "1 if they came back."},
    },
})  # fmt: skip
SERVER = Server(title='Visits "again"', description="Will they come back?", max_batch_rows=100)
ASKED = inputs(CONTRACT)
TARGET = next(column for column in columns(CONTRACT) if column.name == CONTRACT.target)
SERVED = Served(NAME, CONTRACT.key, ASKED, TARGET, threshold=0.4)


def visits(rows: int, seed: int = 1) -> pd.DataFrame:
    """Return rows that keep the contract."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "visit": [f"v{number}" for number in range(rows)],
        "age": draw.integers(0, 121, rows),
        "dose": np.where(draw.random(rows) < 0.2, np.nan, draw.gamma(2.0, size=rows) + 0.01),
        "ward": draw.choice(["north", "south", 'the "old" one'], rows),
        "city": pd.Series(draw.choice(["Bern", "Brno", ""], rows)).replace("", None),
        "class": draw.integers(-5, 5, rows),
        "model_dump": draw.random(rows) < 0.5,
        "at night?": draw.random(rows) < 0.3,
        "seen": pd.Timestamp("2026-01-01") + pd.to_timedelta(draw.integers(0, 10**6, rows), "s"),
    })  # fmt: skip
    chance = 1 / (1 + np.exp(2 - frame["age"] / 40 - frame["class"] / 5))
    return frame.assign(back=(draw.random(rows) < chance).astype("int64"))


@dataclass(frozen=True)
class Made:
    """A bundle, and what it was made from."""

    files: Mapping[str, bytes]
    test: pd.DataFrame
    expected: np.ndarray[Any, np.dtype[np.float64]]
    model: parity.Model


@cache
def made(runtime: str = "numpy") -> Made:
    """Return the bundle of a model of `visits` with this runtime; made once."""
    return packaged(SERVED, texts(), visits(400), visits(200, seed=2), runtime)


@cache
def another(seed: int, app: str | None = None) -> Made:
    """Return a bundle of another model, behind the same server unless its application differs."""
    server = texts() if app is None else {**texts(), "app.py": app}
    served = replace(SERVED, threshold=0.5)
    return packaged(served, server, visits(400, seed=seed), made().test)


def broken(good: Made) -> Made:
    """Return a bundle whose digests are right and whose model answers otherwise than it says."""
    files = dict(good.files)
    stated = json.loads(files["model/expected.json"])
    stated["answers"][0] += 1e-6
    files["model/expected.json"] = json.dumps(stated).encode()
    files.pop(manifest.NAME)
    listed = manifest.describe(NAME, "numpy", files)
    return replace(good, files={**files, manifest.NAME: manifest.render(listed)})


def packaged(
    served: Served,
    server: Mapping[str, str],
    train: pd.DataFrame,
    test: pd.DataFrame,
    runtime: str = "numpy",
) -> Made:
    """Return the bundle of a binary model that is fitted here.

    Args:
        served: What is asked and answered.
        server: The server's texts.
        train: Rows to learn from, with the target.
        test: Rows on which the runtime is proven.
        runtime: Its kind.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    asked = served.inputs
    text = [column.name for column in asked if column.kind == "text"]
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    transform = ColumnTransformer([("text", encoder, text)], remainder="passthrough")
    booster = HistGradientBoostingClassifier(max_iter=20, random_state=0)
    pipeline = Pipeline([("feature", transform), ("model", booster)])
    pipeline.fit(as_model_frame(train, asked), train[served.target.name])
    expected = pipeline.predict_proba(as_model_frame(test, asked))[:, 1]
    contract = contract_file(served)
    model = parity.Model(pipeline, asked, served.asked, served.threshold, contract)
    choice = parity.choose([runtime], model, test, expected)
    held_out = profile_performance(
        expected, test[served.target.name].to_numpy() == 1, served.threshold
    )
    made_of = parts(choice, served, train)
    layer = assembly.model_layer(
        replace(made_of, profile=with_model(made_of.profile, performance=held_out))
    )
    files = assembly.assemble(served.name, layer, server, code=CODE)
    return Made(files, test, expected, model)


def parts(choice: parity.Choice, served: Served, train: pd.DataFrame) -> assembly.Parts:
    """Return what the model layer with this runtime is made from."""
    metrics = {"roc_auc": 0.7, "threshold": served.threshold, "rows": 200}
    profile = build_profile(train, served.inputs, Drift(), scores=[0.1, 0.5, 0.9] * 40)
    return assembly.Parts(
        served=served, proven=proven.of(choice), profile=profile, metrics=metrics,
        lineage={"data": {"train": "sha256:0"}, "params": {}, "code": {}, "environment": {}},
        card=write_card(facts(proof=choice.proof)),
    )  # fmt: skip


_SAME = {"largest_difference": 0.0, "labels_changed": 0}
PROOF = {
    "runtime": "numpy",
    "refused": [],
    "hold_out": {"rows": 200, **_SAME},
    "edges": {"rows": 9, "possible": 9, "thresholds": 3, **_SAME},
}


def facts(**changes: Any) -> Facts:
    """Return what the card of the model is written from."""
    area = {"value": 0.7, "low": 0.6, "high": 0.8}
    wards = {
        name: {"rows": 90, "metrics": {"roc_auc": {**area, "value": value}}}
        for name, value in (("north", 0.6), ("south", 0.8))
    }
    interval = {"method": "percentile", "level": 0.95, "draws": 1000, "block": None, "blocks": 200}
    report = {
        "task": "binary", "rows": 200, "interval": {**interval, "few_blocks": False},
        "metrics": {"roc_auc": area}, "slices": {"ward": wards}, "search": None, "fairness": {},
        "calibration": {"bins": []}, "importance": None,
    }  # fmt: skip
    rows = {"train": Rows(400, "2026-01-01", "2026-01-12"), "test": Rows(200)}
    known: dict[str, Any] = {
        "name": NAME, "target": TARGET, "inputs": ASKED, "rows": rows, "threshold": 0.4,
        "window": ("2026-01-01", "2026-02-01"), "estimator": "sklearn.Some", "report": report,
        "said": Card(), "proof": PROOF,
    }  # fmt: skip
    return Facts(**(known | changes))


@cache
def texts() -> dict[str, str]:
    """Return the server's texts as the stage `server` writes them."""
    return texts_of(SERVED, SERVER)


def texts_of(served: Served, server: Server) -> dict[str, str]:
    """Return the server's texts as the stage `server` writes them."""
    found = write_interface(served.name, served.inputs, served.target, server, served.asked)
    return {**found, "openapi.json": openapi_text(found)}


def application(lane: str = "asgi", settings: Settings | None = None) -> Application:
    """Return the application of the bundle in this process, in one of the two lanes."""
    with _imported(texts()) as module:
        interface = replace(module.INTERFACE, lane=lane)
    with tempfile.TemporaryDirectory() as folder:
        model, _ = open_model(write(made().files, Path(folder) / "bundle"))
    app = build(interface, model, settings)
    app.scoring.ready = True
    return app


@dataclass(frozen=True)
class Got:
    """An answer of an application that was called in this process."""

    status: int
    headers: dict[str, str]
    body: bytes


def call(  # noqa: PLR0913 - what a request is made of
    app: "ASGIApp",
    path: str,
    messages: Sequence[Mapping[str, Any]] | bytes = b"",
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    kind: str | None = "application/json",
    sent: list[Any] | None = None,
) -> Got:
    """Call an application as a server would, with these ASGI messages or this body.

    What it sends is kept in `sent`, for who expects it to raise.
    """
    pairs = [(name.lower(), value) for name, value in (headers or {}).items()]
    pairs += [("content-type", kind)] if kind is not None else []
    whole = _whole(messages) if isinstance(messages, bytes) else messages
    sent = [] if sent is None else sent
    return asyncio.run(_called(app, _scope(path, method, pairs), whole, sent))


def _whole(body: bytes) -> list[dict[str, Any]]:
    return [{"type": "http.request", "body": body, "more_body": False}]


def _scope(path: str, method: str, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    plain, _, query = path.partition("?")
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "path": unquote(plain), "raw_path": plain.encode(), "query_string": query.encode(),
        "root_path": "", "scheme": "http", "server": ("test", 80), "client": ("test", 1),
        "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in pairs], "state": {},
    }  # fmt: skip


async def _called(
    app: "ASGIApp",
    scope: dict[str, Any],
    messages: Sequence[Mapping[str, Any]],
    sent: list[Any] | None = None,
) -> Got:
    left, sent = list(messages), [] if sent is None else sent

    async def receive() -> Any:
        if not left:
            await asyncio.sleep(3600)
        return left.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return Got(start["status"], found, b"".join(each.get("body", b"") for each in sent[1:]))


def write(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write a bundle to a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def row(**changes: Any) -> dict[str, Any]:
    """Return a row that the contract takes, with changes."""
    plain = {
        "age": 41, "dose": 1.5, "ward": "north", "city": None, "class": 2, "model_dump": True,
        "at night?": False, "seen": "2026-01-05T10:00:00Z",
    }  # fmt: skip
    return plain | changes


def as_sent(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as JSON would bring them."""
    names = [column.name for column in ASKED]
    rows = frame[names].assign(seen=frame["seen"].dt.strftime("%Y-%m-%dT%H:%M:%S"))
    return [
        {str(name): None if pd.isna(value) else value for name, value in one.items()}
        for one in rows.astype(object).to_dict("records")
    ]


@dataclass
class Running:
    """A server process that listens."""

    process: subprocess.Popen[str]
    url: str
    errors: list[str]
    client: httpx.Client
    reader: threading.Thread  # of standard error, into `errors`


@contextmanager
def running(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    trusted: ssl.SSLContext | None = None,
    **env: str,
) -> Iterator[Running]:
    """Start a server on a free port, wait until it is ready, and end it in the end.

    Args:
        command: Starts it.
        cwd: Where.
        trusted: Whose certificate is believed; then the server must speak TLS.
        env: Its environment, if not this process's.
    """
    process = subprocess.Popen(
        command, cwd=cwd, env=env or None, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    errors: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    stderr = process.stderr
    reader = threading.Thread(target=lambda: errors.extend(stderr), daemon=True)
    reader.start()
    try:
        line = process.stdout.readline()
        scheme = "https" if trusted else "http"
        assert f" on {scheme}://" in line, f"{line}{''.join(errors)}"
        url = line.split(" on ")[1].strip()
        _wait_ready(url, trusted)
        with httpx.Client(base_url=url, timeout=30, verify=trusted or True) as client:
            yield Running(process, url, errors, client, reader)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()
            reader.join(5)
            process.stdout.close()
            stderr.close()


def _wait_ready(url: str, trusted: ssl.SSLContext | None) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", verify=trusted or True).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server did not become ready")


def start_words(bundle: Path) -> list[str]:
    """Return the command that a bundle's README gives."""
    return [sys.executable, str(bundle / "server"), "--port", "0"]
