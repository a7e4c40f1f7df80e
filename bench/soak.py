"""A soak: load while models are switched, workers killed and the log's disk is full.

    python -m bench.soak --minutes 10

It makes a project in Git and DVC with three models, serves its stage `prod` with two workers that
follow the tag, and asks rows over kept-alive connections all the time. Meanwhile two promotions, a
rollback, a worker killed (SIGKILL) every tenth of the time, and for one tenth a full disk under the
prediction log: a tmpfs that is shrunk to what it holds, or without the right to mount one a limit
on the size of the workers' files.

It fails if an answer is not the one of the Pipeline whose version it names, an answer of the old
model is to a request that was sent after an answer of the new had come, a request fails that no
killed worker can have held, an acknowledged prediction is neither in the log nor counted as lost,
or memory grows by more than is stated.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from playbill.lineage.rollback import rollback
from playbill.prediction.log import records
from tests import serving
from tests.following import deployed, project, push_tags
from tests.promoting import promote
from tests.serving import Made, Running, another, as_sent, made, running

ASKED = 40  # rows that are asked again and again
HEADERS = {"content-type": "application/json"}
WORKER_GROWTH, PARENT_GROWTH = 64.0, 64.0  # MB that they may grow after the first tenth
ROOM = 256 * 1024  # bytes that a full disk has left at first: gone within a second or two
KEPT = 40  # requests after which a client opens another connection
SETTLE = 60.0  # seconds in which a switch must be seen


@dataclass
class Client:
    """What one client saw; only its own thread writes here."""

    begun: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    version: list[str] = field(default_factory=list)
    identifiers: list[str] = field(default_factory=list)
    failed: list[tuple[float, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass
class Soak:
    """The running soak.

    Attributes:
        root: The project in which promotions are made.
        server: The server that follows it.
        folder: Of the prediction log.
        tenth: Seconds of a tenth of it.
        mounted: Whether the log lies on a tmpfs of its own.
    """

    root: Path
    server: Running
    folder: Path
    tenth: float
    mounted: bool
    clients: list[Client]
    killed: list[float] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    memory: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    full: tuple[float, float] = (0.0, 0.0)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def parent(self) -> psutil.Process:
        """The parent of the workers."""
        return psutil.Process(self.server.process.pid)

    def workers(self) -> list[psutil.Process]:
        """Return the workers, the oldest first; programs that the parent asks (Git) are none."""
        found = []
        for one in self.parent.children():
            with suppress(psutil.Error):
                if "--worker-slot" in one.cmdline():
                    found.append(one)
        return sorted(found, key=psutil.Process.create_time)


def ask(soak: Soak, client: Client, number: int, bundles: dict[str, Made], pause: float) -> None:
    """Ask until told to stop, over one connection that is opened again when it broke."""
    rows = [json.dumps(row).encode() for row in as_sent(made().test.head(ASKED))]
    host = urlsplit(soak.server.url).netloc
    connection = HTTPConnection(host, timeout=30)
    count = 0
    while not soak.stop.wait(pause):
        number, count = (number + 1) % ASKED, count + 1
        if count % KEPT == 0:  # else all would stay with the worker that was never killed
            connection.close()
        begun = time.monotonic()
        try:
            connection.request("POST", "/predict", rows[number], HEADERS)
            got = connection.getresponse()
            content = got.read()
        except (OSError, HTTPException) as error:
            client.failed.append((time.monotonic(), repr(error)))
            connection.close()
            continue
        if got.status != 200:
            client.failed.append((time.monotonic(), f"{got.status}: {content[:200]!r}"))
            continue
        body = json.loads(content)
        client.begun.append(begun)
        client.ended.append(time.monotonic())
        client.version.append(sys.intern(body["model_digest"]))
        client.identifiers.append(body["prediction_id"])
        wanted = bundles[body["model_digest"]].expected[number]
        if body["probability"] != wanted or body["label"] != (wanted >= threshold(body, bundles)):
            client.wrong.append(content.decode())
    connection.close()


def threshold(body: dict[str, Any], bundles: dict[str, Made]) -> float:
    """Return the threshold of the model that answered."""
    return bundles[body["model_digest"]].model.threshold


def digest(one: Made) -> str:
    """Return the digest of a bundle's model."""
    return str(json.loads(one.files["manifest.json"])["model_digest"])


def change(soak: Soak, what: str, wanted: Made, act: Callable[[], object]) -> None:
    """Push a tag and wait until its model answers."""
    begun = time.monotonic()
    act()
    push_tags(soak.root)
    pushed = time.monotonic()
    deadline = pushed + SETTLE
    seen = digest(wanted)
    before = [len(client.version) for client in soak.clients]
    while not any(
        seen in client.version[start:] for client, start in zip(soak.clients, before, strict=True)
    ):
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not seen within {SETTLE} s: {soak.server.errors[-3:]}")
        time.sleep(0.05)
    now = time.monotonic()
    soak.changes.append(
        {"what": what, "digest": seen, "at": begun, "seconds_to_answer": now - pushed}
    )


