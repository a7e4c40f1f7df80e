"""`playbill drift`, with the bundle's verification and the project's readers played by fakes."""

import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner, Result

from playbill.cli.drift import drift
from playbill.config.schema import Drift
from playbill.config.source import Window
from playbill.drift.profile import build_profile
from playbill.errors import BundleError, DataError, UsageError
from playbill.pipeline.window import beyond
from tests.drift.conftest import COLUMNS, draw

Run = Callable[..., Result]


def module(monkeypatch: pytest.MonkeyPatch, name: str, **members: object) -> None:
    """Put a module with these members in the place of `name`."""
    fake = ModuleType(name)
    vars(fake).update(members)
    monkeypatch.setitem(sys.modules, name, fake)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    (folder / "model").mkdir(parents=True)
    profile = build_profile(draw(2000, 1), COLUMNS, Drift(draws=500))
    (folder / "model" / "profile.json").write_text(json.dumps(profile))
    return folder


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the folders that the command had verified."""
    seen: list[Path] = []
    module(monkeypatch, "playbill.bundle.manifest", verify=seen.append)
    return seen


@pytest.fixture
def run(
    bundle: Path,
    verified: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Return a function that runs the command in a folder outside of any project."""
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(drift)

    def call(*words: str, own: bool = True) -> Result:
        chosen = ["--bundle", str(bundle)] if own else []
        return CliRunner().invoke(app, [*words, *chosen], env={"COLUMNS": "140"})

    return call


