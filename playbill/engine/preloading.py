"""The preloading process of a run: imports the libraries once, then forks a process for each stage.

It imports what `engine.preload` names from the environment, for each stage what that stage uses, so
that a run of three stages does not wait for the libraries of seven; never the project's code, which
each fork imports as it stands at that moment. Of the framework it imports what every stage needs; a
fork keeps it only while no file of the framework moved. It computes nothing and starts no thread:
OpenMP and BLAS begin in the forks. It ends with the run.

    python -m playbill.engine.preloading FOLDER PROCESS SOCKET
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import time
import types
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from playbill.engine import late, run, seal

IDLE_SECONDS = 60  # between two stages DVC may have to hash or copy; without one the run is over
POLL_SECONDS = 0.05  # where the system cannot tell at once that a process ended
FRAMEWORK = "playbill"
RUNNER, MODELS = "playbill.pipeline.runner", "playbill.config.schema"
# What differs between two stages of one run, and what the shell adds.
DIFFERS = frozenset({"DVC_STAGE", "_"})


def main(words: Sequence[str]) -> None:
    """Preload, then serve the stages of a run until it ends."""
    folder, process, listener = Path(words[0]).resolve(), int(words[1]), int(words[2])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    environment = dict(os.environ)  # before a library adds to it
    here = os.getpid()
    watched = Watch(process)
    try:
        with socket.socket(fileno=listener) as server:
            late.postpone()
            gc.disable()
            _serve(server, watched, environment, Framework())
    finally:
        if os.getpid() == here:
            run.remove(folder)


class Framework:
    """What every stage needs of the framework, imported; good while its files did not move."""

    def __init__(self) -> None:
        self._seen = seal.framework()
        try:
            importlib.import_module(RUNNER)
            importlib.import_module(MODELS).Params.model_rebuild()  # else each fork builds them
        except Exception:  # noqa: BLE001 - broken by an edit: each stage will say so itself
            self._seen = ""
        _settle()

    @property
    def moved(self) -> bool:
        """True if a file of the framework is not what it was before the import."""
        return seal.framework() != self._seen


def _settle() -> None:
    """Count what is there as there to stay: else the first collection in a fork copies it all."""
    gc.collect()
    gc.freeze()


def preload(names: Sequence[str]) -> None:
    """Import modules of the environment; the project's folder is not looked into.

    One that cannot be imported is left to the stage that needs it, which says so.
    """
    if all(name in sys.modules for name in names):
        return
    root = Path.cwd()
    sys.path[:] = [place for place in sys.path if place and Path(place) != root]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            if name.partition(".")[0] != FRAMEWORK:
                try:
                    importlib.import_module(name)
                except Exception:  # noqa: BLE001, S112 - whatever a library raises
                    continue
    _settle()


class Watch:
    """Waits for file descriptors and for the end of a process at once.

    Args:
        process: Its number.
    """

    def __init__(self, process: int) -> None:
        self.process = process
        self.begun = run.look(process)
        self.descriptor = _descriptor(process)

    def close(self) -> None:
        """Close what a fork does not need."""
        if self.descriptor is not None:
            os.close(self.descriptor)

    @property
    def ended(self) -> bool:
        """True if the process is gone, or only its number is left."""
        found = run.look(self.process)
        return found is None or self.begun is None or found.begun != self.begun.begun

    def wait(self, descriptor: int, seconds: float) -> bool:
        """Wait until `descriptor` can be read; False if the process ended or the time is up."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            known = [] if self.descriptor is None else [self.descriptor]
            step = left if known else min(left, 10 * POLL_SECONDS)
            ready = select.select([descriptor, *known], [], [], step)[0]
            if descriptor in ready:
                return True
            if ready or self.ended:
                return False
        return False


def _descriptor(process: int) -> int | None:
    """Return a descriptor that can be read when the process ends, where the system has such."""
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):
        return None


def _serve(
    server: socket.socket, watched: Watch, environment: dict[str, str], framework: Framework
) -> None:
    while watched.wait(server.fileno(), IDLE_SECONDS):
        connection, _ = server.accept()
        with connection:
            try:
                request, descriptors = _receive(connection)
            except (OSError, ValueError):
                continue
            if not _same(request, environment):
                connection.sendall(b'{"refused": "another environment"}\n')
            else:
                preload(request["preload"])
                request["fresh"] = framework.moved
                _run_stage(connection, request, descriptors, [server, watched])
            for each in descriptors:
                os.close(each)


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    head, descriptors, _, _ = socket.recv_fds(connection, 4, 3)
    size = int.from_bytes(head, "big")
    body = b""
    while len(body) < size and (part := connection.recv(size - len(body))):
        body += part
    return json.loads(body), descriptors


