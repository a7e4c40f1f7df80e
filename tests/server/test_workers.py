"""Several workers: one count of all, a dead one replaced, and restarts that lose no request."""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.serving import Running, row, running, start_words

pytestmark = pytest.mark.skipif(os.name != "posix", reason="workers and signals are POSIX's")
SECONDS = 120  # starting a worker takes long on a machine that is busy with other tests


@pytest.fixture
def pair(bundle: Path) -> Iterator[Running]:
    """Two workers and their parent; none of them is left at the end."""
    with running([*start_words(bundle), "--workers", "2"]) as started:
        yield started
        family = psutil.Process(started.process.pid).children(recursive=True)
    _, left = psutil.wait_procs(family, timeout=5)
    assert not left


def workers(server: Running) -> list[int]:
    return [child.pid for child in psutil.Process(server.process.pid).children()]


def total(server: Running, name: str) -> float:
    text = httpx.get(f"{server.url}/metrics").text
    found = re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", text, flags=re.MULTILINE)
    return sum(float(number) for number in found)


@contextmanager
def load(url: str, clients: int, *, polite: bool = False) -> Iterator[dict[str, Any]]:
    """Ask over kept-alive connections until told to stop; what went wrong is kept.

    A polite client does not connect again once the server has said that it goes.
    """
    seen: dict[str, Any] = {"answered": 0, "failed": [], "stop": False, "clients": set()}
    lock = threading.Lock()

    def ask() -> None:
        with httpx.Client(base_url=url, timeout=30) as client:
            leaves = False
            while not seen["stop"]:
                try:
                    got = client.post("/predict", json=row())
                    problem = None if got.status_code == 200 else str(got.status_code)
                    leaves = "close" in got.headers.get("connection", "")
                except httpx.TransportError as error:
                    problem = repr(error)
                with lock:
                    seen["answered"] += 1
                    seen["clients"].add(threading.get_ident())
                    if problem:
                        seen["failed"].append(problem)
                if polite and leaves:
                    return

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        seen["stop"] = True
        for thread in threads:
            thread.join(SECONDS)


def wait(condition: Any) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_any_worker_tells_what_all_counted_and_a_dead_one_is_replaced(pair: Running) -> None:
    first = workers(pair)
    assert len(first) == 2
    for _ in range(40):  # each on its own connection, so that both workers get some
        assert httpx.post(f"{pair.url}/predict", json=row()).status_code == 200
    assert {total(pair, "playbill_predictions_total") for _ in range(10)} == {40}
    os.kill(first[0], signal.SIGKILL)
    wait(lambda: len(workers(pair)) == 2 and first[0] not in workers(pair))
    assert total(pair, "playbill_predictions_total") == 40
    for _ in range(10):
        assert httpx.post(f"{pair.url}/predict", json=row()).status_code == 200
    assert {total(pair, "playbill_predictions_total") for _ in range(5)} == {50}


def test_counters_never_go_back_nor_double_while_workers_are_killed_under_load(
    pair: Running,
) -> None:
    before: dict[str, float] = {}
    with load(pair.url, clients=4) as seen:
        wait(lambda: seen["answered"] > 50)
        for _ in range(2):
            victim = workers(pair)[0]
            os.kill(victim, signal.SIGKILL)
            wait(lambda gone=victim: len(workers(pair)) == 2 and gone not in workers(pair))
            mark = seen["answered"]
            while seen["answered"] < mark + 100:
                after = counters(pair)
                assert {k: (v, after[k]) for k, v in before.items() if after[k] < v} == {}
                before = after
    good = seen["answered"] - len(seen["failed"])
    lost = len(seen["failed"])  # what a killed worker held: counted or not, but never twice
    assert good <= total(pair, "playbill_predictions_total") <= good + lost
    held = 'playbill_requests_total{route="/predict",status="200"}'
    assert good <= counters(pair)[held] <= good + lost
    wait(lambda: total(pair, "playbill_requests_in_flight") == 1)  # /metrics itself


def counters(server: Running) -> dict[str, float]:
    """Return every series that may only grow."""
    try:
        text = httpx.get(f"{server.url}/metrics").text
    except httpx.TransportError:  # the killed worker held it
        text = httpx.get(f"{server.url}/metrics").text
    found = re.findall(
        r"^(\w+(?:_total|_count|_bucket|_sum)(?:{[^}]*})?) (\S+)$", text, re.MULTILINE
    )
    return {name: float(number) for name, number in found}


def test_a_rolling_restart_under_load_fails_no_request(pair: Running) -> None:
    first = set(workers(pair))
    with load(pair.url, clients=8) as seen:
        wait(lambda: seen["answered"] > 50)
        pair.process.send_signal(signal.SIGHUP)
        wait(lambda: not first & set(workers(pair)) and len(workers(pair)) == 2)
        mark = seen["answered"]
        wait(lambda: seen["answered"] > mark + 50)
    assert seen["failed"] == []
    assert total(pair, "playbill_predictions_total") == seen["answered"]


def test_sigterm_under_load_answers_every_request_that_was_sent(bundle: Path) -> None:
    with running(start_words(bundle)) as server:
        with load(server.url, clients=8, polite=True) as seen:
            # On a busy machine a client may not even have connected when others have 50 answers.
            wait(lambda: seen["answered"] > 50 and len(seen["clients"]) == 8)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(SECONDS) == 0
            seen["stop"] = True
        assert seen["failed"] == []
