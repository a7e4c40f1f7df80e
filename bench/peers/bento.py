"""A BentoML service of the Pipeline with adaptive batching."""

import os

import bentoml
import joblib
import numpy as np
import pandas as pd

TEXTS = {"carrier", "origin", "dest", "manufacturer"}


@bentoml.service(workers=1)
class Flights:
    """Predicts flights."""

    def __init__(self) -> None:
        self.pipeline = joblib.load(os.environ["PIPELINE"])

    @bentoml.api(batchable=True, max_batch_size=100, max_latency_ms=1000)
    def predict(self, rows: list[dict]) -> np.ndarray:
        """Return a probability for each row."""
        frame = pd.DataFrame(rows)
        numbers = [name for name in frame if name not in TEXTS]
        frame[numbers] = frame[numbers].astype("float64")
        return self.pipeline.predict_proba(frame)[:, 1]
