"""The Open Inference Protocol V2 against a running server: the same model behind other routes."""

from typing import Any

import numpy as np
import pytest

from tests.serving import ASKED, Running, as_sent, made, row

DATATYPES = {"number": "FP64", "integer": "INT64", "text": "BYTES", "boolean": "BOOL",
             "datetime": "BYTES"}  # fmt: skip
MODEL = "/v2/models/visits"


def tensors(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "name": column.name,
            "shape": [len(rows)],
            "datatype": DATATYPES[column.kind],
            "data": [one[column.name] for one in rows],
        }
        for column in ASKED
    ]


def test_tensors_get_the_answers_of_the_pipeline(server: Running) -> None:
    rows = as_sent(made().test)[:100]
    body = {"id": "seven", "inputs": tensors(rows)}
    answer = server.client.post(f"{MODEL}/infer", json=body)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["model_name"], said["id"]) == ("visits", "seven")
    found = {each["name"]: each for each in said["outputs"]}
    assert [each["shape"] for each in said["outputs"]] == [[100]] * len(found)
    expected = made().expected[:100]
    np.testing.assert_array_equal(found["probability"]["data"], expected)
    assert found["label"]["data"] == (expected >= 0.4).tolist()
    assert found["probability_1"]["data"] == found["probability"]["data"]
    assert len(set(found["prediction_id"]["data"])) == 100


def test_a_column_of_one_value_each_may_come_as_a_matrix(server: Running) -> None:
    inputs = [{**each, "shape": [1, 1]} for each in tensors([row()])]
    answer = server.client.post(f"{MODEL}/infer", json={"inputs": inputs})
    plain = server.client.post("/predict", json=row()).json()
    [only] = [one for one in answer.json()["outputs"] if one["name"] == "probability"]
    assert only["data"] == [plain["probability"]]


def test_only_the_outputs_that_are_asked_for_come(server: Running) -> None:
    body = {"inputs": tensors([row()]), "outputs": [{"name": "label"}]}
    answer = server.client.post(f"{MODEL}/infer", json=body).json()
    assert [each["name"] for each in answer["outputs"]] == ["label"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "nobody"}, "inputs.0.name"),
        ({"datatype": "FP32", "data": [1.5]}, "inputs.0.datatype"),
        ({"shape": [2], "data": [41, 42]}, "inputs.1.shape"),
        ({"shape": [1, 2]}, "inputs.0.shape"),
        ({"data": [1, 2]}, "inputs.0.data"),
        ({"data": [121]}, "rows.0.age"),
    ],
)
def test_wrong_tensors_are_refused_by_name(
    server: Running, change: dict[str, Any], field: str
) -> None:
    inputs = tensors([row()])
    inputs[0] |= change
    answer = server.client.post(f"{MODEL}/infer", json={"inputs": inputs})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert answer.json()["error"] == answer.json()["detail"]


def test_metadata_says_what_the_model_takes_and_gives(server: Running) -> None:
    found = server.client.get(MODEL).json()
    assert (found["name"], found["platform"], found["versions"]) == ("visits", "playbill", [])
    inputs = [{key: each[key] for key in ("name", "datatype")} for each in tensors([row()])]
    assert [{k: each[k] for k in ("name", "datatype")} for each in found["inputs"]] == inputs
    assert [each["shape"] for each in found["inputs"]] == [[-1]] * len(inputs)
    assert "probability" in [each["name"] for each in found["outputs"]]
    assert server.client.get("/v2").json() == {"name": "playbill", "version": "2", "extensions": []}


def test_it_says_that_it_lives_and_is_ready(server: Running) -> None:
    assert server.client.get("/v2/health/live").json() == {"live": True}
    assert server.client.get("/v2/health/ready").json() == {"ready": True}
    assert server.client.get(f"{MODEL}/ready").json() == {"ready": True}
    for path in ("/v2/models/other", "/v2/models/other/ready"):
        assert server.client.get(path).status_code == 404
    body = {"inputs": tensors([row()])}
    assert server.client.post("/v2/models/other/infer", json=body).status_code == 404
