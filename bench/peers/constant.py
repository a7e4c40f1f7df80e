"""A typed FastAPI route that computes nothing: what FastAPI itself costs with these rows."""

from fastapi import FastAPI
from typed import Answer, Row, Rows

app = FastAPI()


@app.post("/predict")
async def predict(row: Row) -> Answer:
    """Answer a constant."""
    return Answer(probabilities=[0.5 if row.distance else 0.0])


@app.post("/predict/batch")
async def predict_batch(rows: Rows) -> Answer:
    """Answer a constant for each row."""
    return Answer(probabilities=[0.5] * len(rows.rows))
