"""`playbill plan` on a project: what it says of edits, revisions and clones, in each form."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from playbill.cli.plan import plan
from playbill.errors import HandEditError, LineageError
from playbill.pipeline import duration
from tests.config.conftest import edit
from tests.conftest import Run

pytestmark = pytest.mark.pipeline

Told = Callable[..., str]


@pytest.fixture(scope="module")
def _kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test leaves the project that ran, for the others."""
    return tmp_path_factory.mktemp("kept") / "tiny"


@pytest.fixture
def ran(_kept: Path, tmp_path: Path, run: Run, request: pytest.FixtureRequest) -> Path:
    """The tiny project after `dvc repro`, committed."""
    if not _kept.exists():
        project: Path = request.getfixturevalue("tiny")
        run("dvc", "repro", "-q", cwd=project)
        run("git", "add", "-A", cwd=project)
        run("git", "commit", "-qm", "run", cwd=project)
        shutil.copytree(project, _kept)
    return shutil.copytree(_kept, tmp_path / "ran")


@pytest.fixture
def told(ran: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """What the command prints on the project."""
    monkeypatch.chdir(ran)
    monkeypatch.syspath_prepend(str(ran))
    app = typer.Typer()
    app.command()(plan)

    def call(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments)
        if done.exception:
            raise done.exception
        return done.stdout

    return call


def stages(text: str) -> dict[str, dict[str, Any]]:
    return {one["stage"]: one for one in json.loads(text)["stages"]}


def test_an_edit_is_named_with_its_key_and_the_stages_it_reaches(ran: Path, told: Told) -> None:
    assert told().splitlines()[0] == "`dvc repro` has nothing to do."
    edit(ran / "conf" / "config.yaml", "seed: 7", "seed: 8")
    found = json.loads(told("--json"))
    assert set(found) == {"stages", "interface", "notes"}
    assert found["interface"] == "retrain"
    by = stages(told("--json"))
    assert {name: one["verdict"] for name, one in by.items()} == {
        "compose": "runs",
        "gather": "unchanged",
        "learn": "runs",
        "report": "runs",
    }
    assert by["report"]["reasons"][0] == "evaluation.seed: 7 -> 8"
    assert set(by["learn"]) == {"stage", "verdict", "direct", "reasons", "seconds"}
    assert by["learn"]["reasons"] == ["model.random_state: 7 -> 8", "seed: 7 -> 8"]
    assert by["learn"]["direct"]
    assert by["learn"]["seconds"] == duration.read(ran)["learn"]
    text = told()
    assert "`dvc repro` will run compose, learn, report (" in text.splitlines()[0]
    assert "seed: 7 -> 8" in text
    edit(ran / "conf" / "config.yaml", "seed: 8", "model: {learning_rate: 0.3}\nseed: 7")
    (report,) = (s for s in json.loads(told("--json"))["stages"] if s["stage"] == "report")
    assert (report["verdict"], report["direct"]) == ("if-changed", False)
    markdown = told("--markdown", "-")
    assert "| report | if-changed |" in markdown
    assert told("--markdown", "plan.md") == ""
    assert (ran / "plan.md").read_text() == markdown


def test_planning_changes_nothing(ran: Path, told: Told, run: Run) -> None:
    edit(ran / "conf" / "config.yaml", "seed: 7", "seed: 8")
    told()
    assert run("git", "status", "--porcelain", cwd=ran).stdout == " M conf/config.yaml\n"


def test_a_narrower_contract_breaks_and_words_are_cosmetic(ran: Path, told: Told) -> None:
    contract = ran / "conf" / "contract" / "tiny.yaml"
    edit(contract, "id: {role: key}", "x: {description: Words.}\n  id: {role: key}")
    assert json.loads(told("--json"))["interface"] == "cosmetic"
    edit(contract, "x: {dtype: float64, nullable: true}", "x: {dtype: float64, nullable: false}")
    found = json.loads(told("--json"))
    assert found["interface"] == "breaking"
    assert found["notes"] == ["the field `x` may no longer be null"]


def test_another_threshold_changes_answers_though_no_model_is_made(ran: Path, told: Told) -> None:
    edit(ran / "conf" / "config.yaml", "seed: 7", "evaluation: {threshold: 0.3}\nseed: 7")
    found = json.loads(told("--json"))
    assert found["interface"] == "retrain"
    assert found["notes"] == ["the probability from which on the label is true changes"]
    assert stages(told("--json"))["learn"]["verdict"] == "unchanged"


def test_a_lost_output_that_comes_back_is_no_new_model(ran: Path, told: Told) -> None:
    (ran / "models" / "tiny" / "fitted.json").unlink()
    found = json.loads(told("--json"))
    assert stages(told("--json"))["learn"]["verdict"] == "restored"
    assert found["interface"] == "cosmetic"


def test_a_changed_graph_is_said_to_take_two_runs(ran: Path, told: Told) -> None:
    edit(ran / "conf" / "pipeline" / "tiny.yaml", "config: [evaluation]", "config: [seed]")
    found = json.loads(told("--json"))
    assert any("run it twice" in note for note in found["notes"])
    assert "it now reads seed" in stages(told("--json"))["report"]["reasons"]


def test_a_file_that_nobody_has_is_announced(ran: Path, told: Told) -> None:
    edit(
        ran / "conf" / "pipeline" / "tiny.yaml",
        "config: [source]\n",
        "config: [source]\n    inputs: {rows: rows.json}\n",
    )
    edit(ran / "stages" / "gather.py", "run(params: Params)", "run(params: Params, rows: object)")
    notes = json.loads(told("--json"))["notes"]
    assert any("rows.json, an input of gather, is missing" in note for note in notes)


def test_what_dvc_will_not_recompile_is_taken_as_it_is(ran: Path, told: Told) -> None:
    (ran / "constraints.txt").write_text("# nothing is pinned\n")
    assert stages(told("--json"))["compose"]["verdict"] == "unchanged"
    assert "nothing that the stage compose depends on changed" in told()


def test_a_hand_edit_is_refused_as_dvc_repro_refuses_it(ran: Path, told: Told) -> None:
    edit(ran / "params.yaml", "seed: 7", "seed: 9")
    with pytest.raises(HandEditError, match="seed"):
        told()


def test_against_a_revision_its_outputs_are_what_is_at_hand(
    ran: Path, told: Told, run: Run
) -> None:
    edit(ran / "conf" / "config.yaml", "model: boosting", "model: forest")
    run("dvc", "repro", "-q", cwd=ran)
    run("git", "commit", "-qam", "forest", cwd=ran)
    assert stages(told("--json"))["learn"]["verdict"] == "unchanged"
    by = stages(told("--json", "--against", "HEAD~1"))
    assert [by[name]["verdict"] for name in ("compose", "gather", "learn", "report")] == [
        "runs",
        "unchanged",
        "restored",
        "restored",
    ]
    assert any("RandomForest" in reason for reason in by["learn"]["reasons"])
    with pytest.raises(LineageError, match="nowhere"):
        told("--against", "nowhere")


def test_a_clone_without_outputs_says_what_it_lacks(
    ran: Path, told: Told, run: Run, tmp_path: Path
) -> None:
    run("git", "clone", "-q", str(ran), "clone", cwd=tmp_path)
    said = run("playbill", "plan", "--json", cwd=tmp_path / "clone").stdout
    assert stages(said)["gather"]["reasons"] == [
        "output data/table.json is neither here nor in DVC's cache (`dvc pull` may bring it)"
    ]
    assert [one["verdict"] for one in stages(said).values()] == [
        "unchanged",
        "runs",
        "if-changed",
        "if-changed",
    ]
    assert stages(said)["learn"]["seconds"] is None
