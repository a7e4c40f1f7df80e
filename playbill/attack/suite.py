"""Runs the hostile suite against a running server and tells what it got."""

import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playbill.attack.case import Answer, Case, Verdict, judge
from playbill.attack.corpus import cases
from playbill.attack.schema import Target, read_target
from playbill.attack.wire import speak, talks
from playbill.errors import UsageError

SECONDS = 30.0  # for one answer
LONG = 5.0  # seconds that no answer may take
ENOUGH = 1024


@dataclass(frozen=True)
class Server:
    """A server under attack.

    Attributes:
        url: Where it is.
        key: API key or token, if it asks for one.
    """

    url: str
    key: str | None = None

    def ask(self, case: Case) -> Answer:
        """Send a case over a connection of its own and return the answer.

        Raises:
            OSError: There was none.
        """
        connection = self._connection()
        try:
            headers = dict(case.headers)
            if case.kind is not None and case.method == "POST":
                headers["content-type"] = case.kind
            if self.key is not None and not case.anonymous:
                headers["x-api-key"] = self.key
            body = case.body if isinstance(case.body, bytes) else case.body()
            chunked = not isinstance(case.body, bytes)
            try:
                path = case.path.replace(" ", "%20")
                connection.request(case.method, path, body, headers, encode_chunked=chunked)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it answered before the end and closed: the answer may still be read
            got = connection.getresponse()
            lower = {name.lower(): value for name, value in got.getheaders()}
            return Answer(got.status, lower, got.read())
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
        return http.client.HTTPConnection(host, port, timeout=SECONDS)


def look(server: Server, row: dict[str, Any] | None = None) -> Target:
    """Return what the server says of its row.

    Raises:
        UsageError: It cannot be reached, or does not describe itself.
    """
    try:
        got = server.ask(Case("", "", frozenset(), path="/openapi.json", method="GET"))
        document = json.loads(got.body)
        name = _name(server)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UsageError(
            f"there is no server that describes itself at {server.url}: {error}",
            expected="a server with /openapi.json; `--key` if it asks for one",
        ) from error
    return read_target(document, row, name)


def _name(server: Server) -> str:
    got = server.ask(Case("", "", frozenset(), path="/model", method="GET"))
    try:
        return str(json.loads(got.body).get("name", "model"))
    except (ValueError, AttributeError):
        return "model"


def attack(
    server: Server, target: Target, done: Callable[[], None] = lambda: None
) -> Iterator[Verdict]:
    """Yield a verdict for each attack; the slow ones go on beside the others.

    Args:
        server: The server.
        target: What its row is.
        done: Called after each attack.
    """
    host = urlsplit(server.url).netloc
    key = f"X-API-Key: {server.key}\r\n".encode() if server.key else b""
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(speak, server.url, talk) for talk in talks(host, key)]
        for case in cases(target):
            yield ask(server, case)
            done()
        yield from _anonymous(server)
        for future in waiting:
            yield future.result()
            done()
    yield _well(server, target)


def count(server: Server, target: Target) -> int:
    """Return how many attacks there are, for a progress bar."""
    return len(cases(target)) + len(list(talks(urlsplit(server.url).netloc, b"")))


def ask(server: Server, case: Case) -> Verdict:
    """Return the verdict on one case."""
    begun = time.monotonic()
    try:
        verdict = judge(case, server.ask(case))
    except (OSError, http.client.HTTPException) as error:
        early = not isinstance(case.body, bytes) or len(case.body) > ENOUGH * ENOUGH
        if early and isinstance(error, ConnectionError):  # refused before all of it was sent
            right = "413 or closed"
            return Verdict(case.group, case.name, right, "closed")
        none = f"no answer ({type(error).__name__})"
        return Verdict(case.group, case.name, "an answer", "none", (none,))
    if (took := time.monotonic() - begun) > LONG:
        faults = (*verdict.faults, f"took {took:.1f} s")
        return Verdict(verdict.group, verdict.name, verdict.right, verdict.got, faults)
    return verdict


def _anonymous(server: Server) -> Iterator[Verdict]:
    """Yield what a server that asks for a key lets through without one."""
    if server.key is None:
        return
    right = frozenset({401})
    for path in ("/predict", "/predict/batch", "/metrics", "/model", "/openapi.json", "/nowhere"):
        method = "POST" if path.startswith("/predict") else "GET"
        for name, headers in (
            ("no key", ()),
            ("another key", (("x-api-key", "pbk_000000000000_" + "x" * 43),)),
            ("an empty token", (("authorization", "Bearer "),)),
            ("alg none", (("authorization", "Bearer eyJhbGciOiJub25lIn0.e30."),)),
        ):
            case = Case(
                "key", f"{path}: {name}", right, b"{}", path, method, headers, anonymous=True
            )
            yield ask(server, case)


def _well(server: Server, target: Target) -> Verdict:
    body = json.dumps(target.row).encode()
    return ask(server, Case("after", "the example is answered still", frozenset({200}), body))
