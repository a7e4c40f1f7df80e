"""One column of text for scikit-learn's vectorizers, which take a list of texts, no table."""

from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator, TransformerMixin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Lines(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Turns a table of one text column into its texts; a missing one is an empty text.

    The step after it is a TfidfVectorizer, a CountVectorizer or a HashingVectorizer.
    """

    def fit(self, rows: Any, target: Any = None) -> "Lines":
        """Refuse more columns than one; learn nothing."""
        import numpy as np

        del target
        shape = np.shape(rows)
        if len(shape) != 2 or shape[1] != 1:  # noqa: PLR2004 - a table is rows and columns
            raise ValueError(f"a text group takes one column, found {shape[-1]}")
        self.n_features_in_ = 1
        return self

    def transform(self, rows: Any) -> "NDArray[np.object_]":
        """Return the texts, shape (n,)."""
        import numpy as np
        import pandas as pd

        values = np.array(rows, dtype=object, copy=True)[:, 0]
        values[pd.isna(values)] = ""
        return values

    def get_feature_names_out(self, input_features: Any = None) -> "NDArray[Any]":
        """Return the column's name."""
        import numpy as np

        return np.array(["text"] if input_features is None else list(input_features), dtype=object)
