"""The first thing that `python -m stages.<name>` runs: sees to it that the stage starts cheaply.

Called from stages/__init__.py before anything heavy is imported, and by name, so that no stage's
code digest depends on it. With `engine: preload` a stage that DVC runs is handed over to the run's
preloading process (engine/preloading.py): this process then only passes signals on and ends as the
stage ended. Whatever speaks against it (no fork, another environment, a socket that is not there)
lets the stage run here, as ever.
"""

import atexit
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import socket

PARAMS = Path("params.yaml")
COMPOSE = "stages.compose"  # writes the file that says whether to preload
OBJECTS = 50_000  # instead of 700
FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
LOST = (
    "playbill: the preloading process of this run ended before the stage did\n"
    "  next:     dvc repro (`- engine: default` in conf/config.yaml runs each stage by itself)"
)


def start() -> None:
    """Hand the stage over if conf/engine asks for it and it can be done; else return."""
    words = sys.orig_argv[1:3]
    if len(words) < 2 or words[0] != "-m" or not words[1].startswith("stages."):  # noqa: PLR2004
        return
    spare_collections()
    if "DVC_STAGE" not in os.environ or not hasattr(os, "fork") or words[1] == COMPOSE:
        return
    if (names := asked(PARAMS)) and (connection := _connect(names)) is not None:
        _hand_over(words[1], connection)


def spare_collections() -> None:
    """Let a short process look for garbage seldom, and at its end not at all."""
    gc.set_threshold(OBJECTS)
    atexit.register(_leave_garbage)


def _leave_garbage() -> None:
    """Spare the collection at the end, unless DuckDB is there: it reports what is then left."""
    if "_duckdb" not in sys.modules:
        gc.freeze()


def asked(params: Path) -> list[str]:
    """Return `engine.preload` of a params.yaml as `compose` writes it, without parsing the rest."""
    try:
        text = params.read_text("utf-8")
    except OSError:
        return []
    _, _, section = f"\n{text}".partition("\nengine:\n")
    found = []
    for line in section.splitlines():
        if line[:1] not in ("-", " "):
            break
        found.append(line.strip())
    listed = found[found.index("preload:") + 1 :] if "preload:" in found else []
    return [line.removeprefix("- ").strip("'\"") for line in listed if line.startswith("- ")]


def _connect(names: list[str]) -> "socket.socket | None":
    """Return a connection to the preloading process of this run, which is started if need be."""
    import socket

    from playbill.engine import run

    if not hasattr(socket, "AF_UNIX"):
        return None
    try:
        folder = run.folder()
        if folder is None:
            return None
        if run.claim(folder):
            run.begin(folder, names)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(folder / run.SOCKET))
    except OSError:
        return None
    return connection


def _hand_over(module: str, connection: "socket.socket") -> None:
    """Let the other process run `module`; return only if it will not."""
    import socket

    caught = {getattr(signal, name) for name in FORWARDED}
    # Until it is known to whom a signal must go, it waits.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, caught)
    try:
        body = json.dumps(_request(module)).encode()
        socket.send_fds(connection, [len(body).to_bytes(4, "big")], [0, 1, 2])
        connection.sendall(body)
        reader = connection.makefile("r", encoding="utf-8")
        answer = json.loads(reader.readline() or "{}")
    except (OSError, ValueError):
        answer = {}
    if "process" not in answer:
        connection.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    _follow(answer["process"], joined=answer["joined"])
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        status = json.loads(reader.readline() or "{}").get("status")
    except OSError:
        status = None
    _end(status)


def _request(module: str) -> dict[str, object]:
    os.umask(mask := os.umask(0))
    ignored = [n for n in FORWARDED if signal.getsignal(getattr(signal, n)) is signal.SIG_IGN]
    return {
        "module": module,
        "arguments": sys.orig_argv[3:],
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "path": sys.path,
        "python": [sys.executable, sys.version],
        "umask": mask,
        "group": 0 if os.getpgrp() == os.getpid() else os.getpgrp(),
        "ignored": ignored,
    }


def _follow(process: int, *, joined: bool) -> None:
    """Pass signals on to `process`.

    If it took this process's place in the terminal's group, this one leaves: Ctrl-C then reaches
    the stage once, from the terminal, and a signal to this process still does.
    """
    if joined:
        os.setpgid(0, 0)

    def forward(number: int, frame: object) -> None:
        del frame
        os.kill(process, number)

    for name in FORWARDED:
        if signal.getsignal(number := getattr(signal, name)) is not signal.SIG_IGN:
            signal.signal(number, forward)


def _end(status: int | None) -> NoReturn:
    """End as the stage ended: with its status, or by the signal that killed it."""
    if status is None:
        os.write(2, f"{LOST}\n".encode())
        os._exit(3)
    if status < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        if -status not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status if status >= 0 else 128 - status)
