"""CPU of our server for each request, beside FastAPI by hand and two ceilings; wrk makes the load.

python bench/serving.py [--rounds 5] [--seconds 3] [--json FILE]

It needs wrk, a packaged bundle (`dvc repro`) and two cores. One worker on one core, wrk on the
other, 16 kept-alive connections, the same rows for all, all servers once a round. Our server has
its duties on: key, limits, validation, identifier, log record, metrics. CPU microseconds of the
server's process for each request are the steadiest figure on a shared machine; ratios are paired
within a round, and their median is told with the least and the greatest.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil

from playbill.bundle import manifest
from playbill.server.keys import add_line, new_key

ROOT = Path(__file__).resolve().parents[1]
BUNDLE = ROOT / "models" / "flights" / "bundle"
CONNECTIONS = 16
ROWS = 500
BATCH = 100
LUA = """
local bodies = {{}}
for line in io.lines("{path}") do bodies[#bodies + 1] = line end
local n = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-API-Key"] = "{key}"
request = function()
  n = n % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[n])
end
"""


@dataclass(frozen=True)
class Candidate:
    """A server: how it is started and where it answers one row and many."""

    name: str
    command: list[str]
    one: str = "/predict"
    many: str = "/predict/batch"


@dataclass(frozen=True)
class Point:
    """What one server did in one round."""

    cpu: float
    rate: float
    p99: float


def candidates(folder: Path, port: int) -> list[Candidate]:
    """Return the servers; ours first."""
    uvicorn = [sys.executable, "-m", "uvicorn", "--port", str(port), "--log-level", "critical",
               "--no-access-log", "--app-dir", str(ROOT / "bench" / "peers")]  # fmt: skip
    found = []
    for lane in ("asgi", "fastapi"):
        bundle = _in_lane(folder / lane, lane)
        words = [sys.executable, str(bundle / "server"), "--port", str(port)]
        words += ["--keys", str(folder / "keys"), "--log", str(folder / f"log-{lane}")]
        found.append(Candidate(f"playbill ({lane})", words))
    found.append(Candidate("FastAPI + pandas + scikit-learn", [*uvicorn, "hand:app"]))
    constant = ("/constant", "/constant/batch")
    found.append(Candidate("typed FastAPI constant", [*uvicorn, "hand:app"], *constant))
    found.append(Candidate("bare uvicorn", [*uvicorn, "bare:app"]))
    return found


def _in_lane(target: Path, lane: str) -> Path:
    """Return a copy of the bundle whose scoring endpoints are in a lane."""
    shutil.copytree(BUNDLE, target)
    app = target / "server" / "app.py"
    text = app.read_text("utf-8")
    app.chmod(0o644)
    app.write_text(re.sub(r'lane="\w+"', f'lane="{lane}"', text), "utf-8")
    listed = json.loads((target / manifest.NAME).read_text("utf-8"))
    files = {name: (target / name).read_bytes() for name in listed["files"]}
    again = manifest.describe(listed["name"], listed["runtime"], files)
    (target / manifest.NAME).unlink()
    (target / manifest.NAME).write_bytes(manifest.render(again))
    return target


@contextmanager
def running(candidate: Candidate, port: int) -> Iterator[tuple[psutil.Process, float]]:
    """Start a server on core 0; yield its process and the seconds until its first answer."""
    environment = {
        **os.environ, "PIPELINE": str(ROOT / "models" / "flights" / "pipeline.skops"),
        "PYTHONPATH": str(ROOT) if "uvicorn" in candidate.command else "",
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    begun = time.monotonic()
    process = subprocess.Popen(
        candidate.command, env=environment, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    os.sched_setaffinity(process.pid, {0})
    try:
        _wait(port)
        yield psutil.Process(process.pid), time.monotonic() - begun
    finally:
        process.terminate()
        process.wait(60)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise SystemExit("the server did not start")


def measure(
    candidate: Candidate, port: int, seconds: int, scripts: tuple[Path, Path]
) -> list[Point]:
    """Return the point of one row and that of a batch."""
    with running(candidate, port) as (process, _):
        found = []
        for path, script in ((candidate.one, scripts[0]), (candidate.many, scripts[1])):
            _wrk(port, path, 1, script)
            before = process.cpu_times()
            requests, rate, p99 = _wrk(port, path, seconds, script)
            after = process.cpu_times()
            spent = after.user + after.system - before.user - before.system
            found.append(Point(spent / requests * 1e6, rate, p99))
        return found


def _wrk(port: int, path: str, seconds: int, script: Path) -> tuple[int, float, float]:
    words = ["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency",
             "-s", str(script), f"http://127.0.0.1:{port}{path}"]  # fmt: skip
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text:  # timeouts of a slow server are in its rate
        raise SystemExit(f"{path}: {text}")
    requests = int(re.search(r"(\d+) requests in", text)[1])  # type: ignore[index]
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])  # type: ignore[index]
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    assert p99 is not None
    return requests, rate, float(p99[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[p99[2]]


def scripts(folder: Path, key: str) -> tuple[Path, Path]:
    """Write what wrk sends and return its scripts."""
    contract = json.loads((BUNDLE / "model" / "contract.json").read_text("utf-8"))
    names = [column["name"] for column in contract["inputs"]]
    table = pd.read_parquet(ROOT / "data" / "prepared" / "test.parquet", columns=names)
    sample = table.sample(ROWS, random_state=1)
    rows = [
        {name: None if pd.isna(value) else value for name, value in one.items()}
        for one in sample.astype(object).to_dict("records")
    ]
    bodies = {
        "one": [json.dumps(row) for row in rows],
        "many": [json.dumps({"rows": rows[n : n + BATCH]}) for n in range(0, ROWS, BATCH)],
    }
    for name, lines in bodies.items():
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
        text = LUA.format(path=folder / f"{name}.txt", key=key)
        (folder / f"{name}.lua").write_text(text)
    return folder / "one.lua", folder / "many.lua"


def told(points: dict[str, list[list[Point]]]) -> dict[str, dict[str, object]]:
    """Return the medians and the ratios to our server."""
    ours = points["playbill (asgi)"]
    found: dict[str, dict[str, object]] = {}
    for name, rounds in points.items():
        line: dict[str, object] = {}
        for place, label in enumerate(("one row", f"{BATCH} rows")):
            costs = [each[place].cpu for each in rounds]
            ratios = sorted(a[place].cpu / b[place].cpu for a, b in zip(rounds, ours, strict=True))
            line[label] = {
                "cpu us": round(statistics.median(costs), 1),
                "requests a second": round(statistics.median(p[place].rate for p in rounds)),
                "p99 ms": round(statistics.median(p[place].p99 for p in rounds), 2),
                "times ours": [
                    round(x, 2)
                    for x in (statistics.median(ratios), *ratios[:: max(1, len(ratios) - 1)])
                ],
            }
        found[name] = line
    return found


def main() -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key, line = new_key("bench", ["predict"])
        add_line(folder / "keys", line)
        sent = scripts(folder, key)
        servers = candidates(folder, options.port)
        points: dict[str, list[list[Point]]] = {each.name: [] for each in servers}
        starts: dict[str, list[float]] = {each.name: [] for each in servers}
        memory: dict[str, list[float]] = {each.name: [] for each in servers}
        for number in range(options.rounds):
            for server in servers:
                points[server.name].append(measure(server, options.port, options.seconds, sent))
                with running(server, options.port) as (process, seconds):
                    starts[server.name].append(seconds)
                    memory[server.name].append(process.memory_info().rss / 1e6)
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    found = told(points)
    for name, line_ in found.items():
        line_["cold start s"] = round(statistics.median(starts[name]), 2)
        line_["memory MB"] = round(statistics.median(memory[name]))
    text = json.dumps(found, indent=2)
    if options.json:
        options.json.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
