"""Proves that what is shipped answers as the fitted Pipeline did, row by row, exactly."""

from typing import TYPE_CHECKING, Any

from playbill.contract.task import BINARY, Outcome, labels
from playbill.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from playbill.bundle.runtime.base import Runtime
    from playbill.contract.column import Column


def prove(
    runtime: "Runtime",
    rows: "pd.DataFrame",
    inputs: "Sequence[Column]",
    expected: "NDArray[np.float64]",
    *,
    threshold: float,
    asked: Outcome = BINARY,
) -> dict[str, Any]:
    """Return the proof that `runtime` gives `expected` for `rows`, as a request would ask.

    Args:
        runtime: The runtime of the bundle, opened from the files that ship.
        rows: The hold-out.
        inputs: The contract's input columns.
        expected: What the Pipeline answered on the hold-out.
        threshold: Probability from which on the label of a binary model is true.
        asked: What the contract asks for.

    Raises:
        BundleError: A single row differs.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    if len(rows) != len(expected):
        raise BundleError(
            f"the hold-out has {len(rows)} rows and its predictions {len(expected)}",
            run="dvc repro",
        )
    with threadpool_limits(limits=1):
        found = runtime.predict({column.name: _as_sent(rows[column.name]) for column in inputs})
    difference = np.abs(found - expected).reshape(len(rows), -1).max(axis=1)
    said = [labels(answers, asked, threshold) for answers in (found, expected)]
    changed = int((said[0] != said[1]).sum())
    if not (found == expected).all():
        row = int(np.nanargmax(difference)) if not np.isnan(difference).all() else 0
        differing = int((difference != 0).sum())
        raise BundleError(
            f"the bundle's runtime differs from the Pipeline on {differing} "
            f"of {len(rows)} rows ({changed} labels), by at most {float(difference.max()):.3g}",
            where=f"row {row + 1} of the hold-out",
            expected="the same answer on every row",
            run="dvc repro (if it stays, report it: a bundle must never differ)",
        )
    return {
        "rows": len(rows),
        "largest_difference": float(difference.max(initial=0.0)),
        "labels_changed": changed,
    }


def _as_sent(values: "pd.Series") -> list[object]:
    """Return a column as a JSON body would bring it: Python values, None for a missing one."""
    present = values.notna()
    return [value if there else None for value, there in zip(values.tolist(), present, strict=True)]
