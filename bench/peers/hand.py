"""What a team writes by hand: FastAPI, a pandas frame of each request, the fitted Pipeline."""

import os
from typing import Any

import joblib
import pandas as pd
from fastapi import FastAPI
from typed import Answer, Row, Rows

PIPELINE = joblib.load(os.environ["PIPELINE"])
TEXTS = {"carrier", "origin", "dest", "manufacturer"}
app = FastAPI()


def _score(rows: list[Row]) -> list[float]:
    frame = pd.DataFrame([row.model_dump() for row in rows])
    numbers = [name for name in frame if name not in TEXTS]
    frame[numbers] = frame[numbers].astype("float64")
    found: Any = PIPELINE.predict_proba(frame)[:, 1]
    return [float(value) for value in found]


@app.post("/predict")
def predict(row: Row) -> Answer:
    """Predict one row."""
    return Answer(probabilities=_score([row]))


@app.post("/predict/batch")
def predict_batch(rows: Rows) -> Answer:
    """Predict many rows."""
    return Answer(probabilities=_score(rows.rows))
