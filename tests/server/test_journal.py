"""Log lines and traces of a real server: in one form, with the request's identifier, no values."""

import gzip
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from playbill.bundle import assembly
from playbill.bundle.interface import write_interface
from playbill.bundle.router import sources
from playbill.errors import UsageError
from playbill.server.journal import Lines, configuration
from playbill.server.listener import _observed
from playbill.server.settings import Settings
from tests.serving import (
    ASKED,
    CODE,
    NAME,
    SERVER,
    TARGET,
    Running,
    application,
    made,
    row,
    running,
    start_words,
    texts,
    write,
)  # fmt: skip

SECRET = "Jane-Doe-1970"
API = """
import logging
from fastapi import APIRouter

router = APIRouter()


@router.get("/note/{who}", operation_id="note")
async def note(who: str) -> dict[str, str]:
    logging.getLogger("stages.api").warning("noted\\n{\\"level\\": \\"forged\\"}")
    return {"seen": "yes"}


@router.get("/fail/{who}", operation_id="fail")
async def fail(who: str) -> dict[str, str]:
    raise ValueError(f"no such person: {who}")
"""
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@dataclass
class Receiver:
    """An OTLP/HTTP endpoint and the spans that it was sent."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)


@contextmanager
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                content = gzip.decompress(content)
            found.headers.append(self.headers.get("x-team", ""))
            for each in ExportTraceServiceRequest.FromString(content).resource_spans:
                found.resources.append(attributes(each.resource))
                found.spans += [span for scope in each.scope_spans for span in scope.spans]
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def attributes(of: Any) -> dict[str, Any]:
    kinds = {one.key: one.value for one in of.attributes}
    return {name: getattr(value, value.WhichOneof("value")) for name, value in kinds.items()}


def serve(folder: Path, settings: str) -> list[str]:
    """Return the words that start a server with the routes above and these settings."""
    project = folder / "project"
    (project / "stages").mkdir(parents=True)
    (project / "stages" / "__init__.py").write_text("")
    (project / "stages" / "api.py").write_text(API)
    server = SERVER.model_copy(update={"routers": ["stages.api:router"]})
    found = write_interface(NAME, ASKED, TARGET, server) | sources(server.routers, project)
    layer = {n.removeprefix("model/"): c for n, c in made().files.items() if n.startswith("model/")}
    whole = {**found, "openapi.json": texts()["openapi.json"]}
    bundle = write(assembly.assemble(NAME, layer, whole, code=CODE), folder / "bundle")
    (folder / "server.toml").write_text(settings)
    return [*start_words(bundle), "--settings", str(folder / "server.toml")]


def ended(server: Running) -> list[dict[str, Any]]:
    """Stop a server and return its lines, each of which must be an object of JSON."""
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    server.reader.join(10)  # it ends with what the process has written
    return [json.loads(line) for line in server.errors]


def test_every_line_is_json_and_has_its_request_and_no_value(tmp_path: Path) -> None:
    with running(serve(tmp_path, '[logging]\nlevel = "info"\n')) as server:
        ask = server.client
        named = {"x-request-id": "mine-1"}
        answer = ask.post("/predict", json=row(city=SECRET), headers=named).json()
        batch = ask.post("/predict/batch", json={"rows": [row(), row()]})
        assert batch.status_code == 200
        assert ask.post("/predict", json=row(age=SECRET)).status_code == 422
        assert ask.get(f"/{SECRET}?{SECRET}").status_code == 404
        assert ask.request("PURGE", "/predict").status_code == 405
        assert ask.get(f"/note/{SECRET}", headers={"x-request-id": "mine-2"}).status_code == 200
        assert ask.get(f"/fail/{SECRET}", headers={"x-request-id": "mine-3"}).status_code == 500
        lines = ended(server)
    assert SECRET.lower() not in json.dumps(lines).lower()
    assert {"uvicorn.error", "playbill.access", "stages.api"} <= {one["logger"] for one in lines}
    told = [one for one in lines if one["logger"] == "playbill.access"]
    assert all(one["request_id"] for one in told)
    (first,) = (one for one in told if one["request_id"] == "mine-1")
    assert (first["route"], first["status"], first["level"]) == ("/predict", 200, "info")
    assert first["prediction_id"] == answer["prediction_id"]
    assert [one["rows"] for one in told if one["route"] == "/predict/batch"] == [2]
    assert {one["method"] for one in told if one["status"] == 405} == {"other"}
    (note,) = (one for one in lines if one["logger"] == "stages.api")
    assert note["request_id"] == "mine-2"  # of a project's own line, which forges nothing
    assert note["message"].startswith("noted\n")
    assert "forged" not in {one["level"] for one in lines}
    failed = [one for one in lines if one.get("request_id") == "mine-3"]
    assert {one["level"] for one in failed} == {"error"}
    (fault,) = (one["exception"] for one in failed if "exception" in one)
    assert fault["type"] == "builtins.ValueError"
    assert fault["frames"][-1].endswith("in fail")


def test_by_default_faults_alone_are_told(tmp_path: Path) -> None:
    with running(serve(tmp_path, "")) as server:
        assert server.client.post("/predict", json=row()).status_code == 200
        assert server.client.get("/nowhere").status_code == 404
        assert server.client.get("/fail/x").status_code == 500
        lines = ended(server)
    assert [one["logger"] for one in lines] == ["playbill.server", "playbill.access"]


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_traces_go_on_where_the_sender_began_them_and_hold_no_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as found:
        settings = (
            f'model_version = "v1.2.0"\n[tracing]\nendpoint = "{found.url}"\n'
            'headers_variable = "OTLP"\n[logging]\nlevel = "info"\n'
        )
        monkeypatch.setenv("OTLP", "x-team=visits")
        with running(serve(tmp_path, settings)) as server:
            sent = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "mine"}
            answer = server.client.post("/predict", json=row(city=SECRET), headers=sent).json()
            assert server.client.get(f"/fail/{SECRET}?{SECRET}").status_code == 500
            off = {"traceparent": f"00-{TRACE[::-1]}-{PARENT}-00"}  # its sender keeps none
            assert server.client.post("/predict", json=row(), headers=off).status_code == 200
            assert server.client.get("/healthz").status_code == 200
            lines = ended(server)
    assert SECRET not in str(found.spans)
    assert set(found.headers) == {"visits"}
    assert found.resources[0]["service.name"] == NAME
    assert found.resources[0]["service.version"] == "v1.2.0"
    first, second = sorted(found.spans, key=lambda span: int(span.start_time_unix_nano))
    assert (first.trace_id.hex(), first.parent_span_id.hex()) == (TRACE, PARENT)
    assert (first.name, first.kind) == ("POST /predict", 2)
    told = attributes(first)
    assert told["http.response.status_code"] == 200
    assert told["playbill.request_id"] == "mine"
    assert told["playbill.prediction_id"] == answer["prediction_id"]
    assert TRACE in {one.get("trace_id") for one in lines}
    assert second.parent_span_id == b""
    assert (second.status.code, attributes(second)["error.type"]) == (2, "500")
    assert not second.events


def test_a_receiver_that_is_gone_costs_no_answer(tmp_path: Path) -> None:
    with receiver() as found:
        pass
    settings = f'[tracing]\nendpoint = "{found.url}"\ntimeout_seconds = 1\n'
    with running(serve(tmp_path, settings)) as server:
        assert server.client.post("/predict", json=row()).status_code == 200
        assert all(one["logger"].startswith("opentelemetry") for one in ended(server))


def test_traces_without_their_packages_are_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    settings = Settings.model_validate({"tracing": {"endpoint": "http://127.0.0.1:1/v1/traces"}})
    from playbill.server.application import enclose

    with pytest.raises(UsageError, match="package") as caught:
        _observed(enclose(application()), settings)
    assert "playbill[otel]" in str(caught.value)


def test_the_texts_of_exceptions_are_written_for_debugging_alone() -> None:
    error = ValueError(SECRET)
    info = (ValueError, error, None)
    record = logging.LogRecord("x", logging.ERROR, "", 0, "m", None, info)
    assert SECRET not in Lines().format(record)
    assert json.loads(Lines(texts=True).format(record))["exception"]["text"] == SECRET
    assert configuration("debug")["formatters"]["lines"]["texts"]
    assert not configuration("info")["formatters"]["lines"]["texts"]
