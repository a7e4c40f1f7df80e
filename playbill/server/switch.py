"""Switches a worker to another bundle between two requests, together with the other workers.

The supervisor writes an order and its number as *wanted*; each worker loads and proves what is
ordered beside what it serves, and says *prepared* or *failed* in its own slot. Once all have
prepared, the supervisor writes the number as *committed*. Every request reads that one number from
memory that all share, so no answer of the old bundle begins after the commit, in any worker.
What was served before stays loaded, so that the way back costs nothing.
"""

import asyncio
import gc
import hashlib
import json
import mmap
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from playbill.errors import BundleError, PlaybillError
from playbill.server.measure import Family

if TYPE_CHECKING:
    from playbill.server.model import Model

FILE = "switchboard"
TICK = 0.02  # seconds between two looks for an order
INTEGER = 8
COMMITTED, WANTED = 0, 1
SWITCHED, RESTARTED, REFUSED, BEHIND, UNREACHED, LOOKED = range(2, 8)
_HEAD = 8
_PER_SLOT = 2
LARGEST = 2**64

FAMILIES = {
    SWITCHED: Family("playbill_switches_total", "Bundles that the workers switched to together."),
    RESTARTED: Family("playbill_rollovers_total", "Bundles that were started worker by worker."),
    REFUSED: Family("playbill_switch_refused_total", "Bundles of the tag that were not served."),
    BEHIND: Family("playbill_switch_behind", "1 while the tag names what is not served.", "gauge"),
    UNREACHED: Family("playbill_switch_unreached_total", "Looks at the tags that failed."),
    LOOKED: Family("playbill_switch_looked_timestamp_seconds", "Last look at the tags.", "gauge"),
}


@dataclass(frozen=True)
class Part:
    """A bundle and the version that its answers name."""

    bundle: str
    version: str | None = None


@dataclass(frozen=True)
class Share:
    """Which callers get the canary: deterministic, sticky, and only more of them as it grows.

    Attributes:
        share: Of the callers, from 0 to 1.
        header: Header that names the caller, in lower case; empty: the key's name.
        salt: Keeps the choice of one model apart from that of others.
    """

    share: float
    header: str = ""
    salt: str = ""

    def takes(self, caller: str) -> bool:
        """Say whether a caller gets the canary."""
        digest = hashlib.sha256(f"{self.salt}\0{caller}".encode("utf-8", "replace")).digest()
        return int.from_bytes(digest[:8], "big") < self.share * LARGEST


@dataclass(frozen=True)
class Order:
    """What shall be served: a bundle, and for a share of the callers another one."""

    main: Part
    canary: Part | None = None
    share: Share | None = None

    def write(self, folder: Path, number: int) -> None:
        """Write the order under its number."""
        (folder / f"order-{number}.json").write_text(json.dumps(asdict(self)), "utf-8")

    @classmethod
    def read(cls, folder: Path, number: int) -> "Order":
        """Return the order of a number."""
        plain = json.loads((folder / f"order-{number}.json").read_text("utf-8"))
        canary, share = plain["canary"], plain["share"]
        return cls(
            Part(**plain["main"]),
            Part(**canary) if canary else None,
            Share(**share) if share else None,
        )


class Switchboard:
    """Whole numbers that the supervisor and the workers share.

    Args:
        folder: Where the file is; it is made if it is not there.
        slots: How many workers there may be.
    """

    def __init__(self, folder: Path, slots: int = 0) -> None:
        self.folder = folder
        path = folder / FILE
        if slots:
            path.write_bytes(bytes((_HEAD + _PER_SLOT * slots) * INTEGER))
        with path.open("r+b") as file:
            self.numbers = memoryview(mmap.mmap(file.fileno(), 0)).cast("q")

    def prepared(self, slot: int) -> int:
        """Return the number of the order that a worker has prepared."""
        return self.numbers[_HEAD + _PER_SLOT * slot]

    def failed(self, slot: int) -> int:
        """Return the number of the order that a worker could not prepare."""
        return self.numbers[_HEAD + _PER_SLOT * slot + 1]

    def say(self, slot: int, number: int, *, failed: str = "") -> None:
        """Say for a worker that it has prepared an order, or why it has not."""
        if failed:
            (self.folder / f"failed-{slot}.txt").write_text(failed, "utf-8")
        self.numbers[_HEAD + _PER_SLOT * slot + bool(failed)] = number

    def forget(self, slot: int) -> None:
        """Forget what a worker of this slot said."""
        self.numbers[_HEAD + _PER_SLOT * slot] = self.numbers[_HEAD + _PER_SLOT * slot + 1] = 0

    def reason(self, slot: int) -> str:
        """Return why a worker could not prepare an order."""
        with suppress(OSError):
            return (self.folder / f"failed-{slot}.txt").read_text("utf-8")
        return ""

    def render(self) -> str:
        """Return what the supervisor counts in Prometheus' text format."""
        lines = []
        for place, family in FAMILIES.items():
            lines += [
                f"# HELP {family.name} {family.text}",
                f"# TYPE {family.name} {family.kind}",
                f"{family.name} {self.numbers[place]}",
            ]
        return "\n".join(lines) + "\n"


