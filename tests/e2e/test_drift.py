"""`playbill drift` on the real bundle."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Run

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("flights")]


def test_a_random_half_of_the_training_rows_is_no_drift(
    flights: Path, run: Run, tmp_path: Path
) -> None:
    train = pd.read_parquet(flights / "data/prepared/train.parquet")
    for seed in (1, 2, 3):
        train.sample(frac=0.5, random_state=seed).to_parquet(tmp_path / "half.parquet")
        done = run("playbill", "drift", str(tmp_path / "half.parquet"), cwd=flights, check=False)
        assert done.returncode == 0, done.stdout


def test_a_table_of_a_revision_is_fetched_and_compared(flights: Path, run: Run) -> None:
    words = ["playbill", "drift", "data/prepared/train.parquet", "--rev", "HEAD", "--json"]
    found = json.loads(run(*words, cwd=flights).stdout)
    assert found["verdict"] == "no drift"
    assert found["basis"] == "same periods"


def test_a_later_month_is_drift_and_the_columns_are_named(
    flights: Path, run: Run, tmp_path: Path
) -> None:
    html, markdown = tmp_path / "drift.html", tmp_path / "drift.md"
    done = run(
        "playbill", "drift", "--window", "2013-07-01:2013-08-01", "--json",
        "--html", str(html), "--markdown", str(markdown), cwd=flights, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    drifted = {column["name"] for column in found["columns"] if column["drifted"]}
    # One month against three: summer is far off, but months differ so much that it may be chance.
    assert "wind_gust" in drifted
    assert found["basis"] == "design effect"
    assert next(c["effect"] for c in found["columns"] if c["name"] == "temp") > 0.5
    assert "temp" in markdown.read_text()
    page = html.read_text()
    assert "temp" in page
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page


def test_rows_without_the_target_are_taken_too(flights: Path, run: Run, tmp_path: Path) -> None:
    train = pd.read_parquet(flights / "data/prepared/train.parquet").drop(columns="late")
    train.sample(frac=0.5, random_state=1).to_csv(tmp_path / "half.csv", index=False)
    assert run("playbill", "drift", str(tmp_path / "half.csv"), cwd=flights).returncode == 0
