"""Which rows a model learned from, as digests of their keys: for the gate to leave them out.

The keys themselves may be personal data, and the file outlives its run.
"""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

KEY = "key"
_BYTES = 8


def digests(keys: Iterable[object]) -> "NDArray[np.uint64]":
    """Return the first 64 bits of the SHA-256 of each key's text, in the order of the keys."""
    import numpy as np

    joined = b"".join(hashlib.sha256(str(key).encode()).digest()[:_BYTES] for key in keys)
    return np.frombuffer(joined, dtype=">u8").astype(np.uint64)


def seen(keys: Iterable[object]) -> "pd.DataFrame":
    """Return the table of what was seen: one column `key`, uint64, sorted, each digest once."""
    import numpy as np
    import pandas as pd

    return pd.DataFrame({KEY: np.unique(digests(keys))})


def is_seen(keys: Iterable[object], table: "pd.DataFrame") -> "NDArray[np.bool_]":
    """Say of each key whether a table of `seen` holds it."""
    import numpy as np

    return np.isin(digests(keys), table[KEY].to_numpy(dtype=np.uint64))
