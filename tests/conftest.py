"""Projects to test on: a tiny one whose stages take no time, and copies of this repository."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
TINY = Path(__file__).resolve().parent / "config" / "tiny"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests on one process, so that its fixtures are built once; e2e's as one."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.name))


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No identity, no configuration of the machine's, no variable of an outer Git or DVC."""
    for name in [n for n in os.environ if n.startswith(("GIT_", "DVC_", "PLAYBILL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A Tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "dvc-global"))
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path / "dvc-system"))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "dvc-site"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def run() -> Run:
    """Start a program and return what it said; `check=True` fails the test with its output."""

    def start(
        *command: str, cwd: Path, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", *command] if command[0] in ("dvc", "playbill") else command
        done = subprocess.run(
            words, cwd=cwd, env={**os.environ, **environment}, text=True,
            capture_output=True, check=False, timeout=600, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if check and done.returncode:
            pytest.fail(f"{' '.join(command)} exited {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    return start


def _start_project(folder: Path, run: Run) -> None:
    run("git", "init", "-q", "-b", "main", ".", cwd=folder)
    (folder / ".dvc").mkdir(exist_ok=True)
    shutil.copy(REPOSITORY / ".dvc" / "config", folder / ".dvc" / "config")
    shutil.copy(REPOSITORY / ".dvc" / ".gitignore", folder / ".dvc" / ".gitignore")
    shutil.copy(REPOSITORY / ".dvcignore", folder / ".dvcignore")
    (folder / ".gitignore").write_text("__pycache__/\n")


@pytest.fixture
def tiny(tmp_path: Path, run: Run) -> Path:
    """A project of three stages that take no time; compiled and committed, not yet run."""
    folder = tmp_path / "tiny"
    shutil.copytree(TINY, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "stages" / "compose.py", folder / "stages" / "compose.py")
    _start_project(folder, run)
    run("playbill", "compose", cwd=folder)
    run("git", "add", "-A", cwd=folder)
    run("git", "commit", "-qm", "start", cwd=folder)
    return folder


MAKE = """
import json, pathlib, random, yaml
import pyarrow as pa, pyarrow.parquet as pq
params = yaml.safe_load(open("params.yaml"))
draw = random.Random(params["seed"])
evaluation = pathlib.Path("models/tiny/evaluation")
model = pathlib.Path("models/tiny/bundle/model")
for folder in (evaluation, model, pathlib.Path("data/prepared")):
    folder.mkdir(parents=True, exist_ok=True)
late = [int(i % 3 == 0) for i in range(300)]
score = [min(max(0.5 * l + params["model"]["c"] * draw.random(), 0.0), 1.0) for l in late]
label = [int(s >= 0.5) for s in score]
test = {"id": range(300), "distance": [1.5] * 300, "late": late}
pq.write_table(pa.table({"id": range(300), "late": late, "probability": score,
                         "prediction": label}), evaluation / "predictions.parquet")
pq.write_table(pa.table({"id": range(5), "distance": [1.5] * 5}), "data/prepared/train.parquet")
pq.write_table(pa.table(test), "data/prepared/test.parquet")
(model / "pipeline.skops").write_text(f"model of seed {params['seed']}")
(model.parent / "manifest.json").write_text(json.dumps({"model_digest": f"{params['seed']:064}"}))
metrics = {"roc_auc": 0.6 + params["seed"] / 100, "rows": 300}
(evaluation / "metrics.json").write_text(json.dumps(metrics) + "\\n")
(model / "metrics.json").write_text(json.dumps(metrics) + "\\n")
"""
PARAMS = """name: tiny
seed: 1
model:
  c: 0.9
contract:
  schema:
    columns:
      id: {dtype: int64}
      distance: {dtype: float64}
      late: {dtype: int64, isin: [0, 1]}
  columns:
    id: {role: key}
    late: {role: target}
evaluation:
  gate: {minimum_rows: 100, margin: 0.1, draws: 500}
"""
GRAPH = """stages:
  package:
    cmd: python make.py
    params: [seed, model]
    outs: [models/tiny/bundle, models/tiny/evaluation/predictions.parquet, data/prepared]
    metrics:
    - models/tiny/evaluation/metrics.json: {cache: false}
"""


@pytest.fixture(scope="session")
def _recorded_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make `history` once: about ten seconds of DVC."""
    world = tmp_path_factory.mktemp("world")
    project = world / "project"
    (project / "conf").mkdir(parents=True)
    site = {f"DVC_{n}": str(world / "dvc") for n in ("GLOBAL_CONFIG_DIR", "SITE_CACHE_DIR")}
    who = {"NAME": "A Tester", "EMAIL": "tester@example.org"}
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "DVC_"))}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "DVC_NO_ANALYTICS": "1", **site}
    environment |= {f"GIT_{r}_{k}": v for r in ("AUTHOR", "COMMITTER") for k, v in who.items()}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def do(*command: str) -> None:
        words = [sys.executable, "-m", *command] if command[0] == "dvc" else command
        done = subprocess.run(
            words, cwd=project, env=environment, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    def commit(message: str) -> None:
        do("git", "add", "-A")
        do("git", "commit", "-qm", message)

    do("git", "init", "-q", "--bare", "-b", "main", "../origin.git")
    do("git", "init", "-q", "-b", "main", ".")
    do("git", "remote", "add", "origin", "../origin.git")
    do("dvc", "init", "-q")
    do("dvc", "remote", "add", "-q", "-d", "storage", "../storage")
    for name, text in (("make.py", MAKE), ("params.yaml", PARAMS), ("dvc.yaml", GRAPH)):
        (project / name).write_text(text)
    (project / "conf" / "config.yaml").write_text("name: tiny\n")
    commit("start")
    do("dvc", "repro", "-q")
    commit("one")
    do("dvc", "push", "-q")
    do("git", "branch", "first")
    do("dvc", "exp", "run", "-q", "--temp", "--name", "quiet-moth", "-S", "model.c=0.5")
    (project / "params.yaml").write_text(PARAMS.replace("seed: 1", "seed: 2"))
    do("dvc", "repro", "-q")
    commit("two")
    do("git", "push", "-q", "origin", "main", "first")
    return world


@pytest.fixture
def history(_recorded_history: Path, tmp_path: Path) -> Path:
    """A project with a past, beside its Git origin and its DVC remote (`../storage`).

    `first` is the commit before `main`, and its outputs were pushed; `quiet-moth` is an experiment
    on top of `first`; main's own outputs are in the local cache alone.
    """
    shutil.copytree(_recorded_history, tmp_path / "world", symlinks=True)
    return tmp_path / "world" / "project"
