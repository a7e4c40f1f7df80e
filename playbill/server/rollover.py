"""Keeps workers on what a registry tag names: switched together, or restarted one by one.

The parent of the workers looks at the tag in a thread of its own; what it finds is verified before
a worker hears of it. Bundles with the same server layer and contract are switched in the workers
(`playbill.server.switch`); between others each worker is replaced by one that is ready. Whatever
fails, what was served before is served on, and metric and log line say so.
"""

import logging
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playbill.bundle import manifest
from playbill.errors import BundleError, PlaybillError
from playbill.server import switch
from playbill.server.switch import Order, Part, Switchboard, contract_of, same_interface
from playbill.server.workers import START_SECONDS, Supervisor

SWITCHES = "server/playbill/server/switch.py"  # a server layer without it is only restarted
MOST_DEATHS = 3  # of workers while they prepare one order
JOIN_SECONDS = 10.0
_log = logging.getLogger("playbill.serve")

Command = Callable[[Part], list[str]]


@dataclass(frozen=True)
class Found:
    """What a look at the tag found.

    Attributes:
        order: What shall be served.
        told: The tag, for the log.
        unreached: Why the remote could not be asked; the clone's own tags were looked at then.
    """

    order: Order
    told: str
    unreached: str = ""


@dataclass(frozen=True)
class Layer:
    """What must be the same for a switch between two bundles.

    Attributes:
        files: SHA-256 of what runs: the server, what it requires, and code that a model carries.
        contract: What is asked and answered.
        switches: Whether its workers can switch.
    """

    files: dict[str, str]
    contract: dict[str, Any]
    switches: bool

    def takes(self, other: "Layer") -> bool:
        """Say whether workers of this layer can switch to a bundle of another."""
        same = self.files == other.files
        return self.switches and same and same_interface(self.contract, other.contract)


@dataclass
class Launch:
    """How workers of one server layer are started, and what they share."""

    main: Part
    layer: Layer
    board: Path
    switches: Switchboard


@dataclass
class Pending:
    """An order that the workers are preparing."""

    number: int
    order: Order
    told: str
    workers: set[int]
    deadline: float
    deaths: int = 0


@dataclass
class _News:
    """What the looking thread has to tell."""

    found: Found | None = None
    layers: dict[Part, Layer] = field(default_factory=dict)
    problem: str = ""


def layer_of(bundle: Path) -> Layer:
    """Verify a bundle and return its server layer and contract.

    Raises:
        BundleError: It is not what its manifest says.
    """
    listed = manifest.verify(bundle)
    # Not the bill of materials and the README, which name the model.
    runs = {path: sha for path, sha in listed.files.items() if _runs(path)}
    return Layer(runs, contract_of(bundle), SWITCHES in listed.files)


def _runs(path: str) -> bool:
    return path.startswith("server/") or path.endswith(".py") or path == "requirements.txt"


