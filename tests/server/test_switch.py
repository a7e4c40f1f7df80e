"""Following a tag: switched together, rolled between unlike servers, refused when it is bad."""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from playbill.bundle import manifest
from playbill.lineage.rollback import rollback
from playbill.server.switch import Share
from tests import serving
from tests.following import deployed, project, push_tags
from tests.promoting import promote
from tests.serving import Made, Running, another, as_sent, broken, made, running, texts

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="workers and signals are POSIX's"),
    pytest.mark.slow,
]
SECONDS = 120
SHARE = Share(0.5, "x-caller", serving.NAME)  # as conf/server of the project has it
CALLERS = [f"caller-{number}" for number in range(8)]
USUAL = next(caller for caller in CALLERS if not SHARE.takes(caller))
Seen = list[tuple[float, float, int, dict[str, Any]]]  # begin, end, row, answer
ASKED = 12  # rows that are asked again and again


@pytest.fixture(scope="module")
def bundles() -> dict[int, Made]:
    later = texts()["app.py"] + "# of a later server\n"
    return {1: made(), 2: another(5), 3: another(6, later), 4: broken(another(7))}


@pytest.fixture
def root(tmp_path: Path, bundles: dict[int, Made]) -> Path:
    made = project(tmp_path, {number: each.files for number, each in bundles.items()})
    promote(made, "v1")
    push_tags(made)
    return made


def digest(one: Made) -> str:
    return str(json.loads(one.files[manifest.NAME])["model_digest"])


@contextmanager
def followed(clone: Path, workers: int = 2) -> Iterator[Running]:
    words = [sys.executable, "-m", "playbill", "serve", f"{serving.NAME}#prod", "--watch"]
    words += ["--interval", "0.2", "--port", "0", "--workers", str(workers)]
    with running(words, cwd=clone) as started:
        yield started
        family = psutil.Process(started.process.pid).children(recursive=True)
    _, left = psutil.wait_procs(family, timeout=10)
    assert not left


@contextmanager
def load(url: str, clients: int = 4) -> Iterator[Seen]:
    """Ask the same rows from several clients; keep begin, end, row and answer of each request."""
    rows = as_sent(made().test.head(ASKED))
    seen: Seen = []
    stop = threading.Event()

    def ask(number: int) -> None:
        count = number
        with httpx.Client(base_url=url, timeout=30) as client:
            while not stop.is_set():
                place = count % ASKED
                begun = time.monotonic()
                got = client.post("/predict", json=rows[place], headers={"x-caller": USUAL})
                ended = time.monotonic()
                body = got.json() if got.status_code == 200 else {"failed": got.text}
                seen.append((begun, ended, place, body))
                count += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join(SECONDS)


def wait(condition: Any, what: str = "it did not happen in time") -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def serves(server: Running, wanted: str) -> bool:
    return bool(server.client.get("/model").json()["model_digest"] == wanted)


def metric(server: Running, name: str) -> float:
    lines = server.client.get("/metrics").text.splitlines()
    return float(next(each for each in lines if each.startswith(f"{name} ")).split()[1])


def check(seen: Seen, bundles: dict[int, Made]) -> None:
    """Each answer is its version's Pipeline's own."""
    by_digest = {digest(one): one for one in bundles.values()}
    assert seen
    for _, _, place, body in seen:
        assert "failed" not in body, body
        one = by_digest[body["model_digest"]]
        assert body["probability"] == float(one.expected[place])


def test_following_a_tag_switches_together_rolls_and_refuses_what_is_bad(
    root: Path, bundles: dict[int, Made]
) -> None:
    one, two, three = (digest(bundles[number]) for number in (1, 2, 3))
    with followed(deployed(root)) as server, load(server.url) as seen:
        assert serves(server, one)
        family = children(server)
        _promote(root, "v2")
        wait(lambda: answered(seen, two, since=0), "no switch")
        together(seen, one, two)
        mark = len(seen)
        rollback(root, "prod", "a trial")
        push_tags(root)
        wait(lambda: answered(seen, one, since=mark + 8), "no way back")
        together(seen[mark:], two, one)
        _promote(root, "v2", stage="canary")
        wait(lambda: "playbill_canary_info{" in server.client.get("/metrics").text, "no canary")
        for caller in CALLERS:
            for _ in range(4):
                wanted = two if SHARE.takes(caller) else one
                assert asked(server, caller)["model_digest"] == wanted
        _promote(root, "v4")
        wait(lambda: metric(server, "playbill_switch_behind") == 1, "the bad one was not refused")
        assert server.client.get("/readyz").status_code == 200
        assert any("does not answer here as it did" in line for line in server.errors)
        mark = len(seen)
        wait(lambda: len(seen) > mark + 50)
        assert {each[3]["model_digest"] for each in seen[mark:]} == {one}
        assert family == children(server), "a switch starts no process"
        assert metric(server, "playbill_switches_total") == 3
        _promote(root, "v3")
        wait(lambda: metric(server, "playbill_rollovers_total") == 1, "no restart")
        wait(lambda: not family & children(server))
        mark = len(seen)
        wait(lambda: len(seen) > mark + 50)
        assert {each[3]["model_digest"] for each in seen[mark:]} == {three}
    check(seen, bundles)


def _promote(root: Path, revision: str, stage: str = "prod") -> None:
    promote(root, revision, stage)
    push_tags(root)


def asked(server: Running, caller: str) -> dict[str, Any]:
    rows = as_sent(made().test.head(1))
    with httpx.Client(base_url=server.url, timeout=30) as client:  # whichever worker takes it
        got = client.post("/predict", json=rows[0], headers={"x-caller": caller})
    return dict(got.json())


def children(server: Running) -> set[int]:
    return {one.pid for one in psutil.Process(server.process.pid).children()}


def answered(seen: Seen, wanted: str, *, since: int) -> bool:
    return any(each[3].get("model_digest") == wanted for each in seen[since:])


def together(seen: Seen, old: str, new: str) -> None:
    """No answer of the old model is to a request that was sent after an answer of the new came."""
    first = min(end for _, end, _, body in seen if body["model_digest"] == new)
    late = [begun for begun, _, _, body in seen if body["model_digest"] == old and begun > first]
    assert not late