class Stage(Protocol):
    """What a worker serves with: makes bundles ready, and is told which to use."""

    def make(self, model: "Model", version: str | None) -> Any:
        """Return what answers with a model, made and proven but not used yet."""
        ...

    def use(self, number: int, main: Any, canary: Any, share: Share | None) -> None:
        """Answer with this from now on, by the order of this number."""
        ...


Made = tuple[Any, Any, Share | None]


class Switch:
    """One worker's part of switching.

    Args:
        stage: What it serves with.
        board: What is shared.
        slot: The worker's.
        columns: The served interface's, in their order.
        first: What it serves at first, and what answers with it.
    """

    def __init__(
        self,
        stage: Stage,
        board: Switchboard,
        slot: int,
        columns: list[str],
        first: tuple[Part, Any],
    ) -> None:
        self.board = board
        self._stage = stage
        self._slot = slot
        self._columns = columns
        self._seen = self._used = self._before = 0
        self._made: dict[int, Made] = {0: (first[1], None, None)}
        self._known: dict[Part, Any] = dict([first])
        board.forget(slot)

    def catch_up(self) -> None:
        """Use what the others have committed already; before this worker answers.

        Raises:
            PlaybillError: It cannot be had.
        """
        number = self.board.numbers[COMMITTED]
        if number:
            self._prepare(number)
            self.board.say(self._slot, number)
            self.commit()

    def commit(self) -> int:
        """Use what is committed, and return its number; what was used before stays loaded."""
        number = self.board.numbers[COMMITTED]
        made = self._made.get(number)
        if made is not None and number != self._used:
            self._before, self._used = self._used, number
            self._stage.use(number, *made)
        return number

    async def follow(self) -> None:
        """Look for orders until cancelled, and prepare them beside the requests."""
        numbers = self.board.numbers
        while True:
            await asyncio.sleep(TICK)
            if numbers[COMMITTED] != self._used:
                self.commit()
            if numbers[WANTED] > self._seen:
                self._let_go()
                await asyncio.to_thread(self._try, numbers[WANTED])

    def _let_go(self) -> None:
        """Forget what is neither used nor was used last."""
        keep = {self._used, self._before, self.board.numbers[COMMITTED]}
        for number in [each for each in self._made if each not in keep]:
            del self._made[number]
        used = [one for made in self._made.values() for one in made[:2]]
        for part in [each for each, one in self._known.items() if one not in used]:
            del self._known[part]

    def _try(self, number: int) -> None:
        try:
            self._prepare(number)
        except PlaybillError as error:
            self._refuse(number, str(error))
        except Exception as error:  # noqa: BLE001 - whatever a bundle does, the old one answers on
            self._refuse(number, f"{type(error).__name__}: {error}")
        else:
            self.board.say(self._slot, number)

    def _refuse(self, number: int, reason: str) -> None:
        self._seen = number
        self.board.say(self._slot, number, failed=reason)

    def _prepare(self, number: int) -> None:
        order = Order.read(self.board.folder, number)
        main = self._one(order.main)
        canary = self._one(order.canary) if order.canary else None
        self._made[number] = (main, canary, order.share)
        self._seen = number
        gc.freeze()  # as at the start: the collector need not look at it again

    def _one(self, part: Part) -> Any:
        """Return what answers with a bundle; one that is loaded is not loaded again."""
        from playbill.server.model import open_model

        if part in self._known:
            return self._known[part]
        model, examples = open_model(Path(part.bundle))
        model.check(self._columns, examples)
        found = self._known[part] = self._stage.make(model, part.version)
        return found


def same_interface(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether two contract.json ask and answer the same; a threshold is the model's own."""
    return {**one, "threshold": 0} == {**other, "threshold": 0}


def contract_of(bundle: Path) -> dict[str, Any]:
    """Return the contract.json of a bundle that was verified.

    Raises:
        BundleError: It cannot be read.
    """
    try:
        found: dict[str, Any] = json.loads((bundle / "model" / "contract.json").read_bytes())
    except (OSError, ValueError) as error:
        raise BundleError("the bundle has no readable contract", where=str(bundle)) from error
    return found
