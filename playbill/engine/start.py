"""The first thing that `python -m stages.<name>` runs: sees to it that the stage starts cheaply.

Called from stages/__init__.py before anything heavy is imported, and by name, so that no stage's
code digest depends on it. With `engine: preload` a stage that DVC runs is handed over to the run's
preloading process (engine/preloading.py): this process then only passes signals on and ends as the
stage ended. Whatever speaks against it (no fork, another environment, a socket that is not there)
lets the stage run here, as ever.
"""

import atexit
import gc
import itertools
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from playbill.engine import late

if TYPE_CHECKING:
    import socket

PARAMS = Path("params.yaml")
MODULES = {"scikit-learn": "sklearn"}  # whose distribution has another name
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
    late.postpone()
    if "DVC_STAGE" not in os.environ or not hasattr(os, "fork") or words[1] == COMPOSE:
        return
    names = asked(PARAMS, words[1].removeprefix("stages."))
    if names is not None and (connection := _connect()) is not None:
        _hand_over(words[1], names, connection)


def spare_collections() -> None:
    """Let a short process look for garbage seldom, and at its end not at all."""
    gc.set_threshold(OBJECTS)
    atexit.register(_leave_garbage)


def _leave_garbage() -> None:
    """Spare the collection at the end, unless DuckDB is there: it reports what is then left."""
    if "_duckdb" not in sys.modules:
        gc.freeze()


def asked(params: Path, stage: str) -> list[str] | None:
    """Return what is to be preloaded for a stage; None if conf/engine asks for no preloading.

    That is `engine.preload` without what only other stages say that they use (`packages` in
    conf/pipeline). Read from a params.yaml as `compose` writes it, without parsing the rest.
    """
    try:
        lines = params.read_text("utf-8").splitlines()
    except OSError:
        return None
    named = [line.removeprefix("- ").strip("'\"") for line in section(lines, "engine", "preload")]
    if not named or "preload: []" in section(lines, "engine"):
        return None
    uses = {
        name: {
            MODULES.get(each, each)
            for each in _keys(section(lines, "environment", name, "packages"))
        }
        for name in _keys(section(lines, "environment"))
    }
    mine = uses.get(stage) or set().union(*uses.values())
    others = set().union(*uses.values()) - mine
    return [name for name in named if name.partition(".")[0] not in others]


def section(lines: Sequence[str], *path: str) -> list[str]:
    """Return the lines below a key of a YAML file that PyYAML wrote, without their indentation."""
    found = list(lines)
    for key in path:
        try:
            start = found.index(f"{key}:") + 1
        except ValueError:
            return []
        inside = itertools.takewhile(lambda line: line[:1] in ("-", " "), found[start:])
        found = [line.removeprefix("  ") for line in inside]
    return found


def _keys(lines: Sequence[str]) -> list[str]:
    return [line.partition(":")[0] for line in lines if line[:1] not in ("-", " ")]


def _connect() -> "socket.socket | None":
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
            run.begin(folder)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(folder / run.SOCKET))
    except OSError:
        return None
    return connection


def _hand_over(module: str, names: list[str], connection: "socket.socket") -> None:
    """Let the other process run `module`; return only if it will not."""
    import socket

    caught = {getattr(signal, name) for name in FORWARDED}
    # Until it is known to whom a signal must go, it waits.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, caught)
    try:
        body = json.dumps(_request(module, names)).encode()
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


def _request(module: str, names: list[str]) -> dict[str, object]:
    os.umask(mask := os.umask(0))
    ignored = [n for n in FORWARDED if signal.getsignal(getattr(signal, n)) is signal.SIG_IGN]
    return {
        "module": module,
        "preload": names,
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
