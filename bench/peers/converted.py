"""Typed FastAPI around skl2onnx's conversion, in single precision as it comes."""

import os
from typing import Any

import joblib
import numpy as np
import onnxruntime
from fastapi import FastAPI
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from typed import Answer, Row, Rows

TEXTS = {"carrier", "origin", "dest", "manufacturer"}
NAMES = list(Row.model_fields)
app = FastAPI()


def _session() -> onnxruntime.InferenceSession:
    pipeline = joblib.load(os.environ["PIPELINE"])
    kinds = [
        (name, (StringTensorType if name in TEXTS else FloatTensorType)([None, 1]))
        for name in pipeline.feature_names_in_
    ]
    graph = to_onnx(pipeline, initial_types=kinds, options={id(pipeline): {"zipmap": False}})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph.SerializeToString(), options)


SESSION = _session()


def _score(rows: list[Row]) -> list[float]:
    feed: dict[str, Any] = {
        name: np.array(
            [[getattr(row, name)] for row in rows], dtype=object if name in TEXTS else np.float32
        )
        for name in NAMES
    }
    found: Any = SESSION.run(None, feed)[1]
    return [float(value) for value in found[:, 1]]


@app.post("/predict")
async def predict(row: Row) -> Answer:
    """Predict one row."""
    return Answer(probabilities=_score([row]))


@app.post("/predict/batch")
async def predict_batch(rows: Rows) -> Answer:
    """Predict many rows."""
    return Answer(probabilities=_score(rows.rows))