def kill(soak: Soak) -> None:
    """Kill the youngest worker, so that the oldest lives through all of it."""
    found = soak.workers()
    if len(found) > 1:
        soak.killed.append(time.monotonic())
        found[-1].kill()


@contextmanager
def full_disk(soak: Soak) -> Iterator[None]:
    """Leave no room under the log."""
    begun = time.monotonic()
    if soak.mounted:
        status = os.statvfs(soak.folder)
        used = (status.f_blocks - status.f_bfree) * status.f_frsize
        # The log grows meanwhile, and a file system cannot be made smaller than what it holds.
        remount(soak.folder, used + ROOM)
    else:
        limit(soak, 4096)
    try:
        yield
    finally:
        if soak.mounted:
            remount(soak.folder, 1 << 30)
        else:
            limit(soak, resource.RLIM_INFINITY)
        soak.full = (begun, time.monotonic())


def remount(folder: Path, size: int) -> None:
    """Give the tmpfs another size."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


def limit(soak: Soak, size: int) -> None:
    """Limit the size of files of the workers, and of those that the parent starts."""
    for one in (soak.parent, *soak.workers()):
        _, most = resource.prlimit(one.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(one.pid, resource.RLIMIT_FSIZE, (size, most))


@contextmanager
def log_folder(world: Path) -> Iterator[tuple[Path, bool]]:
    """Yield a folder for the log, and whether it is a file system of its own."""
    folder = world / "log"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={1 << 30}", "soak", str(folder)]
    mounted = subprocess.run(words, check=False, capture_output=True).returncode == 0
    try:
        yield folder, mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def sample(soak: Soak) -> None:
    """Note how much memory the parent and each worker have, once a second."""
    while not soak.stop.wait(1.0):
        for one in (soak.parent, *soak.workers()):
            with suppress(psutil.Error):
                resident = one.memory_info().rss / 1e6
                soak.memory.setdefault(one.pid, []).append((time.monotonic(), resident))


def act(soak: Soak, bundles: dict[int, Made]) -> None:
    """Do everything that a bad day has, at its time; some of it while a worker starts."""
    start = time.monotonic()
    root = soak.root
    plan: list[tuple[float, Callable[[], object]]] = [
        (1.8, lambda: change(soak, "switch", bundles[2], lambda: promote(root, "v2"))),
        (3.8, lambda: change(soak, "switch", bundles[3], lambda: promote(root, "v3"))),
        (7.8, lambda: change(soak, "rollback", bundles[2], lambda: rollback(root, "prod", "soak"))),
    ]
    plan += [(number + 0.5, lambda: kill(soak)) for number in range(10)]
    room = ExitStack()
    plan += [(5.0, lambda: room.enter_context(full_disk(soak))), (6.0, room.close)]
    with room:
        for at, do in sorted(plan, key=lambda each: each[0]):
            time.sleep(max(0.0, start + at * soak.tenth - time.monotonic()))
            do()
        time.sleep(max(0.0, start + 10 * soak.tenth - time.monotonic()))


def run(minutes: float, clients: int, pause: float) -> dict[str, Any]:
    """Soak, and return what came of it."""
    bundles = {1: made(), 2: another(5), 3: another(6)}
    with tempfile.TemporaryDirectory(prefix="soak-") as scratch, ExitStack() as stack:
        world = Path(scratch)
        root = project(world, {number: one.files for number, one in bundles.items()})
        promote(root, "v1")
        push_tags(root)
        folder, mounted = stack.enter_context(log_folder(world))
        words = [sys.executable, "-m", "playbill", "serve", f"{serving.NAME}#prod", "--watch"]
        words += ["--interval", "0.5", "--port", "0", "--workers", "2", "--log", str(folder)]
        with running(words, cwd=deployed(root)) as server:
            seen = [Client() for _ in range(clients)]
            soak = Soak(root, server, folder, minutes * 6, mounted, seen)
            _load(soak, bundles, pause)
            time.sleep(2.0)  # every answer that is due has been counted
            metrics = server.client.get("/metrics").text
            errors = list(server.errors)
        logged = {str(each["prediction_id"]) for each in records(str(folder))}
        return judge(soak, metrics, logged, errors)


def _load(soak: Soak, bundles: dict[int, Made], pause: float) -> None:
    by_digest = {digest(one): one for one in bundles.values()}
    threads = [
        threading.Thread(target=ask, args=(soak, client, 7 * number, by_digest, pause))
        for number, client in enumerate(soak.clients)
    ]
    threads.append(threading.Thread(target=sample, args=(soak,)))
    for thread in threads:
        thread.start()
    try:
        act(soak, bundles)
    finally:
        soak.stop.set()
        for thread in threads:
            thread.join(60)


def judge(soak: Soak, metrics: str, logged: set[str], errors: list[str]) -> dict[str, Any]:
    """Return the figures, and what is wrong with them under `violations`."""
    clients = soak.clients
    known = {one for client in clients for one in client.identifiers}
    missing = len(known - logged)
    lost = int(value(metrics, "playbill_log_lost_total"))
    failed = sorted(each for client in clients for each in client.failed)
    unheld = [each for each in failed if not _near(each[0], soak.killed)]
    wrong = [each for client in clients for each in client.wrong]
    late = sum(overlaps(clients, one["digest"], one["at"]) for one in soak.changes)
    memory, at_once = growth(soak), max((_held(failed, at) for at in soak.killed), default=0)
    found = {
        "requests": sum(len(client.version) for client in clients),
        "failed": len(failed),
        "failed_most_at_one_kill": at_once,
        "kills": len(soak.killed),
        "kills_that_failed_a_request": sum(_held(failed, at) > 0 for at in soak.killed),
        "wrong": len(wrong),
        "old_after_new": late,
        "acknowledged": len(known),
        "missing_from_log": missing,
        "counted_as_lost": lost,
        "disk": "a full tmpfs" if soak.mounted else "a limit on file size",
        "changes": [
            {"what": one["what"], "seconds_to_answer": round(one["seconds_to_answer"], 2)}
            for one in soak.changes
        ],
        **memory,
    }
    checks = {
        "an answer is not its Pipeline's": wrong,
        "an old answer to a request sent after a new one": late,
        "a request failed that no killed worker held": unheld,
        "more failed at one kill than there are clients": at_once > len(clients),
        "missing from the log and not counted": missing > lost,
        "counted as lost, and nobody was answered": lost - missing > len(failed),
        "nothing was lost: the disk was never full": lost == 0,
        "memory grew": memory["worker_growth_mb"] > WORKER_GROWTH
        or memory["parent_growth_mb"] > PARENT_GROWTH,
        "a change is missing": len(soak.changes) != 3,
    }
    violations = {name: str(what)[:500] for name, what in checks.items() if what}
    told = [line.strip() for line in errors if '"ERROR"' in line]
    return {**found, "violations": violations, "errors_told": told[:5]}


def _near(at: float, kills: list[float]) -> bool:
    return any(0 <= at - kill <= 2.0 for kill in kills)


def _held(failed: list[tuple[float, str]], kill: float) -> int:
    return sum(0 <= at - kill <= 2.0 for at, _ in failed)


def overlaps(clients: list[Client], new: str, since: float) -> int:
    """Return how many requests got an old answer though a new one had come before they began."""
    first, window = float("inf"), []
    for client in clients:
        for begun, ended, seen in zip(client.begun, client.ended, client.version, strict=True):
            if since <= begun <= since + SETTLE:
                window.append((begun, seen))
                if seen == new:
                    first = min(first, ended)
    end = first + 2.0  # later the next change may have begun
    return sum(first < begun < end and seen != new for begun, seen in window)


def growth(soak: Soak) -> dict[str, float]:
    """Return by how much the parent and the longest-lived worker grew after the first tenth."""
    parent = soak.memory.pop(soak.server.process.pid, [])
    oldest = max(soak.memory.values(), key=len, default=[])

    def grown(series: list[tuple[float, float]]) -> tuple[float, float]:
        later = [each for at, each in series if at - series[0][0] > soak.tenth] or [0.0]
        return max(later) - later[0], max(later)

    worker, most = grown(oldest)
    beside, largest = grown(parent)
    return {
        "worker_seconds": round(oldest[-1][0] - oldest[0][0], 1) if oldest else 0.0,
        "worker_growth_mb": round(worker, 1), "worker_most_mb": round(most, 1),
        "parent_growth_mb": round(beside, 1), "parent_most_mb": round(largest, 1),
    }  # fmt: skip


def value(metrics: str, name: str) -> float:
    """Return a metric without labels."""
    found = [line for line in metrics.splitlines() if line.startswith(f"{name} ")]
    return float(found[0].split()[1]) if found else 0.0


def main() -> None:
    """Run the command line; exit with 1 if something was violated."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default: 10)")
    parser.add_argument("--clients", type=int, default=8, help="connections (default: 8)")
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between requests")
    options = parser.parse_args()
    for role in ("AUTHOR", "COMMITTER"):
        os.environ.setdefault(f"GIT_{role}_NAME", "soak")
        os.environ.setdefault(f"GIT_{role}_EMAIL", "soak@example.org")
    found = run(options.minutes, options.clients, options.pause)
    print(json.dumps(found, indent=2))
    raise SystemExit(1 if found["violations"] else 0)


if __name__ == "__main__":
    main()
