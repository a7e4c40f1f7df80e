"""Which rows depend on each other: the blocks that the bootstrap draws as wholes."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SECONDS = {"m": 60, "h": 3600, "d": 86_400}
FEW = 20  # blocks; with fewer the intervals are known to be too narrow


def by_value(column: "pd.Series[Any]") -> "NDArray[np.int64]":
    """Return a block for each value of a column, by first occurrence; missing is a value."""
    import pandas as pd

    codes, _ = pd.factorize(column, use_na_sentinel=False)
    return np.asarray(codes, dtype=np.int64)


def by_time(column: "pd.Series[Any]", span: str) -> "NDArray[np.int64]":
    """Return a block for each span of time that holds rows, in order of time.

    Args:
        column: Times.
        span: Length of a block, as `1h` or `7d`; blocks start at 1970-01-01 00:00.
    """
    import pandas as pd

    count, unit = span[:-1], span[-1]
    times = pd.to_datetime(column, utc=True).to_numpy(dtype="datetime64[s]").astype(np.int64)
    _, blocks = np.unique(times // (int(count) * SECONDS[unit]), return_inverse=True)
    return blocks.astype(np.int64)
