"""The model half of the Pipeline: built from `model`, fitted and asked on one thread.

One thread, because sums over several depend on how the rows were dealt out, and because two
OpenMP pools on a busy machine wait for each other.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playbill.config.target import build
from playbill.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def build_pipeline(transformer: Any, model: Mapping[str, Any], allow: Sequence[str]) -> Any:
    """Return the unfitted Pipeline of a transformer and the estimator that `model` names.

    Raises:
        ConfigError: The estimator is not allowed, does not exist or gives no probabilities.
    """
    from sklearn.pipeline import Pipeline

    estimator = build(model, allow)
    if not hasattr(estimator, "predict_proba"):
        raise ConfigError(
            f"`{model['_target_']}` gives no probabilities",
            where="model._target_",
            expected="a classifier with `predict_proba`",
        )
    return Pipeline([("feature", transformer), ("model", estimator)])


def fit(pipeline: Any, rows: "pd.DataFrame", target: "pd.Series") -> Any:
    """Fit `pipeline` in place, on one thread, and return it.

    Raises:
        DataError: The target has one value only, or an estimator refuses the rows.
    """
    from threadpoolctl import threadpool_limits

    values = target.to_numpy()
    if len(set(values.tolist())) < 2:  # noqa: PLR2004 (two classes)
        raise DataError(
            f"every training row has the same `{target.name}`",
            where="data/prepared/train.parquet",
            expected="rows of both classes",
        )
    try:
        with threadpool_limits(limits=1):
            return pipeline.fit(rows, values)
    except ValueError as error:
        raise DataError(
            f"the Pipeline refuses the training rows: {error}",
            where="feature and model",
            expected="transformers and an estimator that take these columns",
        ) from error


def predict(pipeline: Any, rows: "pd.DataFrame") -> "NDArray[np.float64]":
    """Return the probability of the positive class for each row, computed on one thread."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        probabilities = pipeline.predict_proba(rows)[:, 1]
    return np.asarray(probabilities, dtype=np.float64)
