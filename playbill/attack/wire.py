"""The hostile requests that no HTTP client would send, written to the socket byte by byte."""

import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from playbill.attack.case import Answer, Verdict, leaks, shown

PATIENCE = 30.0  # seconds after which a server that waits is said to wait for ever
READ = 65_536
CLOSED = 0  # stands for a connection that was closed without an answer


@dataclass(frozen=True)
class Talk:
    """Bytes that are sent to a socket, and what is right.

    Attributes:
        group: The kind of attack.
        name: What it is.
        right: Statuses that are right; 0: closed without an answer.
        parts: What is sent.
        pause: Seconds between two parts.
    """

    group: str
    name: str
    right: frozenset[int]
    parts: Sequence[bytes]
    pause: float = 0.0


def talks(host: str, key: bytes) -> Iterator[Talk]:
    """Yield every attack below HTTP's bodies.

    Args:
        host: For the header `Host`.
        key: Header lines that authenticate.
    """
    head = b"POST /predict HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n%s" % (
        host.encode(), key,
    )  # fmt: skip
    bad = frozenset({400, CLOSED})
    slow = frozenset({408, 400, CLOSED})
    drip = [head[n : n + 1] for n in range(len(head))] * 2
    yield Talk("slow", "a head of one byte a second", slow, drip, 1.0)
    body = [head + b"Content-Length: 1000\r\n\r\n", *[b" "] * 60]
    yield Talk("slow", "a body of one byte a second", slow, body, 1.0)
    yield Talk("slow", "a connection that says nothing", slow, [])
    large = frozenset({431, 400, 414, CLOSED})
    yield Talk("head", "a header of 200 kB", large, [head + b"X: " + b"a" * 200_000 + b"\r\n\r\n"])
    yield Talk("head", "20,000 headers", large, [head + b"X: a\r\n" * 20_000 + b"\r\n"])
    yield Talk(
        "head", "a path of 200 kB", large, [b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n"]
    )
    smuggled = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    for name, lines in SMUGGLING.items():
        yield Talk("smuggling", name, frozenset({*bad, 408, 501}), [head + lines + smuggled])
    for name, lines in STRANGE.items():
        yield Talk("wire", name, frozenset({*bad, 408, 505}), [lines])
    plain = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    folded = plain + b"X-Request-Id: a\r\n X-Injected: b\r\n\r\n"
    yield Talk("wire", "a folded header", frozenset({200, *bad}), [folded])


SMUGGLING = {
    "both lengths": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "a signed length": b"Content-Length: +5\r\n\r\n",
    "a negative length": b"Content-Length: -1\r\n\r\n",
    "a huge length": b"Content-Length: 99999999999999999999999\r\n\r\n",
    "two codings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n",
    "a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n",
    "a chunk without a size": b"Transfer-Encoding: chunked\r\n\r\nZ\r\n",
    "a header without a name": b": a\r\n\r\n",
    "NUL in a header": b"X: a\x00b\r\n\r\n",
}
STRANGE = {
    "TLS to a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2 without asking": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\n\r\n",
    "NUL bytes": b"\x00" * 100,
    "no method": b" / HTTP/1.1\r\n\r\n",
}


def speak(url: str, talk: Talk) -> Verdict:
    """Have a talk with a server and return the verdict."""
    begun = time.monotonic()
    content = _exchange(url, talk)
    answer = parse(content)
    faults = [] if answer.status in talk.right else [f"answered {answer.status or 'nothing'}"]
    if time.monotonic() - begun >= PATIENCE:
        faults = [f"open for more than {PATIENCE:.0f} s"]
    if content.count(b"HTTP/1.1 200") and talk.group == "smuggling":
        faults.append("answered a smuggled request")
    faults += leaks(answer)
    got = str(answer.status) if answer.status else "closed"
    right = shown(talk.right).replace("0/", "closed/", 1)
    return Verdict(talk.group, talk.name, right, got, tuple(faults))


def _exchange(url: str, talk: Talk) -> bytes:
    deadline = time.monotonic() + PATIENCE
    content = b""
    try:
        with connect(url) as connection:
            connection.settimeout(0.05)
            for part in talk.parts:
                connection.sendall(part)
                content, open_ = _pause(connection, content, talk.pause)
                if not open_ or time.monotonic() > deadline:
                    return content
            connection.settimeout(max(0.1, deadline - time.monotonic()))
            while chunk := connection.recv(READ):
                content += chunk
    except OSError:
        return content
    return content


def _pause(connection: socket.socket, content: bytes, seconds: float) -> tuple[bytes, bool]:
    """Wait, and see whether the server says something or closes meanwhile."""
    if not seconds:
        return content, True
    time.sleep(seconds)
    try:
        chunk = connection.recv(READ)
    except TimeoutError:
        return content, True
    return content + chunk, bool(chunk) and not content


def connect(url: str) -> socket.socket:
    """Return a connection to a server; its certificate is not checked, for it may be its own."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    plain = socket.create_connection((parts.hostname or "", port), timeout=10)
    if parts.scheme != "https":
        return plain
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=parts.hostname)


def parse(content: bytes) -> Answer:
    """Return the first answer in what came; status 0 if there is none."""
    head, _, body = content.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if not words[0].startswith("HTTP/") or len(words) < 2:  # noqa: PLR2004 - version, status
        return Answer(CLOSED, {}, b"")
    pairs = (line.partition(":") for line in lines[1:])
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    length = headers.get("content-length", "")
    return Answer(int(words[1]), headers, body[: int(length)] if length.isdigit() else body)
