"""Which of the new rows make the difference: how much commoner a row's values are than before."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.drift import bins

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SMOOTHED = 0.5  # added to each count, so that a bin nobody fell into has a ratio too


def contributions(profile: Mapping[str, Any], frame: "pd.DataFrame") -> "NDArray[np.float64]":
    """Return the sum over columns of log(share now / share in the reference) of each row's bins.

    It is the log-likelihood ratio of a row if columns were independent, from the profile's counts
    alone (J. Neyman and E. Pearson, 1933: no other statistic tells two known distributions apart
    better); columns that did not move add nothing.

    Args:
        profile: The reference profile; columns that the rows lack are left out.
        frame: The new rows.

    Returns:
        float64 of shape (rows,); larger is more typical of the new rows.
    """
    found = np.zeros(len(frame), dtype=np.float64)
    for name, section in profile["columns"].items():
        if name not in frame:
            continue
        where = bins.place(frame[name], section)
        size = bins.size(section)
        now = np.bincount(where, minlength=size) + SMOOTHED
        before = np.asarray(_counts(section), dtype=np.float64) + SMOOTHED
        ratio = np.log(now / now.sum()) - np.log(before / before.sum())
        found += ratio[where]
    return found


def _counts(section: Mapping[str, Any]) -> list[int]:
    last = [section["missing"]] if "edges" in section else [section["other"], section["missing"]]
    return [*section["counts"], *last]