def _same(request: dict[str, Any], environment: dict[str, str]) -> bool:
    """Say whether a stage would have imported the same in the same environment."""
    theirs = {k: v for k, v in request["environment"].items() if k not in DIFFERS}
    ours = {k: v for k, v in environment.items() if k not in DIFFERS}
    return theirs == ours and request["python"] == [sys.executable, sys.version]


def _run_stage(
    connection: socket.socket, request: dict[str, Any], descriptors: list[int], held: list[Any]
) -> None:
    """Fork, tell the waiting process whom to pass signals to, and how it ended."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # BLAS has threads from its import on, and stops them
        process = os.fork()
    if process == 0:
        for each in (connection, *held):
            each.close()
        _become(request, descriptors)
    joined = _join(process, request["group"])
    answer = json.dumps({"process": process, "joined": joined})
    try:
        connection.sendall(f"{answer}\n".encode())
        status = _wait(process, connection)
        connection.sendall(f'{{"status": {status}}}\n'.encode())
    except OSError:
        _kill(process)


def _join(process: int, group: int) -> bool:
    """Put a process into the group of the one that it stands for, as the terminal sees it."""
    try:
        if group:
            os.setpgid(process, group)
    except OSError:
        return False
    return bool(group)


def _wait(process: int, connection: socket.socket) -> int:
    """Return the status of a process; it is killed if the one that waits for it is."""
    descriptor = _descriptor(process)
    known = [] if descriptor is None else [descriptor]
    waiting = connection.fileno()
    try:
        while True:
            step = None if known else POLL_SECONDS
            if waiting in select.select([waiting, *known], [], [], step)[0]:
                raise ConnectionResetError  # it sends nothing more: it is gone
            done, status = os.waitpid(process, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
    finally:
        for each in known:
            os.close(each)


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def _become(request: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Be what `python -m MODULE` would have been, and end as it would have."""
    status = 1
    try:
        _take_place(request, descriptors)
        status = _execute(request["module"])
    finally:
        if status < 0:
            signal.signal(-status, signal.SIG_DFL)
            os.kill(os.getpid(), -status)
        os._exit(status if status >= 0 else 1)


def _take_place(request: dict[str, Any], descriptors: list[int]) -> None:
    _join(0, request["group"])
    for target, source in enumerate(descriptors):
        os.dup2(source, target)
    for source in descriptors:
        os.close(source)
    os.chdir(request["folder"])
    os.umask(request["umask"])
    for name in DIFFERS & set(request["environment"]):
        os.environ[name] = request["environment"][name]
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in request["ignored"]:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]
    sys.argv = [request["module"], *request["arguments"]]
    sys.path[:] = request["path"]
    _forget(framework=request["fresh"])
    gc.enable()


def _forget(*, framework: bool) -> None:
    """Forget what is known of folders, what was drawn, and the framework if its files moved."""
    if framework:
        for name in [n for n in sys.modules if n.partition(".")[0] == FRAMEWORK]:
            del sys.modules[name]
    sys.modules["__main__"] = types.ModuleType("__main__")
    importlib.invalidate_caches()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # every fork would draw the same numbers where nobody set a seed


def _execute(module: str) -> int:
    """Run a module as Python does for -m; return the status with which Python would end."""
    as_main: Any = runpy
    status = 0
    try:
        as_main._run_module_as_main(module)  # noqa: SLF001 - what -m itself calls: same traceback
    except SystemExit as stop:
        status = _said(stop.code)
    except BaseException as error:  # noqa: BLE001 - this is where Python itself would catch it
        inner = error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook(type(error), error.with_traceback(inner), inner)
        status = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threads: Any = threading
    threads._shutdown()  # noqa: SLF001 - as at the end of any Python
    atexit._run_exitfuncs()  # noqa: SLF001
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def _said(code: object) -> int:
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    print(code, file=sys.stderr)  # noqa: T201 - as Python does
    return 1


if __name__ == "__main__":
    main(sys.argv[1:])
