"""The stage evaluate on data sets that scikit-learn ships, one of each task."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData
from sklearn import metrics as reference

from playbill.bundle import proven
from playbill.bundle.card import Facts, Rows, write_card
from playbill.config.origin import shipped_folder
from playbill.contract.column import columns, inputs
from playbill.contract.frame import as_model_frame
from playbill.contract.outcome import outcome
from playbill.contract.task import as_target
from playbill.errors import BundleError
from playbill.evaluation.report import Evaluated, as_html
from playbill.pipeline.format import write
from playbill.training.learning import learn
from stages import evaluate
from tests.learning import params, rows

LEARNERS = {"diabetes": {"_target_": "sklearn.linear_model.Ridge"}}
WANTED = {
    "slice_rows": 20,
    "fairness": ["c0"],
    "interval": {"draws": 100},
    "importance": {"rows": 60, "repeats": 2},
    "card": {"intended_use": "Trying it."},
}


@cache
def _evaluated(name: str) -> tuple[Any, dict[str, Any], Any, Any]:
    model = {"model": LEARNERS[name]} if name in LEARNERS else {}
    made = params(name, evaluation=WANTED, **model)
    frame = rows(name)
    frame = frame.assign(y=as_target(frame["y"], outcome(made.contract)))
    train, test = frame[: -len(frame) // 3], frame[-len(frame) // 3 :].reset_index(drop=True)
    learned = learn(made, train.reset_index(drop=True))
    result: dict[str, Any] = evaluate.run(
        made, pipeline=learned.pipeline, test=test, training=learned.report
    )
    return made, result, learned.pipeline, test


@pytest.mark.parametrize(
    ("name", "metric", "score"),
    [
        ("breast_cancer", "roc_auc", reference.roc_auc_score),
        ("iris", "accuracy", reference.accuracy_score),
        ("diabetes", "r2", reference.r2_score),
    ],
)
def test_each_task_is_measured_with_intervals_and_its_own_plots(
    name: str, metric: str, score: Any
) -> None:
    made, result, pipeline, test = _evaluated(name)
    task = made.contract.task
    asked = as_model_frame(test, inputs(made.contract))
    said = pipeline.predict_proba(asked)[:, 1] if task == "binary" else pipeline.predict(asked)
    truth = test["y"].tolist() if task == "multiclass" else test["y"]
    assert result["metrics"][metric] == pytest.approx(score(truth, list(said)))
    assert (result["metrics"]["task"], result["metrics"]["format_version"]) == (task, 2)
    found = result["report"]["metrics"][metric]
    assert found["low"] < found["value"] < found["high"]
    assert found["value"] == result["metrics"][metric]
    shipped = yaml.safe_load((shipped_folder() / "pipeline" / "default.yaml").read_text())
    wanted = {
        plot["file"].rsplit("/", 1)[-1]: {plot["x"], plot["y"]}
        for plot in shipped["plots"].values()
        if task in plot.get("tasks", [task])
    }
    assert set(result["plots"]) == set(wanted)
    for file, axes in wanted.items():
        assert axes <= set(result["plots"][file].columns)


@pytest.mark.parametrize("name", ["breast_cancer", "iris", "diabetes"])
def test_the_card_and_the_page_of_each_task_can_be_read(name: str) -> None:
    made, result, _, test = _evaluated(name)
    contract = made.contract
    same = {"rows": 9, "possible": 9, "thresholds": 3, "largest_difference": 0, "labels_changed": 0}
    text = write_card(
        Facts(
            name="tried",
            target=next(c for c in columns(contract) if c.name == "y"),
            inputs=inputs(contract),
            rows={"train": Rows(100), "test": Rows(len(test))},
            window=("2024-01-01", "2024-02-01"),
            estimator="sklearn.Some",
            threshold=0.5 if contract.task == "binary" else None,
            report=result["report"],
            said=made.evaluation.card,
            proof={"runtime": "skops", "refused": [], "hold_out": same, "edges": same},
        )
    )
    data = ModelCard(text, ignore_metadata_errors=False).data
    assert isinstance(data, ModelCardData)
    assert len(data.eval_results or []) >= 6
    plots = {file: table.to_dict("list") for file, table in result["plots"].items()}
    page = as_html(Evaluated("tried", "main", result["metrics"], result["report"], plots))
    assert page.count("<svg") >= 3


@pytest.mark.parametrize("name", ["breast_cancer", "iris", "diabetes"])
def test_what_ships_is_proven_where_the_pipeline_is_at_hand(name: str, tmp_path: Path) -> None:
    _, result, _, test = _evaluated(name)
    write(tmp_path / "runtime", result["runtime"])
    found = proven.read(tmp_path / "runtime")
    assert found.proof["hold_out"]["rows"] == len(test)
    assert found.proof["edges"]["rows"] > 0
    assert json.loads(found.files["runtime.json"])["runtime"] == found.proof["runtime"]


def test_a_pipeline_that_cannot_ship_is_measured_and_packaging_says_why(tmp_path: Path) -> None:
    neighbours = {"_target_": "sklearn.neighbors.KNeighborsClassifier"}
    made = params("iris", model=neighbours, evaluation=WANTED, bundle={"runtimes": ["numpy"]})
    frame = rows("iris")
    learned = learn(made, frame)
    result = evaluate.run(made, pipeline=learned.pipeline, test=frame, training=learned.report)
    assert result["metrics"]
    write(tmp_path / "runtime", result["runtime"])
    with pytest.raises(BundleError, match="KNeighborsClassifier") as caught:
        proven.read(tmp_path / "runtime")
    assert "skops" in caught.value.run
