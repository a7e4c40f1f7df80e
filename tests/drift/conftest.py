"""Rows, columns and policies that the drift tests share."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from playbill.config.schema import Drift
from playbill.contract.column import Column

Rows = Callable[[int, int], pd.DataFrame]

CARRIERS = np.array(["AA", "B6", "UA", None], dtype=object)
COLUMNS = [
    Column("temp", "number"),
    Column("rain", "number"),
    Column("hour", "integer"),
    Column("carrier", "text"),
    Column("tail", "text"),
    Column("weekend", "boolean"),
    Column("departs", "datetime"),
]


def draw(rows: int, seed: int) -> pd.DataFrame:
    """Draw rows of every kind of column: smooth, zero-inflated, discrete, long-tailed, missing."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "temp": np.where(rng.random(rows) < 0.02, np.nan, rng.normal(50, 15, rows)),
            "rain": np.where(rng.random(rows) < 0.8, 0.0, rng.exponential(1.0, rows)),
            "hour": rng.integers(5, 24, rows),
            "carrier": rng.choice(CARRIERS, rows, p=[0.5, 0.3, 0.15, 0.05]),
            "tail": [f"N{number}" for number in rng.integers(0, 5000, rows)],
            "weekend": rng.random(rows) < 2 / 7,
            "departs": pd.Timestamp("2013-01-01") + pd.to_timedelta(np.arange(rows), unit="min"),
            "late": rng.random(rows) < 0.2,
        }
    )


@pytest.fixture
def rows() -> Rows:
    """Return the function that draws rows by number and seed."""
    return draw


@pytest.fixture
def columns() -> list[Column]:
    """Return the columns that `rows` draws and a contract would declare as input."""
    return list(COLUMNS)


@pytest.fixture
def policy() -> Drift:
    """Return the default policy with fewer draws, which keeps its level and saves time."""
    return Drift(draws=500)
