"""A multiclass and a regression project, from conf/ to a bundle that answers like its Pipeline."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from sklearn import datasets

from playbill.bundle import manifest
from playbill.bundle.batch import predict_file
from playbill.config.adoption import adopt_tuning
from playbill.config.compilation import compile_project, write
from playbill.config.params import read_params
from playbill.pipeline.runner import load_function
from playbill.pipeline.runner import run as run_stage

HERE = Path(__file__).parent
STAGES = ("ingest", "validate", "prepare", "train", "evaluate", "server", "package")


def wine() -> pd.DataFrame:
    made = datasets.load_wine(as_frame=True)
    names = ["alcohol", "malic_acid", "flavanoids", "color_intensity", "hue"]
    rows: pd.DataFrame = made.data[names]
    return rows.assign(
        bottle=[f"b{i:03}" for i in range(len(made.data))],
        cultivar=[str(made.target_names[i]) for i in made.target],
    )


def diabetes() -> pd.DataFrame:
    made = datasets.load_diabetes(as_frame=True)
    count = len(made.data)
    start = pd.Timestamp("2024-01-01")
    rows: pd.DataFrame = made.data[["age", "bmi", "bp", "s5"]]
    return rows.assign(
        patient=[f"p{i:03}" for i in range(count)],
        seen_at=start + pd.to_timedelta(range(count), unit="h"),
        visit=start + pd.to_timedelta([i * 5 % 999 for i in range(count)], unit="h"),
        sex=["f" if value > 0 else "m" for value in made.data["sex"]],
        progression=made.target,
    )


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, pd.DataFrame], Path]:
    def project(name: str, frame: pd.DataFrame) -> Path:
        root = tmp_path / name
        shutil.copytree(HERE / name, root)
        shutil.copytree(HERE.parents[1] / "stages", root / "stages")
        (root / "data").mkdir()
        names = yaml.safe_load((root / "conf" / "contract" / f"{name}.yaml").read_text())
        frame[list(names["schema"]["columns"])].to_csv(root / "data" / f"{name}.csv", index=False)
        monkeypatch.chdir(root)
        return root

    return project


def through(root: Path, stages: tuple[str, ...] = STAGES) -> dict[str, Any]:
    """Compile, run the stages one after the other and return training.json and metrics.json."""
    write(root, compile_project(root))
    params = read_params(root)
    for name in stages:
        run_stage(root, name, params, load_function(root, params.pipeline.stages[name]))
    folder = root / "models" / params.name
    texts = (folder / "training.json", folder / "evaluation" / "metrics.json")
    return {path.stem: json.loads(path.read_text()) for path in texts}


def test_a_multiclass_project_goes_through_the_whole_flow(
    make: Callable[[str, pd.DataFrame], Path],
) -> None:
    root = make("wine", wine())
    said = through(root)
    assert said["training"]["tuning"]["trials"] == 6
    assert said["training"]["validation"]["mean"]["accuracy"] > 0.9
    assert said["metrics"]["accuracy"] > 0.9
    folder = root / "models" / "wine"
    table = pd.read_parquet(folder / "evaluation" / "predictions.parquet")
    chances = [f"probability_class_{i}" for i in range(3)]
    assert list(table) == ["bottle", "cultivar", *chances, "prediction"]
    assert len(pd.read_csv(folder / "trials.csv")) == 6
    summary = predict_file(folder / "bundle", root / "data" / "wine.csv", root / "said.csv")
    assert sum(summary.predicted.values()) == summary.rows == 178
    again = pd.read_csv(root / "said.csv").set_index("bottle").loc[table["bottle"]]
    assert again["label"].tolist() == table["prediction"].tolist()
    page = (folder / "server" / "schemas.py").read_text()
    assert 'label: Literal["class_0", "class_1", "class_2"]' in page


def test_a_regression_project_goes_through_the_whole_flow_and_adopts_what_was_found(
    make: Callable[[str, pd.DataFrame], Path],
) -> None:
    root = make("diabetes", diabetes())
    said = through(root)
    assert said["training"]["tuning"]["metric"] == "rmse"
    assert said["metrics"]["r2"] > 0.2
    folder = root / "models" / "diabetes"
    table = pd.read_parquet(folder / "evaluation" / "predictions.parquet")
    assert list(table) == ["patient", "seen_at", "progression", "prediction"]
    summary = predict_file(folder / "bundle", root / "data" / "diabetes.csv", root / "said.csv")
    assert summary.predicted["min"] < summary.predicted["mean"] < summary.predicted["max"]
    assert "value: float" in (folder / "server" / "schemas.py").read_text()
    model = (folder / "pipeline.skops").read_bytes()
    digest = manifest.load(folder / "bundle")[0].model_digest
    done = adopt_tuning(root)
    assert "tuning=off" in done.adopted
    assert "conf/model/boosting_regressor.yaml" in done.files
    plain = through(root, ("train",))["training"]
    assert "tuning" not in plain
    assert (folder / "pipeline.skops").read_bytes() == model
    assert digest.startswith("sha256:")
    assert [path.name for path in (root / "conf" / "model").iterdir()] == [
        "boosting_regressor.yaml"
    ]
