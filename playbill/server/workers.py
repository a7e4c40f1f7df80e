"""Several processes that answer on one socket, kept alive and restarted one by one.

The parent holds the listening socket and answers nothing. A worker that dies is replaced in its
own slot; SIGHUP replaces each worker by a new one that is ready before the old one drains, so that
no request is lost.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from playbill.errors import BundleError, UsageError
from playbill.server import journal

READY = b"."
START_SECONDS = 60.0
SOON = 5.0  # a worker that lives shorter died of its start
MOST_FAILURES = 5


@dataclass
class Child:
    """A worker's process."""

    process: subprocess.Popen[bytes]
    born: float


class Supervisor:
    """Runs workers.

    Args:
        command: Starts one worker; its slot, socket, board and pipe are added.
        listener: The bound socket.
        workers: How many.
        drain_seconds: Time that a worker has to end.
    """

    def __init__(
        self, command: Sequence[str], listener: socket.socket, workers: int, drain_seconds: float
    ) -> None:
        if os.name != "posix":
            raise UsageError(
                "several workers need a POSIX system", where="--workers", run="--workers 1"
            )
        self._command = list(command)
        self._listener = listener
        self._workers = workers
        self._drain = drain_seconds
        self._children: dict[int, Child] = {}  # by slot; there is one more slot than workers
        self._stopping = False
        self._renew = False
        self._failures = 0

    def run(self, announce: str) -> None:
        """Keep the workers alive until SIGTERM or Ctrl-C.

        Raises:
            BundleError: A worker cannot start.
        """
        self._listener.listen(2048)
        self._listener.set_inheritable(True)
        descriptor, name = tempfile.mkstemp(prefix="playbill-board-")
        os.close(descriptor)
        self._board = Path(name)
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, self._told)
        try:
            for slot in range(self._workers):
                self._children[slot] = self._start(slot)
            print(announce, flush=True)  # noqa: T201
            while not self._stopping:
                self._look()
                time.sleep(0.05)
        finally:
            self._stop()
            self._board.unlink(missing_ok=True)

    def _told(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._renew = True
        else:
            self._stopping = True

    def _look(self) -> None:
        if self._renew:
            self._renew = False
            for slot in list(self._children):
                if not self._stopping:
                    self._replace(slot)
        for slot, child in list(self._children.items()):
            if child.process.poll() is None:
                continue
            told = {"slot": slot, "status": child.process.returncode}
            journal.server.error("a worker has died and is replaced", extra={journal.FIELDS: told})
            early = time.monotonic() - child.born < SOON
            self._failures = self._failures + 1 if early else 0
            if self._failures >= MOST_FAILURES:
                raise BundleError("the workers die as soon as they have started")
            self._children[slot] = self._start(slot)

    def _replace(self, slot: int) -> None:
        """Start a new worker in the free slot, then let the old one finish and free its own."""
        free = next(each for each in range(self._workers + 1) if each not in self._children)
        self._children[free] = self._start(free)
        old = self._children.pop(slot)
        old.process.terminate()
        _wait(old, self._drain)

    def _start(self, slot: int) -> Child:
        """Start a worker and wait until it answers.

        Raises:
            BundleError: It ends before, or takes too long; it has said why itself.
        """
        read, write = os.pipe()
        words = [
            *self._words(), "--worker-slot", str(slot), "--worker-socket",
            str(self._listener.fileno()), "--worker-ready", str(write),
        ]  # fmt: skip
        process = subprocess.Popen(  # noqa: S603 - the words that started this very process
            words, pass_fds=(self._listener.fileno(), write), stdin=subprocess.DEVNULL
        )
        os.close(write)
        try:
            ready, _, _ = select.select([read], [], [], START_SECONDS)
            said = os.read(read, 1) if ready else b""
        finally:
            os.close(read)
        if said != READY:
            process.kill()
            process.wait()
            raise BundleError("a worker did not start", run="look at what it said above")
        return Child(process, time.monotonic())

    def _words(self) -> list[str]:
        """Return the words that start a worker, but for what is its own."""
        return [*self._command, "--worker-board", str(self._board)]

    def _stop(self) -> None:
        for child in self._children.values():
            with suppress(ProcessLookupError):
                child.process.terminate()
        for child in self._children.values():
            _wait(child, self._drain)


def _wait(child: Child, seconds: float) -> None:
    try:
        child.process.wait(seconds + 10)
    except subprocess.TimeoutExpired:
        child.process.kill()
        child.process.wait()


def tell_ready(descriptor: int) -> None:
    """Say to the parent that this worker answers."""
    os.write(descriptor, READY)
    os.close(descriptor)


def own_command() -> list[str]:
    """Return the words that started this process."""
    return [sys.executable, "-B", *sys.argv]
