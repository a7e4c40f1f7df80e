"""Starts the server of a bundle: verifies it, opens the model, listens, says where, drains.

Nothing of the bundle is read, let alone run, before every digest was compared.
"""

import argparse
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from playbill.errors import PlaybillError, UsageError

if TYPE_CHECKING:
    from fastapi import FastAPI

DRAIN_SECONDS = 30
# A request is small: more threads only make the libraries wait for each other.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an error of ours becomes a message and its exit status."""
    options = _parser().parse_args(arguments)
    try:
        serve(options.bundle, options.host, options.port)
    except PlaybillError as error:
        print(f"playbill: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(error.exit_status) from None


def serve(bundle: Path, host: str, port: int) -> None:
    """Serve a bundle until SIGTERM or Ctrl-C, then finish the requests under way.

    Raises:
        UsageError: The host is not loopback, or the port is taken.
        BundleError: The bundle is refused.
    """
    check_host(host)
    for name in THREADS:
        os.environ.setdefault(name, "1")
    from playbill.server.description import import_application
    from playbill.server.model import open_model

    model, examples = open_model(bundle)
    module = import_application(str((bundle / "server").resolve()))
    model.check(list(module.INTERFACE.columns), examples)
    _run(module.create(model), model.page.name, _listen(host, port))


def check_host(host: str) -> None:
    """Refuse to listen where others could connect: nobody is authenticated yet.

    Raises:
        UsageError: `host` is not a loopback address.
    """
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise UsageError(
            f"refusing to listen on {host[:60]!r}: the server does not authenticate anybody",
            where="--host",
            expected="a loopback address: 127.0.0.1, ::1 or localhost",
            run="put a proxy that authenticates in front of it",
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python server", description="Serve the model of a Playbill bundle."
    )
    here = Path(sys.argv[0] or ".").resolve()
    default = (here if here.is_dir() else here.parent).parent
    parser.add_argument(
        "--bundle", type=Path, default=default, help="folder of the bundle (default: this one)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one and says which")
    return parser


def _listen(host: str, port: int) -> socket.socket:
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


def _run(app: "FastAPI", name: str, listener: socket.socket) -> None:
    import uvicorn

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print(f"serving {name} on {_address(listener)}", flush=True)  # noqa: T201

    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",  # what requirements.txt installs, whatever else is there
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    # uvicorn drains on these and then raises them again: by then there is nothing left to end.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    Announced(config).run(sockets=[listener])


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
