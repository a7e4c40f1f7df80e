"""Interactions of categories: pairs of them as one category.

For products of numbers there is sklearn.preprocessing.PolynomialFeatures.
"""

import itertools
from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

MISSING = "(missing)"


class Crossing(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Adds to columns of texts a column for each pair of them, its values joined.

    Args:
        degree: How many columns are joined at most.
        keep: Keep the columns themselves, in front.
        separator: Stands between the joined values.
    """

    def __init__(self, degree: int = 2, *, keep: bool = True, separator: str = " x ") -> None:
        self.degree = degree
        self.keep = keep
        self.separator = separator

    def fit(self, rows: Any, target: Any = None) -> "Crossing":
        """Learn the columns' names; nothing of their values."""
        del target
        names = getattr(rows, "columns", None)
        self.n_features_in_ = _texts(rows).shape[1]
        given = names if names is not None else [f"x{i}" for i in range(self.n_features_in_)]
        self.names_ = [str(name) for name in given]
        return self

    def transform(self, rows: Any) -> "NDArray[np.object_]":
        """Return texts, shape (n, columns and combinations); missing values by their own name."""
        import numpy as np

        check_is_fitted(self, "names_")
        texts = _texts(rows)
        made = [texts] if self.keep else []
        for chosen in self.combinations():
            parts = (texts[:, index] for index in chosen)
            joined = [self.separator.join(row) for row in zip(*parts, strict=True)]
            made.append(np.array(joined, dtype=object).reshape(len(texts), 1))
        return np.concatenate(made, axis=1)

    def get_feature_names_out(self, input_features: Any = None) -> "NDArray[Any]":
        """Return the names of the columns, joined like their values."""
        import numpy as np

        given = self.names_ if input_features is None else [str(name) for name in input_features]
        crossed = [self.separator.join(given[i] for i in each) for each in self.combinations()]
        return np.array([*(given if self.keep else []), *crossed], dtype=object)

    def combinations(self) -> "Iterator[tuple[int, ...]]":
        """Yield the places of the columns that are joined, in the order of the new ones."""
        for size in range(2, self.degree + 1):
            yield from itertools.combinations(range(self.n_features_in_), size)


def _texts(rows: Any) -> "NDArray[np.object_]":
    import numpy as np
    import pandas as pd

    values = np.array(rows, dtype=object, copy=True)
    values[pd.isna(values)] = MISSING
    return values
