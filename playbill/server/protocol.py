"""HTTP/1.1 with the bounds that uvicorn's protocol leaves out: time, head size, connections.

A connection that drips its head, sends an endless one, or is one of too many from its address is
answered and closed before any of the application runs. The body's deadline is the endpoint's.
"""

import asyncio
from collections import Counter
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from playbill.server.headers import ALWAYS
from playbill.server.problem import MEDIA_TYPE, TITLES, content_of
from playbill.server.settings import Limits

_CONNECTIONS: Counter[str] = Counter()


def raw_problem(status: int, detail: str) -> bytes:
    """Return a whole response with a problem, after which the connection is closed."""
    content = content_of(status, detail)
    headers = [
        *ALWAYS,
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(content)),
        (b"connection", b"close"),
    ]
    lines = b"".join(b"%s: %s\r\n" % pair for pair in headers)
    title = TITLES.get(status, "Error")
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, title.encode(), lines, content)


class Bounded(HttpToolsProtocol):
    """uvicorn's protocol within limits; a subclass has them."""

    limits: ClassVar[Limits] = Limits()
    _timer: asyncio.TimerHandle | None = None
    _reading_head = False
    _head_bytes = 0
    _refused = False
    _address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        _CONNECTIONS[self._address] += 1
        if _CONNECTIONS[self._address] > self.limits.connections_per_address:
            self._refuse(503, "Too many connections.")
        else:
            self._timer = self.loop.call_later(self.limits.header_seconds, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        _CONNECTIONS[self._address] -= 1
        if _CONNECTIONS[self._address] <= 0:
            del _CONNECTIONS[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, within the limits."""
        if self._refused:
            return
        if self._reading_head or self._timer is not None:
            self._head_bytes += len(data)
        else:
            self._head_bytes = len(data)
        super().data_received(data)
        if self._reading_head and not self._refused:
            if self._head_bytes > self.limits.header_bytes:
                self._refuse(431, "The head of the request is too large.")
            elif self._timer is None:  # rare: a head mostly comes in one piece
                self._timer = self.loop.call_later(self.limits.header_seconds, self._too_slow)

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._reading_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End a head."""
        self._reading_head = False
        self._stop_timer()
        if self._refused:
            return
        if (
            self._head_bytes > self.limits.header_bytes
            and self._head_size() > self.limits.header_bytes
        ):
            self._refuse(431, "The head of the request is too large.")
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - said in our own form
        """Refuse what is not HTTP in our own form."""
        if not self._refused:
            self._refuse(400, "This is not an HTTP request.")

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _too_slow(self) -> None:
        self._timer = None
        self._refuse(408, "The head of the request took too long to arrive.")

    def _refuse(self, status: int, detail: str) -> None:
        self._refused = True
        self._stop_timer()
        cycle: Any = self.cycle  # None before the first request
        if not self.transport.is_closing():
            if cycle is None or cycle.response_complete or not cycle.response_started:
                self.transport.write(raw_problem(status, detail))
                if cycle is not None:
                    cycle.disconnected = True  # the application's own answer is not sent too
            self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def bounded(limits: Limits) -> type[HttpToolsProtocol]:
    """Return a class of uvicorn's protocol that keeps the limits."""
    return type("Limited", (Bounded,), {"limits": limits})
