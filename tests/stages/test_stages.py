"""The reference project's stages, on four real days."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from playbill.config.schema import Params
from playbill.contract.column import inputs
from playbill.contract.frame import as_model_frame
from playbill.errors import ContractError, DataError, MissingExtraError
from playbill.model.estimator import predict
from playbill.model.persistence import dump, load
from stages import evaluate, flights, ingest, prepare, train, validate

Configure = Callable[..., Params]
ROOT = Path(__file__).resolve().parents[2]


def test_ingest_gives_one_row_a_scheduled_flight(table: pd.DataFrame) -> None:
    assert len(table) == 3614
    assert table["flight_id"].is_unique
    assert table["flight_id"].iloc[0] == "UA-1545-EWR-20130101T0515"
    assert table["scheduled_departure"].is_monotonic_increasing
    assert table["scheduled_departure"].max() < pd.Timestamp("2013-01-05")


def test_a_flight_has_the_weather_of_its_hour_and_its_aircraft(table: pd.DataFrame) -> None:
    row = table.set_index("flight_id").loc["UA-1545-EWR-20130101T0515"]
    assert (row["temp"], row["wind_dir"], row["weekday"]) == (39.02, 260, 2)
    assert (row["plane_year"], row["manufacturer"]) == (1999, "BOEING")
    assert row["late"] == 0  # it came 11 minutes late


def test_a_cancelled_flight_has_no_target(table: pd.DataFrame) -> None:
    assert 0 < table["late"].isna().sum() < 100


def test_snapshots_are_kept_by_window_with_their_provenance(ingested: dict[str, Any]) -> None:
    files = ingested["snapshots"]
    assert set(files) == {
        "flights/2013-01-01_2013-01-05.parquet", "flights.json",
        "weather/2013-01-01_2013-01-05.parquet", "weather.json",
        "planes.parquet", "planes.json",
    }  # fmt: skip
    assert files["flights.json"]["rows"] == 3614
    assert files["planes.json"]["window"] is None


def test_ingest_twice_gives_the_same(params: Params, ingested: dict[str, Any]) -> None:
    again: dict[str, Any] = ingest.run(params)
    for name, before in ingested["snapshots"].items():
        now = again["snapshots"][name]
        same = now == before if isinstance(now, dict) else now.read_bytes() == before.read_bytes()
        assert same, name
    assert again["table"].read_bytes() == ingested["table"].read_bytes()


def test_nothing_known_only_after_departure_is_ingested(
    params: Params, table: pd.DataFrame
) -> None:
    assert not set(params.contract.unavailable) & set(table.columns)
    read = set(flights.FLIGHT_COLUMNS) & set(params.contract.unavailable)
    assert read == {"arr_delay"}  # the target is made of it


def test_the_contract_describes_exactly_the_table(
    params: Params, table: pd.DataFrame, ingested: dict[str, Any]
) -> None:
    assert list(params.contract.schema_["columns"]) == list(table.columns)
    assert validate.run(params, table=ingested["table"])["valid"] == ingested["table"]


def test_every_month_of_the_year_keeps_the_contract(configure: Configure) -> None:
    year = configure("source.window.end=2014-01-01")
    table: Any = ingest.run(year)["table"]
    assert pq.read_metadata(table).num_rows == 336_776
    validate.run(year, table=table)


@pytest.fixture
def broken(tmp_path: Path) -> Callable[[pd.DataFrame], Path]:
    """Write a table that stage validate is to refuse."""

    def write(frame: pd.DataFrame) -> Path:
        frame.to_parquet(tmp_path / "table.parquet", index=False)
        return tmp_path / "table.parquet"

    return write


Broken = Callable[[pd.DataFrame], Path]


def test_a_table_that_lacks_a_column_is_refused(
    params: Params, table: pd.DataFrame, broken: Broken
) -> None:
    with pytest.raises(ContractError, match="humid: column_in_dataframe"):
        validate.run(params, table=broken(table.drop(columns="humid")))


def test_a_word_in_a_numeric_column_is_refused(
    params: Params, table: pd.DataFrame, broken: Broken
) -> None:
    words = table["temp"].astype(str).where(table.index != 5, "warm")
    with pytest.raises(ContractError, match=r"temp: .*`warm`"):
        validate.run(params, table=broken(table.assign(temp=words)))


def test_an_impossible_wind_is_refused(params: Params, table: pd.DataFrame, broken: Broken) -> None:
    with pytest.raises(ContractError, match="wind_speed: in_range"):
        validate.run(params, table=broken(table.assign(wind_speed=1048.0)))


def test_an_empty_table_is_refused(params: Params, table: pd.DataFrame, broken: Broken) -> None:
    with pytest.raises(DataError, match="is empty"):
        validate.run(params, table=broken(table[:0]))


def test_prepare_reports_who_left_and_holds_out_the_last(
    params: Params, table: pd.DataFrame, ingested: dict[str, Any]
) -> None:
    made: dict[str, Any] = prepare.run(params, table=ingested["table"])
    report = made["report"]
    removed = sum(rule["removed"] for rule in report["rules"])
    assert removed == table["late"].isna().sum()
    assert report["train"]["rows"] + report["test"]["rows"] == len(table) - removed
    train, test = (pd.read_parquet(made[side]) for side in ("train", "test"))
    assert train["scheduled_departure"].max() < test["scheduled_departure"].min()
    assert (len(train), set(train["late"])) == (report["train"]["rows"], {0, 1})


@pytest.mark.parametrize("model", ["boosting", "forest", "logistic"])
def test_each_model_learns_the_same_twice_and_survives_its_file(
    model: str, configure: Configure, prepared: dict[str, pd.DataFrame]
) -> None:
    chosen = configure(f"model={model}")
    one, two = (train.run(chosen, train=prepared["train"])["pipeline"] for _ in range(2))
    content = dump(one)
    assert dump(two) == content
    rows = as_model_frame(prepared["test"], inputs(chosen.contract))
    np.testing.assert_array_equal(predict(load(content), rows), predict(one, rows))


def test_the_model_takes_a_category_it_never_saw(
    params: Params, prepared: dict[str, pd.DataFrame]
) -> None:
    pipeline = train.run(params, train=prepared["train"])["pipeline"]
    rows = prepared["test"].head(3).assign(carrier="ZZ", manufacturer=None)
    probability = predict(pipeline, as_model_frame(rows, inputs(params.contract)))
    assert ((probability > 0) & (probability < 1)).all()


def evaluated(params: Params, rows: pd.DataFrame, test: pd.DataFrame) -> dict[str, Any]:
    learned: dict[str, Any] = train.run(params, train=rows)
    given = {name: learned[name] for name in ("pipeline", "training")}
    return dict(evaluate.run(params, test=test, **given))


def test_evaluate_measures_the_hold_out_and_its_slices(
    params: Params, prepared: dict[str, pd.DataFrame]
) -> None:
    made = evaluated(params, prepared["train"], prepared["test"])
    assert made["metrics"]["roc_auc"] > 0.55
    assert set(made["slices"]) == {"carrier", "origin"}
    assert list(made["predictions"].columns) == [
        "flight_id", "scheduled_departure", "late", "probability", "prediction",
    ]  # fmt: skip
    wanted = [plot for plot in params.pipeline.plots.values() if "binary" in plot.tasks]
    plots = {plot.file.rsplit("/", 1)[-1]: plot for plot in wanted}
    assert set(made["plots"]) == set(plots)
    for name, plot in plots.items():
        assert {plot.x, plot.y} <= set(made["plots"][name].columns)


def test_a_hold_out_of_one_class_does_not_crash(
    params: Params, prepared: dict[str, pd.DataFrame]
) -> None:
    test = prepared["test"][prepared["test"]["late"] == 0]
    made = evaluated(params, prepared["train"], test)
    assert made["metrics"]["roc_auc"] is None


def test_a_clone_without_the_demo_data_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError) as caught:
        flights.planes()
    assert caught.value.run == "pip install 'playbill[demo]'"


@pytest.mark.parametrize(
    ("stage", "heavy"),
    [
        ("ingest", {"sklearn", "pandera", "hydra", "dvc", "scipy", "pandas"}),
        ("validate", {"sklearn", "pandera", "hydra", "dvc", "scipy", "pandas"}),
        ("prepare", {"sklearn", "pandera", "hydra", "dvc", "scipy", "pandas"}),
        ("train", {"pandera", "duckdb", "hydra", "dvc", "sklearn", "pandas"}),
        ("evaluate", {"pandera", "duckdb", "hydra", "dvc", "sklearn", "pandas"}),
    ],
)
def test_a_stage_imports_only_what_it_needs(stage: str, heavy: set[str]) -> None:
    code = f"import sys, stages.{stage}; print(*{{m.split('.')[0] for m in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not heavy & set(done.stdout.split())
