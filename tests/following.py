"""A project in Git and DVC whose stage `package` copies a bundle that was made before."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.serving import NAME, write

MAKE = f"""
import pathlib, random, shutil, yaml
import pyarrow as pa, pyarrow.parquet as pq
params = yaml.safe_load(open("params.yaml"))
evaluation = pathlib.Path("models/{NAME}/evaluation")
for folder in (evaluation, pathlib.Path("data/prepared")):
    folder.mkdir(parents=True, exist_ok=True)
shutil.copytree(f"../bundles/{{params['seed']}}", "models/{NAME}/bundle")
late = [int(i % 3 == 0) for i in range(300)]
draw = random.Random(params["seed"])
score = [min(max(0.5 * l + 0.4 * draw.random(), 0.0), 1.0) for l in late]
pq.write_table(pa.table({{"id": range(300), "late": late, "probability": score,
               "prediction": [int(s >= 0.5) for s in score]}}), evaluation / "predictions.parquet")
pq.write_table(pa.table({{"id": range(5), "distance": [1.5] * 5}}), "data/prepared/train.parquet")
pq.write_table(pa.table({{"id": range(300), "distance": [1.5] * 300, "late": late}}),
               "data/prepared/test.parquet")
shutil.copy("models/{NAME}/bundle/model/metrics.json", evaluation / "metrics.json")
"""
PARAMS = f"""name: {NAME}
seed: 1
contract:
  schema:
    columns:
      id: {{dtype: int64}}
      distance: {{dtype: float64}}
      late: {{dtype: int64, isin: [0, 1]}}
  columns:
    id: {{role: key}}
    late: {{role: target}}
evaluation:
  gate: {{minimum_rows: 100, margin: 0.1, draws: 500}}
server:
  canary: {{share: 0.5, header: x-caller}}
"""
GRAPH = f"""stages:
  package:
    cmd: python make.py
    params: [seed]
    outs: [models/{NAME}/bundle, models/{NAME}/evaluation/predictions.parquet, data/prepared]
    metrics:
    - models/{NAME}/evaluation/metrics.json: {{cache: false}}
"""


def call(*words: str, cwd: Path) -> str:
    """Run a program in the project, with this interpreter's DVC."""
    command = [sys.executable, "-m", *words] if words[0] == "dvc" else list(words)
    done = subprocess.run(command, cwd=cwd, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


def project(world: Path, bundles: Mapping[int, Mapping[str, bytes]]) -> Path:
    """Return a project with a commit, and the branch `v<number>`, for each bundle; pushed."""
    root = world / "project"
    (root / "conf").mkdir(parents=True)
    for number, files in bundles.items():
        write(files, world / "bundles" / str(number))
    call("git", "init", "-q", "--bare", "-b", "main", "../origin.git", cwd=root)
    call("git", "init", "-q", "-b", "main", ".", cwd=root)
    call("git", "remote", "add", "origin", "../origin.git", cwd=root)
    call("dvc", "init", "-q", cwd=root)
    call("dvc", "remote", "add", "-q", "-d", "storage", "../storage", cwd=root)
    for name, text in (("make.py", MAKE), ("params.yaml", PARAMS), ("dvc.yaml", GRAPH)):
        (root / name).write_text(text)
    (root / "conf" / "config.yaml").write_text(f"name: {NAME}\n")
    for number in bundles:
        (root / "params.yaml").write_text(PARAMS.replace("seed: 1", f"seed: {number}"))
        call("dvc", "repro", "-q", cwd=root)
        call("git", "add", "-A", cwd=root)
        call("git", "commit", "-qm", f"bundle {number}", cwd=root)
        call("git", "branch", f"v{number}", cwd=root)
        call("dvc", "push", "-q", cwd=root)
    call("git", "push", "-q", "origin", "main", *[f"v{number}" for number in bundles], cwd=root)
    return root


def deployed(root: Path) -> Path:
    """Return another clone of the project, as a machine has it that only serves."""
    clone = root.parent / "clone"
    call("git", "clone", "-q", str(root.parent / "origin.git"), str(clone), cwd=root)
    shutil.copy(root / ".dvc" / "config", clone / ".dvc" / "config")
    (clone / "models").mkdir(exist_ok=True)
    return clone


def push_tags(root: Path) -> None:
    """Push every tag, as `playbill promote` tells one to."""
    call("git", "push", "-q", "origin", "--tags", cwd=root)
