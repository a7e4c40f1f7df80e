"""The table that a query gives, as the next stage reads it."""

import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa

from playbill.source import join as joining


def join(query: str, tables: dict[str, pa.Table]) -> pd.DataFrame:
    """Return what the query writes."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "table.parquet")
        rows = joining.join(query, tables, target)
        frame = pd.read_parquet(target)
        assert (len(frame), [p.name for p in Path(folder).iterdir()]) == (rows, [target.name])
    return frame
