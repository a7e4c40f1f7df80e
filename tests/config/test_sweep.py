"""Experiments: a queue, a sweep, and every form of an override, each honoured or refused."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.config.conftest import edit
from tests.config.test_own_stage import ran
from tests.conftest import Run

pytestmark = pytest.mark.pipeline


@pytest.fixture
def compared(tiny: Path, run: Run) -> Path:
    """The tiny project, run once, its metrics where `playbill compare` looks for them."""
    edit(
        tiny / "conf" / "pipeline" / "tiny.yaml",
        "tiny/metrics.json",
        "tiny/evaluation/metrics.json",
    )
    run("playbill", "compose", cwd=tiny)
    run("dvc", "repro", cwd=tiny)
    run("git", "add", "-A", cwd=tiny)
    run("git", "commit", "-qm", "run", cwd=tiny)
    return tiny


@pytest.fixture
def worker(compared: Path, run: Run) -> Iterator[Path]:
    """The same with a queue, whose worker outlives its work unless it is killed."""
    yield compared
    run("dvc", "queue", "stop", "--kill", cwd=compared, check=False)
    for file in compared.glob(".dvc/tmp/exps/celery/*.pid"):
        with suppress(OSError, ValueError):
            os.kill(int(file.read_text()), signal.SIGKILL)


def experiments(project: Path, run: Run) -> dict[str, dict[str, Any]]:
    """Return the params of each experiment that `dvc exp show` lists, by name."""
    found = {}
    for baseline in json.loads(run("dvc", "exp", "show", "--json", cwd=project).stdout):
        for experiment in baseline["experiments"] or []:
            for revision in experiment["revs"]:
                params = revision["data"]["params"]["params.yaml"]["data"]
                found[revision["name"]] = params
    return found


def fitted(project: Path) -> dict[str, Any]:
    found = json.loads((project / "models" / "tiny" / "fitted.json").read_text())
    assert isinstance(found, dict)
    return found


def test_a_queued_sweep_gives_each_experiment_what_it_said(worker: Path, run: Run) -> None:
    project = worker
    run("dvc", "exp", "run", "--queue", "-S", "model.max_iter=3,5", cwd=project)
    words = ("-S", "model=forest", "-S", "model.max_depth=8", "-S", "seed=9")
    run("dvc", "exp", "run", "--queue", "-n", "wood", *words, cwd=project)
    run("dvc", "exp", "run", "--run-all", cwd=project)

    shown = experiments(project, run)
    swept = {params["model"].get("max_iter"): name for name, params in shown.items()}
    assert set(swept) == {3, 5, None}
    assert swept[None] == "wood"
    assert shown["wood"]["model"]["max_depth"] == 8
    assert shown["wood"]["model"]["random_state"] == 9

    table = json.loads(run("playbill", "compare", "HEAD", "wood", "--json", cwd=project).stdout)
    assert "0.9" in json.dumps(table)  # the tiny report's score is a tenth of the seed

    run("dvc", "exp", "apply", swept[3], cwd=project)
    assert fitted(project)["model"]["max_iter"] == 3
    assert "max_iter: 3" in (project / "conf" / "recorded.yaml").read_text()
    assert ran(run("dvc", "repro", cwd=project).stdout) == []
    assert run("playbill", "compose", "--check", cwd=project).returncode == 0
    # A group switch on top of a recorded value of the other choice.
    run("dvc", "exp", "run", "-S", "model=logistic", cwd=project)
    assert "LogisticRegression" in fitted(project)["model"]["_target_"]
    assert "max_iter: 3" in (project / "conf" / "recorded.yaml").read_text()  # logistic has it too

    run("git", "reset", "-q", "--hard", cwd=project)
    run("dvc", "exp", "branch", "wood", "forest", cwd=project)
    run("git", "switch", "-q", "forest", cwd=project)
    run("dvc", "checkout", cwd=project)
    assert fitted(project)["model"]["max_depth"] == 8
    assert ran(run("dvc", "repro", cwd=project).stdout) == []
    assert "model=forest" in run("playbill", "check", cwd=project).stdout


HONOURED = [
    (["-S", "+contract.label_delay=2d"], ("contract", "label_delay"), "2d"),
    (["-S", "++model.max_iter=11"], ("model", "max_iter"), 11),
    (["-S", "model.max_leaf_nodes=null"], ("model", "max_leaf_nodes"), None),
    (["--no-hydra", "-S", "seed=9"], ("model", "random_state"), 9),
]


def test_an_override_is_honoured_and_stays_true(tiny: Path, run: Run) -> None:
    for words, (group, key), value in HONOURED:
        run("git", "restore", ".", cwd=tiny)
        run("dvc", "exp", "run", *words, "compose", cwd=tiny)
        found = yaml.safe_load((tiny / "params.yaml").read_text())
        assert found[group][key] == value, words
        assert ran(run("dvc", "repro", "compose", cwd=tiny).stdout) == [], words
        assert run("playbill", "compose", "--check", cwd=tiny).returncode == 0


REFUSED = [
    (["-S", "+model.x=1"], "`HistGradientBoostingClassifier` takes no `x`"),
    (["-S", "~model.max_iter"], "removes ['model.max_iter']"),
    (["-S", "+sead=3"], "`seed`"),
    (["--no-hydra", "-S", "model.max_iter=-4"], "a whole number in [1, inf)"),
    (["-S", "model.max_iter=3,5"], "without `--queue`"),
    (["-S", "modle.max_iter=3"], "modle"),
]


def test_an_override_that_cannot_be_kept_is_refused_aloud(tiny: Path, run: Run) -> None:
    for words, told in REFUSED:
        run("git", "restore", ".", cwd=tiny)
        done = run("dvc", "exp", "run", *words, "compose", cwd=tiny, check=False)
        assert done.returncode != 0, words
        assert told in done.stderr + done.stdout
        assert (tiny / "conf" / "recorded.yaml").read_text() == "# @package _global_\n"