class Rollover(Supervisor):
    """Runs workers that follow a tag.

    Args:
        command: Returns the words that start the server of a bundle.
        look: Looks at the tag; its bundles are verified by the caller and again here.
        first: What is served at first.
        seconds: Time between two looks.
        listener: The bound socket.
        workers: How many.
        drain_seconds: Time that a worker has to end.
    """

    def __init__(  # noqa: PLR0913 - all that a supervisor is told
        self,
        command: Command,
        look: Callable[[], Found],
        first: Part,
        *,
        seconds: float,
        listener: socket.socket,
        workers: int,
        drain_seconds: float,
    ) -> None:
        super().__init__([], listener, workers, drain_seconds)
        self._of = command
        self._look_at_tag = look
        self._seconds = seconds
        self._served = Order(first)
        self._refused: set[Order] = set()
        self._pending: Pending | None = None
        self._number = 0
        self._news: _News | None = None
        self._ended = threading.Event()
        self._said: set[str] = set()

    def run(self, announce: str) -> None:
        """Keep the workers alive, and on what the tag names, until SIGTERM or Ctrl-C.

        Raises:
            BundleError: A worker cannot start with the first bundle.
        """
        _start_logging()
        first = self._served.main
        watcher = threading.Thread(target=self._watch, name="tag", daemon=True)
        with tempfile.TemporaryDirectory(prefix="playbill-serve-") as folder:
            self._folder = Path(folder)
            self._launch = self._made(first, layer_of(Path(first.bundle)))
            watcher.start()
            try:
                super().run(announce)
            finally:
                self._ended.set()
                watcher.join(JOIN_SECONDS)

    def _made(self, main: Part, layer: Layer) -> Launch:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        board = folder / "board"
        board.touch()
        return Launch(main, layer, board, Switchboard(folder, self._workers + 1))

    def _words(self) -> list[str]:
        words = [*self._of(self._launch.main), "--worker-board", str(self._launch.board)]
        if self._launch.layer.switches:
            words += ["--worker-switch", str(self._launch.switches.folder)]
        return words

    def _watch(self) -> None:
        """Look at the tag again and again, in a thread: Git and the DVC remote may take long."""
        while not self._ended.is_set():
            self._news = self._seen()
            self._ended.wait(self._seconds)

    def _seen(self) -> _News:
        try:
            found = self._look_at_tag()
            parts = [part for part in (found.order.main, found.order.canary) if part is not None]
            return _News(found, {part: layer_of(Path(part.bundle)) for part in parts})
        except PlaybillError as error:
            return _News(problem=str(error))
        except Exception as error:  # noqa: BLE001 - a look that fails is looked again
            return _News(problem=f"{type(error).__name__}: {error}")

    def _look(self) -> None:
        if self._renew:
            self._refused.clear()
        super()._look()
        if self._pending is not None:
            self._advance(self._pending)
        elif self._news is not None:
            news, self._news = self._news, None
            self._take(news)

    def _take(self, news: _News) -> None:
        numbers = self._launch.switches.numbers
        numbers[switch.LOOKED] = int(time.time())
        found = news.found
        if found is None:
            numbers[switch.BEHIND] = 1
            if self._once("refused", news.problem):
                numbers[switch.REFUSED] += 1
            return
        if found.unreached:
            numbers[switch.UNREACHED] += 1
            self._once("unreached", found.unreached)
        else:
            self._said.clear()
        if found.order == self._served:
            numbers[switch.BEHIND] = 0
        elif found.order not in self._refused:
            self._begin(found.order, found.told, news.layers)

    def _begin(self, order: Order, told: str, layers: dict[Part, Layer]) -> None:
        layer = layers[order.main]
        if order.canary is not None and not layer.takes(layers[order.canary]):
            self._refuse(order, told, "the canary has another server layer or contract")
            order = Order(order.main)
            if order == self._served:
                return
        if not self._launch.layer.takes(layer):
            self._roll(order.main, layer, told)
            return
        self._number += 1
        board = self._launch.switches
        order.write(board.folder, self._number)
        pids = {child.process.pid for child in self._children.values()}
        self._pending = Pending(self._number, order, told, pids, time.monotonic() + START_SECONDS)
        board.numbers[switch.WANTED] = self._number

    def _advance(self, pending: Pending) -> None:
        """Commit what all workers have prepared, or refuse what one of them could not."""
        board, number = self._launch.switches, pending.number
        pids = {child.process.pid for child in self._children.values()}
        pending.deaths += len(pids - pending.workers)
        pending.workers = pids
        if failed := [slot for slot in self._children if board.failed(slot) == number]:
            self._give_up(pending, board.reason(failed[0]))
        elif all(board.prepared(slot) == number for slot in self._children):
            board.numbers[switch.COMMITTED] = number
            self._serve(pending.order, pending.told, switch.SWITCHED)
            self._pending = None
        elif pending.deaths >= MOST_DEATHS:
            self._give_up(pending, f"{pending.deaths} workers died while they prepared it")
        elif time.monotonic() > pending.deadline:
            self._give_up(pending, f"it was not prepared within {START_SECONDS:.0f} seconds")

    def _give_up(self, pending: Pending, reason: str) -> None:
        numbers = self._launch.switches.numbers
        numbers[switch.WANTED] = numbers[switch.COMMITTED]
        self._pending = None
        self._refuse(pending.order, pending.told, reason)
        # Without its canary it may do.
        main = Order(pending.order.main)
        if pending.order.canary is not None and main.main != self._served.main:
            layer = self._launch.layer
            self._begin(main, pending.told, {main.main: layer})

    def _roll(self, main: Part, layer: Layer, told: str) -> None:
        """Replace worker by worker; the first that does not start ends it, and nothing is lost."""
        before, begun = self._launch, time.monotonic()
        self._launch = self._made(main, layer)
        self._count_on(before)
        try:
            for slot in list(self._children):
                if self._stopping:
                    return
                self._replace(slot)
        except BundleError as error:
            after, self._launch = self._launch, before
            for slot, child in list(self._children.items()):
                if child.born >= begun and not self._stopping:
                    self._replace(slot)
            self._refuse(Order(main), told, f"{error}; {after.main.bundle}")
            return
        self._serve(Order(main), told, switch.RESTARTED)

    def _count_on(self, before: Launch) -> None:
        for place in switch.FAMILIES:
            self._launch.switches.numbers[place] = before.switches.numbers[place]

    def _serve(self, order: Order, told: str, what: int) -> None:
        numbers = self._launch.switches.numbers
        numbers[what] += 1
        numbers[switch.BEHIND] = 0
        self._served = order
        how = "switched to" if what == switch.SWITCHED else "restarted with"
        canary = f", canary {order.canary.version}" if order.canary else ""
        _log.info("%s %s of %s%s", how, order.main.version or "a bundle", told, canary)

    def _refuse(self, order: Order, told: str, reason: str) -> None:
        numbers = self._launch.switches.numbers
        numbers[switch.REFUSED] += 1
        numbers[switch.BEHIND] = 1
        self._refused.add(order)
        what = order.main.version or order.main.bundle
        _log.error("%s of %s is not served: %s", what, told, reason)

    def _once(self, what: str, text: str) -> bool:
        """Log a problem that was not logged since the last good look; say whether it is new."""
        if text in self._said:
            return False
        self._said.add(text)
        _log.error("%s: %s", what, text)
        return True


def _start_logging() -> None:
    from playbill.server.journal import Lines

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    _log.handlers = [handler]
    _log.setLevel(logging.INFO)
    _log.propagate = False
