from typing import Any

import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from playbill.bundle.compiler.pipeline import compile_graphs
from playbill.bundle.runtime.onnx import open_model
from playbill.errors import BundleError
from tests.bundle.pipelines import INPUTS, TEXTS, chosen, estimators, fitted, preparations

PAIRS = [
    *(("impute, scale, target", model, "binary") for model in estimators("binary")),
    *(("robust, ordinal", model, task) for task in ("multiclass", "regression")
      for model in ("histogram", "large forest", "gradient")),
    ("missing kept", "histogram", "binary"),
    ("missing kept", "forest", "multiclass"),
]  # fmt: skip


def trained(prepared: str, model: str, task: str) -> Any:
    pipeline = Pipeline([("f", preparations()[prepared]()), ("m", estimators(task)[model]())])
    return fitted(pipeline, task)


@pytest.mark.parametrize(("prepared", "model", "task"), PAIRS)
def test_double_precision_trees_answer_as_the_pipeline_on_every_edge(
    prepared: str, model: str, task: str
) -> None:
    choice = chosen(trained(prepared, model, task), "onnx")
    assert any(name.endswith(".onnx") for name in choice.candidate.files)
    for trial in ("hold_out", "edges"):
        assert choice.proof[trial]["largest_difference"] <= 1e-12
        assert choice.proof[trial]["labels_changed"] == 0


def test_equal_pipelines_give_equal_graphs() -> None:
    made = [trained("robust, ordinal", "large forest", "binary") for _ in range(2)]
    files = [compile_graphs(each.pipeline, INPUTS, each.asked) for each in made]
    assert files[0] == files[1]


def test_splits_by_category_are_left_to_another_runtime() -> None:
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    texts = ColumnTransformer([("t", ordinal, TEXTS)])
    booster = HistGradientBoostingClassifier(max_iter=5, categorical_features=[0, 1])
    choice = chosen(fitted(make_pipeline(texts, booster), "binary"), "onnx", "numpy")
    assert choice.runtime == "numpy"
    refused = choice.proof["refused"]
    assert [each["runtime"] for each in refused] == ["onnx"]
    assert "category" in refused[0]["reason"]


def test_a_forged_graph_is_refused() -> None:
    files = dict(chosen(trained("robust, ordinal", "forest", "binary"), "onnx").candidate.files)
    with pytest.raises(BundleError, match="graph"):
        open_model(files | {"scorer-1.onnx": b"nothing"})
