"""`playbill compare`: which revisions, in which form, and what is said when one lacks something."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from playbill.cli.compare import compare
from playbill.errors import LineageError
from playbill.lineage import worktree


@pytest.fixture
def project(history: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(history)
    return history


def _run(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(compare)
    return CliRunner().invoke(app, arguments)


def _json(*arguments: str) -> dict[str, Any]:
    result = _run(*arguments, "--json")
    assert result.exit_code == 0, repr(result.exception)
    read: dict[str, Any] = json.loads(result.stdout)
    return read


def test_no_revision_compares_head_with_the_workspace(project: Path) -> None:
    (project / "params.yaml").write_text((project / "params.yaml").read_text() + "extra: 1\n")
    found = _json()
    assert found["sides"] == ["HEAD", "workspace"]
    assert found["params"] == [{"name": "extra", "values": ["-", 1], "differences": []}]
    assert {row["name"]: row["differences"] for row in found["metrics"]} == {
        "roc_auc": [0.0],
        "rows": [0],
    }


def test_a_metric_that_an_older_revision_calls_otherwise_is_one_metric(project: Path) -> None:
    metrics = project / "models" / "tiny" / "evaluation" / "metrics.json"
    measured = json.loads(metrics.read_text())
    metrics.write_text(json.dumps({**measured, "mcc": 0.5}))
    worktree.commit(project, [str(metrics.relative_to(project))], "As it was called before")
    metrics.write_text(json.dumps({**measured, "matthews_corrcoef": 0.75}))
    rows = {row["name"]: row for row in _json()["metrics"]}
    assert "mcc" not in rows
    assert rows["matthews_corrcoef"]["values"] == [0.5, 0.75]


@pytest.mark.usefixtures("project")
def test_one_revision_is_compared_with_the_workspace() -> None:
    found = _json("first")
    assert found["sides"] == ["first", "workspace"]
    assert found["params"] == [{"name": "seed", "values": [1, 2], "differences": []}]
    assert {"roc_auc", "brier", "f1"} <= {one["metric"] for one in found["paired"]}
    assert all(one["rows"] == 300 for one in found["paired"])
    assert found["notes"] == []


def test_figures_of_another_run_than_the_params_beside_them_are_said(project: Path) -> None:
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("c: 0.9", "c: 0.1"))
    (note,) = _json()["notes"]
    assert note.startswith("the figures of workspace are of an earlier run")
    assert "`model`" in note


@pytest.mark.usefixtures("project")
def test_an_experiment_is_compared_by_its_name_with_its_predictions() -> None:
    found = _json("first", "quiet-moth", "main")
    assert found["sides"] == ["first", "quiet-moth", "main"]
    assert {"name": "model.c", "values": [0.9, 0.5, 0.9], "differences": []} in found["params"]
    sharper = [
        one
        for one in found["paired"]
        if one["side"] == "quiet-moth" and one["metric"] in {"roc_auc", "brier"}
    ]
    assert {one["verdict"] for one in sharper} == {"better"}


def test_predictions_that_nobody_has_are_said_and_the_rest_is_compared(project: Path) -> None:
    shutil.rmtree(project / ".dvc" / "cache")
    found = _json("main", "first")
    assert found["paired"] == []
    note = found["notes"][0]
    assert note.startswith("main: no predictions to compare row by row")
    assert "neither in DVC's cache nor in the DVC remote" in note
    assert found["metrics"]


@pytest.mark.usefixtures("project")
def test_the_text_has_a_table_for_each_question() -> None:
    text = _run("first", "quiet-moth").stdout
    for title in ("Metrics", "On the same rows", "What differs in params.yaml"):
        assert title in text


def test_markdown_goes_to_a_file_and_the_table_to_the_terminal_only_if_asked(
    project: Path,
) -> None:
    result = _run("first", "main", "--markdown", "report.md")
    assert (result.exit_code, result.stdout) == (0, "")
    written = (project / "report.md").read_text(encoding="utf-8")
    assert written.startswith("### first against main\n")
    assert _run("first", "main", "--markdown", "-").stdout == written
    both = _run("first", "main", "--markdown", "report.md", "--json")
    assert json.loads(both.stdout)["sides"] == ["first", "main"]


@pytest.mark.usefixtures("project")
def test_a_revision_without_metrics_is_named() -> None:
    error = _run("first~1").exception
    assert isinstance(error, LineageError)
    assert "metrics.json of revision" in error.what


def test_an_unknown_revision_ends_with_status_3_and_no_traceback(
    project: Path, run: Callable[..., Any]
) -> None:
    done = run("playbill", "compare", "mian", cwd=project, check=False)
    assert done.returncode == 3
    assert "PB600 `mian` is no revision" in done.stderr
    assert "one of main" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_comparison_leaves_the_workspace_alone(project: Path) -> None:
    _json("first", "quiet-moth")
    assert worktree.changed(project) == []
