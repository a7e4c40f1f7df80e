"""`playbill new --data`: from a table to a project whose contract it keeps."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from playbill.errors import DataError, PlaybillError, UsageError
from playbill.skeleton.own import look
from tests.conftest import Run

ROWS = 400


def customers(**columns: Any) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    calls = draw.poisson(3, ROWS)
    return pd.DataFrame({
        "Customer ID": [f"c{number:05}" for number in range(ROWS)],
        "signed_up": pd.date_range("2025-01-01", periods=ROWS, freq="17h"),
        "email": [f"someone{number}@example.org" for number in range(ROWS)],
        "plan": draw.choice(["basic", "plus", "pro"], ROWS),
        "it's a \"fee\": yes": draw.gamma(3, 10, ROWS).round(2),
        "age": np.where(draw.random(ROWS) < 0.1, np.nan, draw.integers(18, 90, ROWS)),
        "calls": calls,
        "churned": np.where(draw.random(ROWS) < calls / 8, "yes", "no"),
        **columns,
    })  # fmt: skip


def written(frame: pd.DataFrame, folder: Path, ending: str = "csv") -> Path:
    path = folder / f"customers.{ending}"
    frame.to_csv(path, index=False) if ending == "csv" else frame.to_parquet(path, index=False)
    return path


@pytest.mark.pipeline
def test_a_table_becomes_a_model(tmp_path: Path, run: Run) -> None:
    table = written(customers(), tmp_path)
    words = ["playbill", "new", "churn", "--data", str(table), "--target", "churned"]
    said = run(*words, cwd=tmp_path).stdout
    assert "key Customer ID, time signed_up, target churned" in said
    assert "left out, for they seem personal: email" in said
    project = tmp_path / "churn"
    run("dvc", "repro", cwd=project)
    kept = pd.read_parquet(project / "data/validated/table.parquet")
    assert len(kept) == ROWS
    assert "email" not in kept
    metrics = json.loads((project / "models/churn/evaluation/metrics.json").read_text())
    assert metrics["roc_auc"] > 0.55
    tracked = run("git", "ls-files", "data", cwd=project).stdout.split()
    assert "data/source/customers.csv.dvc" in tracked
    assert "data/source/customers.csv" not in tracked


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["no", "yes"], "binary", ["no", "yes"]),
        ([0, 1], "binary", [0, 1]),
        ([True, False], "binary", [0, 1]),
        (["a", "b", "c"], "multiclass", ["a", "b", "c"]),
        ([1, 2, 3], "multiclass", [1, 2, 3]),
        (list(range(40)), "regression", None),
        ([0.5, 1.5, 2.25], "regression", None),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_targets_values_say_what_is_predicted(
    tmp_path: Path, ending: str, values: list[Any], task: str, classes: list[Any] | None
) -> None:
    frame = customers(churned=[values[n % len(values)] for n in range(ROWS)])
    own = look(written(frame, tmp_path, ending), "churned", key=None, time=None, task=None)
    assert own.task == task
    contract = yaml.safe_load(own.contract)
    assert contract.get("task", "binary") == task
    assert contract["schema"]["columns"]["churned"].get("isin") == classes


def test_rows_without_the_target_are_left_out(tmp_path: Path) -> None:
    frame = customers()
    frame.loc[:9, "churned"] = None
    own = look(written(frame, tmp_path), "churned", key=None, time=None, task=None)
    assert "WHERE churned IS NOT NULL" in own.query
    assert yaml.safe_load(own.contract)["schema"]["columns"]["churned"]["nullable"] is False


def test_a_time_cast_is_asked_of_csv_alone(tmp_path: Path) -> None:
    for ending, cast in (("csv", True), ("parquet", False)):
        path = written(customers(), tmp_path, ending)
        own = look(path, "churned", key=None, time=None, task=None)
        assert ("signed_up::TIMESTAMP" in own.query) == cast
        assert own.first == ("2025-01-01", "2025-10-11")


def test_columns_called_like_words_of_sql_are_asked_for_in_quotes(tmp_path: Path) -> None:
    frame = customers().rename(columns={"signed_up": "at", "Customer ID": "order"})
    own = look(written(frame, tmp_path), "churned", key="order", time="at", task=None)
    assert own.first == ("2025-01-01", "2025-10-11")
    assert '"at"::TIMESTAMP AS "at"' in own.query
    assert own.query.endswith('ORDER BY "order"')


def test_a_table_without_a_key_is_told_what_it_lacks(tmp_path: Path) -> None:
    path = written(customers()[["plan", "age", "churned"]], tmp_path)
    with pytest.raises(DataError, match="identifies a row"):
        look(path, "churned", key=None, time=None, task=None)


def test_mistakes_are_named(tmp_path: Path, run: Run) -> None:
    path = written(customers(), tmp_path)
    with pytest.raises(PlaybillError, match="churn"):
        look(path, "churn", key=None, time=None, task=None)
    with pytest.raises(DataError, match="there is no file"):
        look(tmp_path / "none.csv", "churned", key=None, time=None, task=None)
    with pytest.raises(UsageError, match="one value only"):
        look(written(customers(churned="no"), tmp_path), "churned", key=None, time=None, task=None)
    for words, said in (
        (["--data", str(path)], "--data was given without --target"),
        (["--target", "churned"], "--target was given without --data"),
    ):
        done = run("playbill", "new", "churn", *words, cwd=tmp_path, check=False)
        assert done.returncode == 2
        assert said in done.stderr
        assert not (tmp_path / "churn").exists()
