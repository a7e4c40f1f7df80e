"""`playbill attack`: every line passes against our server, and a careless server is told apart."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from playbill.attack.case import Answer, Case, judge, strict_json
from playbill.attack.corpus import cases, raw
from playbill.attack.schema import read_target
from playbill.attack.suite import Server, ask, look
from playbill.server.keys import add_line, new_key
from tests.conftest import Run
from tests.serving import made, row, running, start_words, texts, write

OPENAPI = texts()["openapi.json"].encode()
TRACE = b'Traceback (most recent call last):\n  File "/usr/lib/x.py", line 1'


class Careless(BaseHTTPRequestHandler):
    """Reads anything and answers each body that Python cannot parse with a stack trace."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._say(200, OPENAPI if self.path == "/openapi.json" else b'{"name": "visits"}')

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", "0")))
        try:
            json.loads(content)
        except (ValueError, RecursionError):
            self._say(500, TRACE, "text/plain")
        else:
            self._say(200, b'{"probability": NaN}')

    def _say(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def careless() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Careless)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_our_server_passes_every_line(tmp_path: Path, run: Run) -> None:
    bundle = write(made().files, tmp_path / "bundle")
    key, line = new_key("attacker", ["predict"])
    add_line(tmp_path / "keys", line)
    (tmp_path / "server.toml").write_text("[limits]\nheader_seconds = 2\nbody_seconds = 2\n")
    words = ["--keys", str(tmp_path / "keys"), "--settings", str(tmp_path / "server.toml")]
    with running([*start_words(bundle), *words]) as server:
        done = run("playbill", "attack", server.url, "--key", key, "--json", cwd=tmp_path)
    assert not server.errors
    found = json.loads(done.stdout)
    assert found["passed"]
    assert len(found["attacks"]) > 180
    groups = {one["group"] for one in found["attacks"]}
    assert {"slow", "head", "smuggling", "key", "taken", "after"} <= groups


def test_a_careless_server_is_told_what_it_got_wrong(careless: str) -> None:
    server = Server(careless)
    target = look(server, row())
    wanted = {"body", "value", "form"}
    seen = {}

    for case in cases(target):
        if case.group in wanted and len(case.body if isinstance(case.body, bytes) else b"") < 1000:
            seen[case.name] = ask(server, case)
    assert "answered 500" in seen["cut short (/predict)"].faults
    assert "tells 'Traceback'" in seen["cut short (/predict)"].faults
    assert "is text/plain, not JSON" in seen["cut short (/predict)"].faults
    assert "is not valid JSON" in seen["dose: NaN"].faults
    assert "answered 200" in seen["content type text/plain"].faults


def test_a_server_that_is_not_there_is_a_clear_error(tmp_path: Path, run: Run) -> None:
    done = run("playbill", "attack", "http://127.0.0.1:1", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "no server that describes itself" in done.stderr


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(422, {"content-type": "application/json"}, b'{"a": "pb-marker-4111"}'), "echoes"),
        (Answer(200, {"server": "uvicorn/0.5.4"}, b""), "banner"),
        (Answer(422, {"content-type": "text/html"}, b"<p>no"), "not JSON"),
        (Answer(200, {"content-type": "application/json", "x-injected": "b"}, b"{}"), "injected"),
    ],
)
def test_what_no_answer_may_hold_is_seen(answer: Answer, fault: str) -> None:
    verdict = judge(Case("g", "n", frozenset({200, 422})), answer)
    assert any(fault in each for each in verdict.faults)


def test_strict_json_is_rfc_8259() -> None:
    assert strict_json('{"a": 1}')
    assert not strict_json('{"a": NaN}')
    assert not strict_json("{'a': 1}")


def test_the_row_is_read_off_the_schema_alone() -> None:
    target = read_target(json.loads(OPENAPI), None, "visits")
    assert set(target.row) == set(row())
    assert target.nullable == {"dose", "city"}
    assert target.first("string", enum=True) == "ward"
    assert target.most_rows == 100
    assert json.loads(raw(target, "age", "7"))["age"] == 7
