"""The pipeline on the real flights: what runs, what does not, what an experiment leaves."""

import json
import re
import sys
from pathlib import Path

import pytest
import yaml

from tests.config.conftest import edit
from tests.conftest import Run

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("flights")]

STAGES = ["compose", "ingest", "validate", "prepare", "train", "evaluate", "server", "package"]


def ran(text: str) -> list[str]:
    return re.findall(r"Running stage '(\w+)'", text)


def restored(text: str) -> list[str]:
    return re.findall(r"Stage '(\w+)' is cached - skipping run", text)


def test_the_first_run_makes_everything_and_the_second_nothing(
    flights: Path, first_run: str, run: Run
) -> None:
    """What Git holds already (params.yaml, the server's texts) need not be made again."""
    for stage in STAGES:
        assert f"'{stage}'" in first_run
    assert {"ingest", "prepare", "train", "evaluate", "package"} <= set(ran(first_run))
    assert (flights / "models/flights/bundle/manifest.json").is_file()
    assert ran(run("dvc", "repro", cwd=flights).stdout) == []
    assert run("playbill", "compose", "--check", cwd=flights).returncode == 0
    assert run("git", "status", "--porcelain", cwd=flights).stdout == ""


def test_what_git_tracks_is_what_this_platform_makes(flights: Path, run: Run) -> None:
    """params.yaml, dvc.yaml and the server's texts stand in Git as the pipeline writes them."""
    changed = run("git", "diff", "--name-only", "HEAD~1", "HEAD", cwd=flights).stdout.split()
    assert not [name for name in changed if not name.endswith((".gitignore", "dvc.lock"))]


def test_the_model_is_worth_something(flights: Path) -> None:
    metrics = json.loads((flights / "models/flights/evaluation/metrics.json").read_text())
    assert 0.64 < metrics["roc_auc"] < 0.75
    assert {"f1", "precision", "recall", "brier", "calibration_error"} <= set(metrics)


def test_dvc_reads_metrics_and_draws_plots(flights: Path, run: Run, tmp_path: Path) -> None:
    shown = json.loads(run("dvc", "metrics", "show", "--json", cwd=flights).stdout)
    assert "models/flights/evaluation/metrics.json" in str(shown)
    run("dvc", "plots", "show", "-o", str(tmp_path / "plots"), cwd=flights)
    page = (tmp_path / "plots" / "index.html").read_text()
    for title in ("ROC", "precision and recall", "calibration", "confusion"):
        assert title in page


def test_packaging_needs_no_scikit_learn(mine: Path, run: Run) -> None:
    code = "import runpy, sys; runpy.run_module('stages.package', run_name='__main__'); "
    done = run(sys.executable, "-c", f"{code}print(*sys.modules)", cwd=mine)
    tops = {name.partition(".")[0] for name in done.stdout.split()}
    assert not {"sklearn", "skops", "scipy", "duckdb", "pandera", "hydra", "dvc"} & tops


def test_another_model_in_config_yaml_reruns_only_what_depends_on_it(mine: Path, run: Run) -> None:
    edit(mine / "conf" / "config.yaml", "model: boosting", "model: logistic")
    done = run("dvc", "repro", cwd=mine).stdout
    assert ran(done) == ["compose", "train", "evaluate", "package"]
    edit(mine / "conf" / "config.yaml", "model: logistic", "model: boosting")
    back = run("dvc", "repro", cwd=mine).stdout
    assert ran(back) == ["compose"]
    assert restored(back) == ["train", "evaluate", "package"]


def test_an_experiment_is_true_afterwards(mine: Path, run: Run) -> None:
    done = run("dvc", "exp", "run", "-S", "model=forest", "-S", "model.max_depth=8", cwd=mine)
    assert ran(done.stdout) == ["compose", "train", "evaluate", "package"]
    params = yaml.safe_load((mine / "params.yaml").read_text())
    assert params["model"]["max_depth"] == 8
    assert "RandomForest" in params["model"]["_target_"]
    assert ran(run("dvc", "repro", cwd=mine).stdout) == []
    assert run("playbill", "compose", "--check", cwd=mine).returncode == 0

    second = run("dvc", "exp", "run", "-S", "seed=5", cwd=mine)
    assert "train" in ran(second.stdout)
    assert yaml.safe_load((mine / "params.yaml").read_text())["model"]["max_depth"] == 8

    plain = run("dvc", "exp", "run", cwd=mine)
    assert ran(plain.stdout) == ["compose"]

    shown = run("playbill", "compare", "HEAD", "--json", cwd=mine)
    assert "model.max_depth" in shown.stdout