@pytest.fixture
def project(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[object, ...]]:
    """Turn the folder into a project whose policy asks for 5,000 rows; return the calls to it."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").touch()
    calls: list[tuple[object, ...]] = []

    def locate(root: Path, ref: str | None = None) -> Path:
        calls.append((root, ref))
        return bundle

    def read_window(root: Path, start: date, end: date) -> pd.DataFrame:
        calls.append((root, start, end))
        return draw(6000, 9)

    window = Window(start=date(2013, 1, 1), end=date(2013, 4, 1))
    params = SimpleNamespace(
        drift=Drift(draws=500, minimum_rows=5000), source=SimpleNamespace(window=window)
    )
    module(monkeypatch, "playbill.lineage.bundle", locate=locate)
    module(monkeypatch, "playbill.pipeline.window", read_window=read_window, beyond=beyond)
    module(monkeypatch, "playbill.config.params", read_params=lambda _: params)
    return calls


@pytest.fixture
def same(tmp_path: Path) -> str:
    path = tmp_path / "same.csv"
    draw(1500, 10).to_csv(path, index=False)
    return str(path)


@pytest.fixture
def warmer(tmp_path: Path) -> str:
    frame = draw(1500, 10)
    frame["temp"] += 10
    frame.to_parquet(tmp_path / "warmer.parquet")
    return str(tmp_path / "warmer.parquet")


def test_no_drift_exits_with_zero_and_says_so_first(run: Run, same: str) -> None:
    result = run(same)
    assert result.exit_code == 0
    assert result.output.startswith("No drift: none of 6 columns differs")


def test_drift_exits_with_one_and_names_the_column(run: Run, warmer: str) -> None:
    result = run(warmer)
    assert result.exit_code == 1
    assert result.output.startswith("Drift: 1 of 6 columns: temp")
    assert result.output.index("temp   ") < result.output.index("hour   ")


def test_json_is_the_whole_of_the_output(run: Run, warmer: str) -> None:
    result = run(warmer, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["verdict"] == "drift"


def test_reports_are_written_where_they_are_wanted(run: Run, warmer: str, tmp_path: Path) -> None:
    page, text = tmp_path / "out" / "drift.html", tmp_path / "out" / "drift.md"
    run(warmer, "--html", str(page), "--markdown", str(text))
    assert "<h1>Drift</h1>" in page.read_text(encoding="utf-8")
    assert text.read_text(encoding="utf-8").startswith("### Drift")


@pytest.mark.parametrize(
    ("fail_on", "drift_exit", "few_exit"),
    [("drift", 1, 0), ("inconclusive", 1, 1), ("never", 0, 0)],
)
def test_the_caller_chooses_what_fails(
    fail_on: str, drift_exit: int, few_exit: int, run: Run, warmer: str, tmp_path: Path
) -> None:
    draw(20, 9).to_csv(tmp_path / "few.csv", index=False)
    assert run(warmer, "--fail-on", fail_on).exit_code == drift_exit
    few = run(str(tmp_path / "few.csv"), "--fail-on", fail_on)
    assert few.exit_code == few_exit
    assert few.output.startswith("No verdict: 20 new rows are fewer than the 100")


def test_nothing_of_the_bundle_is_read_before_it_is_verified(
    run: Run, same: str, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        raise BundleError(f"{folder.name} was altered")

    module(monkeypatch, "playbill.bundle.manifest", verify=refuse)
    (bundle / "model" / "profile.json").write_text("{broken")
    result = run(same)
    assert isinstance(result.exception, BundleError)
    assert "altered" in str(result.exception)


def test_the_bundle_is_verified(run: Run, same: str, bundle: Path, verified: list[Path]) -> None:
    run(same)
    assert verified == [bundle]


def test_a_bundle_without_a_profile_is_an_error(run: Run, same: str, bundle: Path) -> None:
    (bundle / "model" / "profile.json").unlink()
    assert isinstance(run(same).exception, BundleError)


def test_a_profile_with_a_strange_policy_is_an_error(run: Run, same: str, bundle: Path) -> None:
    path = bundle / "model" / "profile.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"policy": {"alpha": 7}}))
    assert "policy cannot be read" in str(run(same).exception)


def test_inside_a_project_its_policy_counts(
    run: Run, same: str, project: list[tuple[object, ...]]
) -> None:
    assert "fewer than the 5,000" in run(same).output
    assert project == []


def test_the_projects_bundle_is_the_default_and_ref_names_another(
    run: Run, same: str, project: list[tuple[object, ...]], tmp_path: Path
) -> None:
    assert run(same, own=False).exit_code == 0
    assert run(same, "--ref", "flights@v1.0.0", own=False).exit_code == 0
    assert project == [(tmp_path, None), (tmp_path, "flights@v1.0.0")]


def test_a_window_is_read_from_the_source(
    run: Run, project: list[tuple[object, ...]], tmp_path: Path
) -> None:
    result = run("--window", "2013-07-01:2013-08-01")
    assert "6,000 new rows" in result.output
    assert project == [(tmp_path, date(2013, 7, 1), date(2013, 8, 1))]


def test_by_reads_the_rows_that_a_retraining_would_add(
    run: Run, project: list[tuple[object, ...]], tmp_path: Path
) -> None:
    run("--by", "1m")
    assert project == [(tmp_path, date(2013, 4, 1), date(2013, 5, 1))]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "a file or a window is needed"),
        (["a.csv", "--window", "2013-07-01:2013-08-01"], "a file and a window were given"),
        (["--window", "July"], "'July' is not a window"),
        (["--window", "2013-08-01:2013-07-01"], "not after its start"),
        (["a.csv", "--by", "1m"], "--by was given with a file, a window or a log"),
        (["a.csv", "--ref", "main"], "--bundle and --ref were both given"),
        (["--log", "log", "--labels", "a.csv"], "--labels was given with --log"),
    ],
)
def test_a_wrong_call_is_told_what_is_right(words: list[str], text: str, run: Run) -> None:
    error = run(*words).exception
    assert isinstance(error, UsageError)
    assert text in str(error)


def test_a_file_that_is_not_there_is_an_error(run: Run) -> None:
    assert isinstance(run("gone.csv").exception, DataError)


def test_a_report_that_cannot_be_written_is_an_error(run: Run, same: str) -> None:
    assert "cannot be written" in str(run(same, "--html", f"{same}/x.html").exception)


def test_labels_of_a_model_whose_own_truth_is_not_known_are_refused(run: Run, same: str) -> None:
    result = run(same, "--labels", same)
    assert isinstance(result.exception, UsageError)
    assert "what the hold-out's truth was" in str(result.exception)


def test_help_gives_examples_and_loads_nothing_heavy(run: Run) -> None:
    result = run("--help", own=False)
    assert result.exit_code == 0
    assert "Examples:" in result.output
