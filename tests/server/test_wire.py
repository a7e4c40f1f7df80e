"""What is wrong below HTTP's bodies: drips, floods, smuggling; told to a real server's socket."""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.serving import Running, row, running, start_words

SETTINGS = """
[limits]
header_seconds = 0.5
body_seconds = 0.5
header_bytes = 4096
connections_per_address = 20
"""
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def strict(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path = tmp_path_factory.mktemp("strict") / "server.toml"
    path.write_text(SETTINGS)
    with running([*start_words(bundle), "--settings", str(path)]) as started:
        yield started
    assert not started.errors


def connect(server: Running) -> socket.socket:
    parts = urlsplit(server.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=10)


def said(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes."""
    content = b""
    try:
        while chunk := connection.recv(65_536):
            content += chunk
    except ConnectionResetError:
        pass
    return content


def send(server: Running, *parts: bytes, pause: float = 0.0) -> bytes:
    with connect(server) as connection:
        for part in parts:
            try:
                connection.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(pause)
        return said(connection)


def is_well(server: Running) -> bool:
    return server.client.post("/predict", json=row()).status_code == 200


def test_a_head_that_drips_is_ended_at_its_deadline(strict: Running) -> None:
    begun = time.monotonic()
    answer = send(strict, *(HEAD[n : n + 1] for n in range(20)), pause=0.1)
    assert time.monotonic() - begun < 5
    assert answer.startswith(b"HTTP/1.1 408")
    assert is_well(strict)


def test_a_connection_that_says_nothing_is_ended(strict: Running) -> None:
    assert send(strict, b"").startswith(b"HTTP/1.1 408")


def test_a_body_that_drips_is_ended_at_its_deadline(strict: Running) -> None:
    begun = time.monotonic()
    answer = send(strict, HEAD + b"Content-Length: 100\r\n\r\n", *([b" "] * 10), pause=0.1)
    assert time.monotonic() - begun < 5
    assert answer.startswith(b"HTTP/1.1 408")
    assert is_well(strict)


@pytest.mark.parametrize(
    "head",
    [b"X: " + b"a" * 100_000, b"X: a\r\n" * 10_000, b"GET /" + b"a" * 100_000],
    ids=["one header", "many headers", "path"],
)
def test_an_endless_head_is_refused(strict: Running, head: bytes) -> None:
    whole = head if head.startswith(b"GET") else HEAD + head
    answer = send(strict, whole + b"\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))
    assert is_well(strict)


SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"Content-Length: +5\r\n\r\n",
        b"Content-Length: 5\r\n\r\n"[:-2] + b"\n\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\n",
        b"Transfer-Encoding : chunked\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nZ\r\n",
        b"X: a\r\n b: c\r\n\r\n",
        b"X\x00: a\r\n\r\n",
        b"X: a\x00b\r\n\r\n",
        b"X: a\rY: b\r\n\r\n",
    ],
)
def test_a_request_that_two_servers_could_read_differently_is_refused(
    strict: Running, head: bytes
) -> None:
    answer = send(strict, HEAD + head + SMUGGLED)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 408", b"HTTP/1.1 422")), answer[:300]
    assert b"playbill_requests_total" not in answer, "the smuggled request was answered"
    assert is_well(strict)


@pytest.mark.parametrize(
    "bad",
    [
        b"\x16\x03\x01\x02\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 50,
        b"G\xff\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_a_problem_without_a_banner(strict: Running, bad: bytes) -> None:
    answer = send(strict, bad)
    assert answer.startswith(b"HTTP/1.1 400")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert json.loads(body)["status"] == 400
    assert b"uvicorn" not in head.lower()


@pytest.mark.parametrize("value", [b"a\tb", b"x" * 65, b"<script>", b"a,b", b"%0d%0aX: y", b"\xff"])
def test_a_request_identifier_that_could_do_harm_is_replaced(strict: Running, value: bytes) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: "
    answer = send(strict, head + value + b"\r\n\r\n")
    line = next(x for x in answer.split(b"\r\n") if x.lower().startswith(b"x-request-id: "))
    assert value not in line
    assert len(line) == len("x-request-id: ") + 36


def test_a_harmless_request_identifier_is_kept(strict: Running) -> None:
    got = strict.client.get("/healthz", headers={"X-Request-Id": "abc-1.2_Z"})
    assert got.headers["x-request-id"] == "abc-1.2_Z"


def test_pipelined_requests_are_answered_in_their_order(strict: Running) -> None:
    body = json.dumps(row()).encode()
    one = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = send(strict, one * 3 + last)
    assert answer.count(b"HTTP/1.1 200") == 4
    assert answer.rstrip().endswith(b'{"status":"ok"}')


def test_connections_beyond_the_limit_of_an_address_are_closed(strict: Running) -> None:
    held = [connect(strict) for _ in range(19)]
    try:
        with connect(strict) as further:
            further.settimeout(0.3)
            held.append(connect(strict))
            assert said(held[-1]).startswith(b"HTTP/1.1 503")
    finally:
        for each in held:
            each.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if is_well(strict):
                break
        except OSError:
            pass
    assert is_well(strict)


@pytest.mark.skipif(os.name != "posix", reason="file descriptors are counted in /proc")
def test_no_connection_is_left_open(strict: Running) -> None:
    folder = Path(f"/proc/{strict.process.pid}/fd")
    if not folder.is_dir():
        pytest.skip("no /proc")
    before = len(list(folder.iterdir()))
    for _ in range(30):
        send(strict, HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n")
    assert len(list(folder.iterdir())) <= before + 2
