"""A multiclass and a regression project, from conf/ to a bundle that answers like its Pipeline."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
import yaml
from sklearn import datasets
from typer.testing import CliRunner

from playbill.bundle import manifest
from playbill.bundle.batch import answer_rows, predict_file
from playbill.cli.drift import drift
from playbill.config.adoption import adopt_tuning
from playbill.config.compilation import compile_project, write
from playbill.config.params import read_params
from playbill.contract.column import inputs
from playbill.contract.frame import as_model_frame
from playbill.errors import UsageError
from playbill.evaluation import report as form
from playbill.evaluation.report import Evaluated
from playbill.model.persistence import load
from playbill.pipeline import evaluated
from playbill.pipeline.runner import load_function
from playbill.pipeline.runner import run as run_stage
from tests.config.conftest import edit
from tests.serving import Running, running

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


def asked_again(root: Path, folder: Path, recorded: np.ndarray[Any, Any]) -> None:
    """Ask the bundle as `gate` asks an older one, which has no record of the rows."""
    rows = pd.read_parquet(root / "data" / "prepared" / "test.parquet")
    np.testing.assert_array_equal(answer_rows(folder / "bundle", rows), recorded)


@contextmanager
def served(root: Path, asked: list[dict[str, Any]]) -> Iterator[Running]:
    """Yield the running server of a project's bundle, after all that any model's must answer."""
    words = [sys.executable, "-m", "playbill", "serve", "--port", "0"]
    with running(words, cwd=root) as server:
        name = read_params(root).name
        for path in ("/", "/docs", "/healthz", "/readyz", "/model", "/metrics", "/openapi.json",
                     "/v2", "/v2/health/live", "/v2/health/ready", f"/v2/models/{name}",
                     f"/v2/models/{name}/ready"):  # fmt: skip
            assert server.client.get(path).status_code == 200, path
        batch = server.client.post("/predict/batch", json={"rows": asked}).json()["predictions"]
        single = server.client.post("/predict?explain=true", json=asked[0]).json()
        changing = {"prediction_id", "contributions"}
        assert {k: v for k, v in single.items() if k not in changing} == {
            k: v for k, v in batch[0].items() if k not in changing
        }
        assert set(single["contributions"]) <= set(asked[0])
        assert any(single["contributions"].values())
        yield server


def answered(server: Running, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.client.post("/predict/batch", json={"rows": asked}).json()[
        "predictions"
    ]
    return found


def inferred(server: Running, name: str, asked: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the outputs of the Open Inference Protocol, by name."""
    about = server.client.get(f"/v2/models/{name}").json()
    inputs = [
        {"name": each["name"], "datatype": each["datatype"], "shape": [len(asked)],
         "data": [one[each["name"]] for one in asked]}
        for each in about["inputs"]
    ]  # fmt: skip
    said = server.client.post(f"/v2/models/{name}/infer", json={"inputs": inputs}).json()
    assert [each["name"] for each in said["outputs"]] == [one["name"] for one in about["outputs"]]
    return {each["name"]: each["data"] for each in said["outputs"]}


def as_asked(root: Path, count: int) -> list[dict[str, Any]]:
    """Return the first rows of the test table as a sender would write them."""
    columns = inputs(read_params(root).contract)
    table = pd.read_parquet(root / "data" / "prepared" / "test.parquet").head(count)
    text = table.to_json(orient="records", date_format="iso", double_precision=15)
    rows = json.loads(text)
    return [{column.name: row[column.name] for column in columns} for row in rows]


def drift_of(metrics: dict[str, float]) -> None:
    """Check rows for drift: each estimate stands beside what was measured on the hold-out."""
    app = typer.Typer()
    app.command()(drift)
    done = CliRunner().invoke(app, ["data/prepared/train.parquet", "--json"])
    report = json.loads(done.stdout)
    for found in report["estimates"]:
        assert found["reference"] == pytest.approx(metrics[found["measure"]])
        assert found["loss_low"] < found["loss"] < found["loss_high"]
    assert [found["measure"] for found in report["estimates"]] == ["mae", "rmse"]
    assert (report["measure"], report["matters"]) == ("mae", False), report["estimates"]


def check_wine(root: Path) -> None:
    """A multiclass model is served: a probability for each class, those of its Pipeline."""
    asked = as_asked(root, 20)
    with served(root, asked) as server:
        found = answered(server, asked)
        expected = pipeline_of(root).predict_proba(frame_of(root, 20))
        names = ["class_0", "class_1", "class_2"]
        assert [list(each["probabilities"]) for each in found] == [names] * 20
        shares = np.array([list(each["probabilities"].values()) for each in found])
        np.testing.assert_allclose(shares, expected, rtol=0, atol=1e-9)
        assert [each["label"] for each in found] == [names[i] for i in expected.argmax(axis=1)]
        outputs = inferred(server, "wine", asked)
        assert outputs["label"] == [each["label"] for each in found]
        assert outputs["probability_class_1"] == shares[:, 1].tolist()


