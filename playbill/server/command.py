"""Starts the server of a bundle: verifies it, opens the model, listens, says where, drains.

Nothing of the bundle is read, let alone run, before every digest was compared.
"""

import argparse
import ipaddress
import os
import socket
import sys
from collections.abc import Sequence
from logging.config import dictConfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.errors import PlaybillError, UsageError

if TYPE_CHECKING:
    from playbill.server.application import Application, Worker
    from playbill.server.settings import Settings

# A request is small: more threads only make the libraries wait for each other.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# Flag by the setting that it overrides; `playbill serve` has the same flags.
FLAGS: dict[str, tuple[str, dict[str, Any]]] = {
    "workers": ("workers", {"type": int, "help": "processes that answer"}),
    "keys": ("authentication.keys", {"help": "file of hashed API keys"}),
    "log": ("log.folder", {"help": "folder of the prediction log"}),
    "feedback": ("feedback.file", {"help": "file that keeps what turned out to be true"}),
    "model-version": ("model_version", {"help": "version that the answers name"}),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an error of ours becomes a message and its exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.new_key is not None:
            make_key(options.new_key, options.scopes, options.keys)
        else:
            serve(options)
    except PlaybillError as error:
        print(f"playbill: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(error.exit_status) from None


def serve(options: argparse.Namespace) -> None:
    """Serve a bundle until SIGTERM or Ctrl-C, then finish the requests under way.

    Raises:
        UsageError: The host is not loopback and nobody is authenticated, or the port is taken.
        BundleError: The bundle is refused.
    """
    from playbill.server.settings import read_settings

    given = vars(options)
    overrides = {key: given[flag.replace("-", "_")] for flag, (key, _) in FLAGS.items()}
    settings = read_settings(options.settings, overrides)
    check_host(options.host, authenticates=settings.authenticates)
    tls = _tls(options)
    _warn(options.host, settings, tls=tls is not None)
    for name in THREADS:
        os.environ.setdefault(name, "1")
    if options.worker_slot is None and settings.workers > 1:
        _supervise(options, settings, tls=tls is not None)
        return
    from playbill.server.application import Worker, enclose, follow
    from playbill.server.listener import address, listen, run

    worker = Worker(options.worker_slot or 0, options.worker_board, options.worker_switch)
    app = _application(options.bundle, settings, worker)
    follow(app, options.bundle, worker)
    edge = enclose(app)
    if options.worker_socket is not None:
        listener = socket.socket(fileno=options.worker_socket)
    else:
        listener = listen(options.host, options.port)
    name = app.interface.name

    def started() -> None:
        if options.worker_ready is not None:
            from playbill.server.workers import tell_ready

            tell_ready(options.worker_ready)
        else:
            print(f"serving {name} on {address(listener, tls=tls is not None)}", flush=True)  # noqa: T201

    run(edge, settings, listener, tls=tls, started=started)


def check_host(host: str, *, authenticates: bool = False) -> None:
    """Refuse to listen where others could connect if nobody is authenticated.

    Raises:
        UsageError: `host` is not a loopback address.
    """
    if not authenticates and not is_loopback(host):
        raise UsageError(
            f"refusing to listen on {host[:60]!r}: the server does not authenticate anybody",
            where="--host",
            expected="a loopback address (127.0.0.1, ::1, localhost), or API keys or tokens",
            run="playbill serve --new-key NAME --keys keys.jsonl, then add --keys keys.jsonl",
        )


def is_loopback(host: str) -> bool:
    """Say whether only this machine can connect to an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _application(bundle: Path, settings: "Settings", worker: "Worker") -> "Application":
    from playbill.server.description import import_application
    from playbill.server.model import open_model

    model, examples = open_model(bundle)
    module = import_application(str((bundle / "server").resolve()))
    model.check(list(module.INTERFACE.columns), examples)
    app: Application = module.create(model, settings, worker)
    return app


def _supervise(options: argparse.Namespace, settings: "Settings", *, tls: bool) -> None:
    from playbill.bundle import manifest
    from playbill.server.journal import configuration
    from playbill.server.listener import address, listen
    from playbill.server.workers import Supervisor, own_command

    listed = manifest.verify(options.bundle)
    dictConfig(configuration(settings.logging.level))
    with listen(options.host, options.port) as listener:
        supervisor = Supervisor(
            own_command(), listener, settings.workers, settings.limits.drain_seconds
        )
        supervisor.run(f"serving {listed.name} on {address(listener, tls=tls)}")


def make_key(name: str, scopes: str, keys: Path | str | None) -> None:
    """Make an API key, print it once, and put its hash into a key file, or print that too.

    Raises:
        UsageError: The name or a scope is wrong.
    """
    from playbill.server.keys import add_line, new_key

    key, line = new_key(name, [scope.strip() for scope in scopes.split(",")])
    if keys is not None:
        add_line(Path(keys), line)
        print(f"added to {keys}; the key is shown this once:", file=sys.stderr)  # noqa: T201
    else:
        print(f"line for a key file: {line}", file=sys.stderr)  # noqa: T201
    print(key)  # noqa: T201


def _tls(options: argparse.Namespace) -> tuple[Path, Path] | None:
    given = (options.tls_certificate, options.tls_key)
    if given == (None, None):
        return None
    for path in given:
        if path is None or not path.is_file():
            raise UsageError(
                "TLS needs a certificate and its key",
                where="--tls-certificate, --tls-key",
                expected="two files in PEM form",
            )
    return given


def _warn(host: str, settings: "Settings", *, tls: bool) -> None:
    if settings.authenticates and not tls and not is_loopback(host):
        print(  # noqa: T201
            "playbill: warning: keys cross the network in the clear; put TLS in front or use "
            "--tls-certificate",
            file=sys.stderr,
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
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one and says which")
    parser.add_argument("--settings", type=Path, help="TOML file of deployment settings")
    for flag, (_, more) in FLAGS.items():
        parser.add_argument(f"--{flag}", **more)
    parser.add_argument("--tls-certificate", type=Path, help="certificate chain, PEM")
    parser.add_argument("--tls-key", type=Path, help="its private key, PEM")
    parser.add_argument("--new-key", metavar="NAME", help="make an API key, print it, stop")
    parser.add_argument("--scopes", default="predict", help="scopes of the new key, with commas")
    for flag in ("slot", "socket", "ready"):
        parser.add_argument(f"--worker-{flag}", type=int, help=argparse.SUPPRESS)
    for flag in ("board", "switch"):
        parser.add_argument(f"--worker-{flag}", type=Path, help=argparse.SUPPRESS)
    return parser
