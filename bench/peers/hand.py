"""What a team writes by hand: FastAPI, a pandas frame of each request, the fitted Pipeline."""

import os
from pathlib import Path
from typing import Any

import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel

from playbill.model.persistence import load

PIPELINE = load(Path(os.environ["PIPELINE"]).read_bytes())
app = FastAPI()


class Row(BaseModel):
    """One flight."""

    carrier: str
    origin: str
    dest: str
    weekday: int
    sched_dep_hour: int
    sched_dep_minute: int
    sched_arr_hour: int
    sched_arr_minute: int
    distance: float
    temp: float | None
    dewp: float | None
    humid: float | None
    wind_dir: float | None
    wind_speed: float | None
    wind_gust: float | None
    precip: float | None
    pressure: float | None
    visib: float | None
    plane_year: float | None
    seats: float | None
    engines: float | None
    manufacturer: str | None
    engine: str | None


class Rows(BaseModel):
    """Many flights."""

    rows: list[Row]


class Answer(BaseModel):
    """A probability for each."""

    probabilities: list[float]


def _score(rows: list[Row]) -> list[float]:
    frame = pd.DataFrame([row.model_dump() for row in rows])
    numbers = [name for name in frame if name not in TEXTS]
    frame[numbers] = frame[numbers].astype("float64")
    found: Any = PIPELINE.predict_proba(frame)[:, 1]
    return [float(value) for value in found]


TEXTS = {"carrier", "origin", "dest", "manufacturer", "engine"}


@app.post("/predict")
def predict(row: Row) -> Answer:
    """Predict one row."""
    return Answer(probabilities=_score([row]))


@app.post("/predict/batch")
def predict_batch(rows: Rows) -> Answer:
    """Predict many rows."""
    return Answer(probabilities=_score(rows.rows))


@app.post("/constant")
async def constant(row: Row) -> Answer:
    """Answer a constant: what FastAPI itself costs with this row."""
    return Answer(probabilities=[0.5 if row.distance else 0.0])


@app.post("/constant/batch")
async def constant_batch(rows: Rows) -> Answer:
    """Answer a constant for each row."""
    return Answer(probabilities=[0.5] * len(rows.rows))
