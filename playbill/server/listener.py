"""Listens: the socket, uvicorn on it, and the drain.

Draining: nothing new is accepted, every answer from then on closes its connection, and a connection
that waits for its next request is left open as long as it was promised, because a request may
already be on its way to it.
"""

import asyncio
import gc
import os
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn

from playbill.errors import UsageError
from playbill.server import journal
from playbill.server.protocol import bounded

if TYPE_CHECKING:
    from pathlib import Path

    from playbill.server.edge import Edge
    from playbill.server.settings import Settings

BACKLOG = 2048
_STEP = 0.02


class Server(uvicorn.Server):
    """uvicorn's server with our drain.

    Args:
        config: uvicorn's.
        edge: The application; it is told when draining begins.
        keep_alive: Seconds that an idle connection was promised.
        started: Called when requests are answered.
    """

    def __init__(
        self, config: uvicorn.Config, edge: "Edge", keep_alive: float, started: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._edge = edge
        self._keep_alive = keep_alive
        self._on_started = started
        self._drain: asyncio.Task[None] | None = None
        self._sockets: list[socket.socket] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._sockets = list(sockets or ())
        self._on_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal; stop at once at the second."""
        if self._drain is not None or not self.started:
            super().handle_exit(sig, frame)
            return
        self._captured_signals.append(sig)
        loop = asyncio.get_running_loop()
        self._drain = loop.create_task(self._drained())

    async def _drained(self) -> None:
        self._edge.draining = True
        await asyncio.sleep(_STEP)  # answers that are due go out first
        waiting = [each.dup() for each in self._sockets]
        for server in self.servers:
            server.close()
        for listener in waiting:
            await self._accept_rest(listener)
        deadline = time.monotonic() + self._keep_alive
        while self.server_state.connections and time.monotonic() < deadline:  # noqa: ASYNC110 - uvicorn's own set
            await asyncio.sleep(_STEP)
        self.should_exit = True

    async def _accept_rest(self, listener: socket.socket) -> None:
        """Accept what has connected and waits in the kernel, which would reset it; then close."""
        loop = asyncio.get_running_loop()
        listener.settimeout(0)
        with listener:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # none waits
                    return
                await loop.connect_accepted_socket(self._protocol, connection, ssl=self.config.ssl)

    def _protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound.

    Raises:
        UsageError: It cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay (40 ms a request) off only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # elsewhere the option would let two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(
            f"cannot listen on {host}:{port}: {error}", where="--port", run="try --port 0"
        ) from error
    return listener


def address(listener: socket.socket, *, tls: bool) -> str:
    """Return the URL of a bound socket."""
    host, port = listener.getsockname()[:2]
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def run(
    edge: "Edge",
    settings: "Settings",
    listener: socket.socket,
    *,
    tls: "tuple[Path, Path] | None",
    started: Callable[[], None],
) -> None:
    """Answer requests until SIGTERM or Ctrl-C, then finish those under way."""
    limits = settings.limits
    more: dict[str, Any] = {}
    if tls is not None:
        more = {"ssl_certfile": str(tls[0]), "ssl_keyfile": str(tls[1])}
    application, stop = _observed(edge, settings)
    config = uvicorn.Config(
        application,
        loop=_loop(),
        http=bounded(limits),
        ws="none",
        log_config=journal.configuration(settings.logging.level),
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=max(1, round(limits.keep_alive_seconds)),
        timeout_graceful_shutdown=max(1, round(limits.drain_seconds)),
        **more,
    )
    # uvicorn drains on these and then raises them again: by then there is nothing left to end.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    # What is there now stays: a collector that looks at it again and again costs more than scoring.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    Server(config, edge, limits.keep_alive_seconds, started).run(sockets=[listener])
    stop()


def _observed(edge: "Edge", settings: "Settings") -> tuple[Any, Callable[[], None]]:
    """Return the application with its traces, and what ends them."""
    if settings.tracing.endpoint is None:
        return edge, lambda: None
    from playbill.server.tracing import Traced

    named = settings.tracing.service or edge.name
    facts = {"service.name": named, "service.version": settings.model_version or ""}
    traced = Traced(edge, settings.tracing, {key: value for key, value in facts.items() if value})
    return traced, traced.stop


def _loop() -> Any:
    try:
        import uvloop  # noqa: F401 - asked for by name below
    except ImportError:  # Windows
        return "asyncio"
    return "uvloop"
