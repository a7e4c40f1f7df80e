"""CPU of our server for each request, beside its peers and two ceilings; wrk makes the load.

python bench/serving.py [--rounds 5] [--seconds 3] [--environments FOLDER] [--only NAME ...]

It needs wrk, data/prepared (`dvc repro`) and two cores. One worker on one core, wrk on the other,
16 kept-alive connections, the same model (bench/twelve.py) and rows for all, all servers once a
round. Our server has its duties on: key, limits, validation, identifiers, log record, metrics. CPU
microseconds of the server's processes for each request are the steadiest figure on a shared
machine; ratios are paired within a round, their median is told with the least and the greatest.

MLflow, BentoML, MLServer and skl2onnx get an environment each, made once in FOLDER from
bench/peers/*.txt; without the flag they are left out.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from twelve import Made, make

from playbill.bundle import manifest
from playbill.server.keys import add_line, new_key

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "bench" / "peers"
CONNECTIONS = 16
OURS = "playbill (asgi)"
CONSTANT = "typed FastAPI constant"
APPLICATIONS = {
    "FastAPI + pandas + scikit-learn": "hand",
    CONSTANT: "constant",
    "bare uvicorn": "bare",
}
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
    """A server: how it is started, where it answers, and how rows are written for it."""

    name: str
    command: list[str]
    one: str = "/predict"
    many: str = "/predict/batch"
    written: str = "own"


@dataclass(frozen=True)
class Point:
    """What one server did in one round."""

    cpu: float
    rate: float
    p99: float


@dataclass(frozen=True)
class Seen:
    """What one server did in one round: the points, seconds to the first answer, fresh memory."""

    points: list[Point]
    start: float
    memory: float


def candidates(folder: Path, port: int, made: Made, environments: Path | None) -> list[Candidate]:
    """Return the servers; ours first."""
    found = []
    for lane in ("asgi", "fastapi"):
        bundle = _in_lane(made.bundle, folder / lane, lane)
        words = [sys.executable, str(bundle / "server"), "--port", str(port)]
        words += ["--keys", str(folder / "keys"), "--log", str(folder / f"log-{lane}")]
        found.append(Candidate(f"playbill ({lane})", words))
    for name, module in APPLICATIONS.items():
        found.append(Candidate(name, uvicorn(sys.executable, module, port)))
    if environments is not None:
        found += peers(folder, port, made, environments)
    return found


def uvicorn(python: str, module: str, port: int) -> list[str]:
    """Return the command of an application in bench/peers."""
    return [python, "-m", "uvicorn", "--port", str(port), "--log-level", "critical",
            "--no-access-log", "--app-dir", str(PEERS), f"{module}:app"]  # fmt: skip


def peers(folder: Path, port: int, made: Made, environments: Path) -> list[Candidate]:
    """Return the peers, each in an environment of its own."""
    home = {name: _environment(environments / name, PEERS / f"{name}.txt")
            for name in ("mlflow", "bentoml", "mlserver", "onnx")}  # fmt: skip
    saved = folder / "mlflow"
    python = str(home["mlflow"] / "python")
    words = [python, str(PEERS / "mlflow_save.py"), str(made.pipeline), str(saved)]
    subprocess.run(words, check=True, capture_output=True)
    places = ["--host", "127.0.0.1", "--port", str(port)]
    mlflow = [str(home["mlflow"] / "mlflow"), "models", "serve", "-m", str(saved), *places]
    bento = [str(home["bentoml"] / "bentoml"), "serve", "bento:Flights", *places]
    settings = {"http_port": port, "host": "127.0.0.1", "parallel_workers": 0, "debug": False,
                "grpc_port": port + 1, "metrics_port": port + 2}  # fmt: skip
    served = folder / "mlserver"
    served.mkdir()
    (served / "settings.json").write_text(json.dumps(settings))
    model = {"name": "flights", "implementation": "mlserver_sklearn.SKLearnModel",
             "parameters": {"uri": str(made.pipeline)}}  # fmt: skip
    (served / "model-settings.json").write_text(json.dumps(model))
    infer = "/v2/models/flights/infer"
    return [
        Candidate("MLflow", [*mlflow, "--env-manager", "local", "--workers", "1"],
                  "/invocations", "/invocations", "mlflow"),
        Candidate("BentoML, adaptive batching", [*bento, "--working-dir", str(PEERS)],
                  "/predict", "/predict", "bentoml"),
        Candidate("MLServer, in process",
                  [str(home["mlserver"] / "mlserver"), "start", str(served)],
                  infer, infer, "mlserver"),
        Candidate("typed FastAPI + skl2onnx",
                  uvicorn(str(home["onnx"] / "python"), "converted", port)),
    ]  # fmt: skip


def _environment(home: Path, requirements: Path) -> Path:
    """Return the folder of an environment's commands; it is made if it is not there."""
    if not home.exists():
        print(f"making {home}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(requirements)]
        subprocess.run(pip, check=True)
    return home / "bin"


def _in_lane(bundle: Path, target: Path, lane: str) -> Path:
    """Return a copy of the bundle whose scoring endpoints are in a lane."""
    shutil.copytree(bundle, target)
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
def running(candidate: Candidate, port: int, pipeline: Path) -> Iterator[tuple[int, float]]:
    """Start a server on core 0; yield its process and the seconds until its first answer."""
    # MLflow starts another command of its environment, by its name.
    path = f"{Path(candidate.command[0]).parent}{os.pathsep}{os.environ['PATH']}"
    ours = {**os.environ, "PATH": path, "PIPELINE": str(pipeline), "OMP_NUM_THREADS": "1"}
    begun = time.monotonic()
    process = subprocess.Popen(
        ["taskset", "-c", "0", *candidate.command], env=ours, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(port)
        yield process.pid, time.monotonic() - begun
    finally:
        family = _family(process.pid)
        process.terminate()
        _, alive = psutil.wait_procs(family, timeout=20)
        for each in alive:
            each.kill()
        process.wait(60)


def _family(number: int) -> list[psutil.Process]:
    first = psutil.Process(number)
    return [first, *first.children(recursive=True)]


def _cpu(number: int) -> float:
    """Return the CPU seconds of a process and all that it started."""
    times = [each.cpu_times() for each in _family(number)]
    return float(sum(each.user + each.system for each in times))


def _wait(port: int) -> None:
    deadline = time.monotonic() + 120
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
    candidate: Candidate, port: int, seconds: int, scripts: tuple[Path, Path], pipeline: Path
) -> Seen:
    """Return the point of one row and that of a batch, and what the start took."""
    with running(candidate, port, pipeline) as (process, start):
        memory = sum(each.memory_info().rss for each in _family(process)) / 1e6
        found = []
        for path, script in ((candidate.one, scripts[0]), (candidate.many, scripts[1])):
            _wrk(port, path, 1, script)
            before = _cpu(process)
            requests, rate, p99 = _wrk(port, path, seconds, script)
            found.append(Point((_cpu(process) - before) / max(requests, 1) * 1e6, rate, p99))
        return Seen(found, start, memory)


def _wrk(port: int, path: str, seconds: int, script: Path) -> tuple[int, float, float]:
    words = ["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency",
             "--timeout", "20s", "-s", str(script), f"http://127.0.0.1:{port}{path}"]  # fmt: skip
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    requests = int(re.search(r"(\d+) requests in", text)[1])  # type: ignore[index]
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if refused is not None:  # adaptive batching drops what it cannot answer in its time
        print(f"{path}: {refused[1]} of {requests} were refused", file=sys.stderr)
        requests -= int(refused[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])  # type: ignore[index]
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    assert p99 is not None
    return requests, rate, float(p99[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[p99[2]]


def scripts(folder: Path, key: str, rows: list[dict[str, Any]], written: str) -> tuple[Path, Path]:
    """Write what wrk sends to one kind of server and return its scripts."""
    write = WRITTEN[written]
    batches = [rows[n : n + BATCH] for n in range(0, len(rows), BATCH)]
    own = written == "own"
    bodies = {
        "one": [row if own else write([row]) for row in rows],
        "many": [{"rows": batch} if own else write(batch) for batch in batches],
    }
    for name, lines in bodies.items():
        path = folder / f"{written}-{name}"
        path.with_suffix(".txt").write_text("\n".join(map(json.dumps, lines)) + "\n")
        path.with_suffix(".lua").write_text(LUA.format(path=path.with_suffix(".txt"), key=key))
    return folder / f"{written}-one.lua", folder / f"{written}-many.lua"


def tensors(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return rows as the Open Inference Protocol has them, for a pandas frame."""
    inputs = []
    for name in rows[0]:
        text = isinstance(rows[0][name], str)
        kind = {"datatype": "BYTES", "parameters": {"content_type": "str"}} if text else {
            "datatype": "FP64"}  # fmt: skip
        data = [row[name] for row in rows]
        inputs.append({"name": name, "shape": [len(rows)], "data": data, **kind})
    return {"parameters": {"content_type": "pd"}, "inputs": inputs,
            "outputs": [{"name": "predict_proba"}]}  # fmt: skip


# How rows are written, by kind of server; what ours and the hand-written take is written above.
WRITTEN: dict[str, Callable[[list[dict[str, Any]]], dict[str, Any]]] = {
    "own": lambda rows: {"rows": rows},
    "mlflow": lambda rows: {"dataframe_records": rows},
    "bentoml": lambda rows: {"rows": rows},
    "mlserver": tensors,
}


def told(points: dict[str, list[list[Point]]]) -> dict[str, dict[str, object]]:
    """Return the medians and the ratios to our server."""
    ours = points[OURS]
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


def beside(ours: list[Seen], constant: list[Seen]) -> dict[str, float]:
    """Return our p99 and cold start as multiples of the constant route's, medians of the rounds."""
    pairs = list(zip(ours, constant, strict=True))
    ratios = {
        "p99, one row": [a.points[0].p99 / b.points[0].p99 for a, b in pairs],
        f"p99, {BATCH} rows": [a.points[1].p99 / b.points[1].p99 for a, b in pairs],
        "cold start": [a.start / b.start for a, b in pairs],
    }
    return {name: round(statistics.median(each), 2) for name, each in ratios.items()}


def weighed(requirements: Path, environments: Path | None) -> tuple[int, int] | None:
    """Return how many packages the bundle's own environment has, and their megabytes.

    It is made in `environments` from the bundle's requirements.txt; pip and setuptools are not
    counted, byte code is.
    """
    if environments is None:
        return None
    home = _environment(environments / "bundle", requirements)
    folder = next(home.parent.glob("lib/python*/site-packages"))
    own = ("pip", "setuptools", "_distutils_hack", "distutils-precedence", "_virtualenv")
    files = [
        each for each in folder.rglob("*")
        if each.is_file() and not each.relative_to(folder).parts[0].startswith(own)
    ]  # fmt: skip
    packages = {each.parent for each in files if each.name == "METADATA"}
    return len(packages), round(sum(each.stat().st_size for each in files) / 1e6)


def main() -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--environments", type=Path)
    parser.add_argument("--only", nargs="*", default=[""], help="parts of names; ours is added")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key, line = new_key("bench", ["predict"])
        add_line(folder / "keys", line)
        made = make(folder)
        servers = [
            each
            for each in candidates(folder, options.port, made, options.environments)
            if each.name == OURS or any(part in each.name for part in options.only)
        ]
        sent = {each: scripts(folder, key, made.rows, each) for each in WRITTEN}
        points: dict[str, list[list[Point]]] = {each.name: [] for each in servers}
        seen: dict[str, list[Seen]] = {each.name: [] for each in servers}
        for number in range(options.rounds):
            for server in servers:
                one = measure(
                    server, options.port, options.seconds, sent[server.written], made.pipeline
                )
                seen[server.name].append(one)
                points[server.name].append(one.points)
                print(f"{server.name}: {one}", file=sys.stderr)
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        installed = weighed(made.bundle / "requirements.txt", options.environments)
    found = told(points)
    for name, each in seen.items():
        found[name]["cold start s"] = round(statistics.median(one.start for one in each), 2)
        found[name]["memory MB"] = round(statistics.median(one.memory for one in each))
    if installed is not None:
        found[OURS]["packages"], found[OURS]["installed MB"] = installed
    if CONSTANT in seen:
        found[OURS]["times the constant route"] = beside(seen[OURS], seen[CONSTANT])
    text = json.dumps(found, indent=2)
    if options.json:
        options.json.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
