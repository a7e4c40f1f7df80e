"""Digests of what a model was made from, by content: rows and parameters."""

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def frame_digest(frame: "pd.DataFrame") -> str:
    """Return a digest of a table's columns, types, rows and their order."""
    import pandas as pd

    total = hashlib.sha256()
    for name in frame.columns:
        total.update(f"{name}\0{frame[name].dtype}\n".encode())
    hashes = pd.util.hash_pandas_object(frame, index=False)
    total.update(hashes.to_numpy(dtype="<u8").tobytes())
    return f"sha256:{total.hexdigest()}"


def plain_digest(value: Any) -> str:
    """Return a digest of plain values, as they would stand in params.yaml."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
