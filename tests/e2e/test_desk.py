"""At a desk: one stage by itself, a notebook, the doctor."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import REPOSITORY, Run

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("flights")]


def test_one_stage_runs_into_a_scratch_folder(flights: Path, run: Run) -> None:
    before = (flights / "models/flights/pipeline.skops").stat().st_mtime_ns
    done = run("playbill", "run", "prepare", cwd=flights)
    assert ".dvc/tmp/playbill/run/prepare" in done.stdout
    scratch = flights / ".dvc/tmp/playbill/run/prepare/data/prepared"
    mine = flights / "data/prepared"
    assert (scratch / "train.parquet").read_bytes() == (mine / "train.parquet").read_bytes()
    assert (flights / "models/flights/pipeline.skops").stat().st_mtime_ns == before


def test_a_stage_that_does_not_exist_names_the_nearest(flights: Path, run: Run) -> None:
    done = run("playbill", "run", "trian", cwd=flights, check=False)
    assert done.returncode == 2
    assert "`train`" in done.stderr


@pytest.mark.filterwarnings(
    "ignore"
)  # the kernel's own libraries warn; the notebook is what counts
def test_the_notebook_runs(flights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = nbformat.read(  # type: ignore[no-untyped-call]
        REPOSITORY / "docs" / "tutorial" / "notebook.ipynb", as_version=4
    )
    monkeypatch.chdir(flights)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(flights)}})
    client.execute()
    last = str(notebook.cells[-1]["outputs"])
    assert "0.6" in last or "0.7" in last


def test_doctor_finds_nothing_wrong_in_a_fresh_clone(flights: Path, run: Run) -> None:
    done = run("playbill", "doctor", "--json", cwd=flights, check=False)
    wrong = [f for f in json.loads(done.stdout) if f["state"] == "wrong"]
    # The clone shares the tests' environment, in which another checkout is installed: so said.
    assert [f["subject"] for f in wrong] == ["playbill"]