def check_diabetes(root: Path) -> None:
    """A regression model is served: the values of its Pipeline."""
    asked = as_asked(root, 20)
    with served(root, asked) as server:
        found = [each["value"] for each in answered(server, asked)]
        expected = pipeline_of(root).predict(frame_of(root, 20))
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        assert inferred(server, "diabetes", asked)["value"] == found


def pipeline_of(root: Path) -> Any:
    """Return the fitted Pipeline."""
    return load((root / "models" / read_params(root).name / "pipeline.skops").read_bytes())


def frame_of(root: Path, count: int) -> pd.DataFrame:
    """Return the first rows of the test table as the Pipeline sees them."""
    table = pd.read_parquet(root / "data" / "prepared" / "test.parquet").head(count)
    return as_model_frame(table, inputs(read_params(root).contract))


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
    asked_again(root, folder, table[chances].to_numpy())
    check_wine(root)
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
    asked_again(root, folder, table["prediction"].to_numpy())
    drift_of(said["metrics"])
    check_diabetes(root)
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


def test_the_curves_refit_the_model_and_leave_the_hold_out_alone(
    make: Callable[[str, pd.DataFrame], Path],
) -> None:
    root = make("wine", wine())
    edit(root / "conf" / "config.yaml", "- tuning: wine", '- tuning: "off"')
    edit(root / "conf" / "config.yaml", "- training: wine", "- training: default")
    through(root, STAGES[:5])
    (root / "data" / "prepared" / "test.parquet").unlink()
    fits: list[str] = []

    def track(items: Sequence[Any], label: str) -> Sequence[Any]:
        fits.append(label)
        return items

    found = evaluated.with_curves(
        root, evaluated.read(root, None), learning=True, validation="model.C=0.001,1,100",
        track=track,
    )  # fmt: skip
    learning, validation = found.curves
    rows = len(pd.read_parquet(root / "data" / "prepared" / "train.parquet"))
    assert learning["x"] == sorted(set(learning["x"]))
    assert learning["x"][-1] < rows  # a part of the training rows judges
    assert validation["x"] == [0.001, 1.0, 100.0]
    for curve in found.curves:
        for line in curve["lines"].values():
            assert len(line["value"]) == len(curve["x"])
            for low, value, high in zip(line["low"], line["value"], line["high"], strict=True):
                assert low <= value <= high
    judged = validation["lines"]["rows that judge"]["value"]
    assert len(set(judged)) > 1  # the values were tried
    assert [label.partition(":")[0] for label in fits] == ["learning curve", "validation curve"]
    page = form.as_html(found)
    assert "Learning curve" in page
    assert "Validation curve of model.C" in page
    assert json.loads(evaluated.as_json(found))["curves"] == list(found.curves)


@pytest.mark.parametrize("wish", ["model.C", "model.C=", "=1,2"])
def test_a_curve_without_values_is_refused(
    make: Callable[[str, pd.DataFrame], Path], wish: str
) -> None:
    root = make("wine", wine())
    write(root, compile_project(root))
    nothing = Evaluated("wine", "workspace", {}, None, {})
    with pytest.raises(UsageError, match="names no values"):
        evaluated.with_curves(root, nothing, learning=False, validation=wish)


@pytest.mark.slow
def test_what_automl_found_is_adopted_and_fitted_again_byte_by_byte(
    make: Callable[[str, pd.DataFrame], Path],
) -> None:
    pytest.importorskip("flaml")
    root = make("wine", wine())
    edit(root / "conf" / "config.yaml", "- tuning: wine", "- tuning: mine")
    (root / "conf" / "tuning" / "mine.yaml").write_text(
        "kind: automl\ntrials: 6\nmodels: [histgb, rf, lrl2]\nseed: 7\n"
    )
    found = through(root, STAGES[:5])["training"]["tuning"]
    assert found["trials"] == 6
    target = found["best"]["values"]["model"]["_target_"]
    folder = root / "models" / "wine"
    model = (folder / "pipeline.skops").read_bytes()
    answers = (folder / "evaluation" / "predictions.parquet").read_bytes()
    done = adopt_tuning(root)
    assert done.adopted == ["tuning=off", "model=tuned"]
    assert target in (root / "conf" / "model" / "tuned.yaml").read_text()
    again = through(root, STAGES[:5])["training"]
    assert "tuning" not in again
    assert (folder / "pipeline.skops").read_bytes() == model
    assert (folder / "evaluation" / "predictions.parquet").read_bytes() == answers
