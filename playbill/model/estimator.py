"""The model half of the Pipeline: built from `model`, fitted and asked on one thread.

One thread, because sums over several depend on how the rows were dealt out, and because two
OpenMP pools on a busy machine wait for each other.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playbill.config.outcome import Task
from playbill.config.target import build
from playbill.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def build_pipeline(
    transformer: Any, model: Mapping[str, Any], allow: Sequence[str], *, task: Task = "binary"
) -> Any:
    """Return the unfitted Pipeline of a transformer and the estimator that `model` names.

    Raises:
        ConfigError: The estimator is not allowed, does not exist or does not suit the task.
    """
    from sklearn.base import is_classifier, is_regressor
    from sklearn.pipeline import Pipeline

    estimator = build(model, allow)
    if task == "regression":
        if is_classifier(estimator) or not hasattr(estimator, "predict"):
            raise _unsuited(model, "predicts no number", "a regressor, as `model=regressor`")
    elif is_regressor(estimator):
        raise _unsuited(model, "is a regressor", "a classifier, or `task: regression`")
    elif not hasattr(estimator, "predict_proba"):
        raise _unsuited(model, "gives no probabilities", "a classifier with `predict_proba`")
    return Pipeline([("feature", transformer), ("model", estimator)])


def _unsuited(model: Mapping[str, Any], what: str, expected: str) -> ConfigError:
    return ConfigError(f"`{model['_target_']}` {what}", where="model._target_", expected=expected)


def fit(pipeline: Any, rows: "pd.DataFrame", target: "pd.Series", *, threads: int = 1) -> Any:
    """Fit `pipeline` in place, on as many threads as told, and return it.

    Raises:
        DataError: The target has one value only, or an estimator refuses the rows.
    """
    from threadpoolctl import threadpool_limits

    values = target.to_numpy()
    if len(set(values.tolist())) < 2:  # noqa: PLR2004 (two classes, or two numbers)
        raise DataError(
            f"every training row has the same `{target.name}`",
            where="data/prepared/train.parquet",
            expected="rows of both classes",
        )
    try:
        with threadpool_limits(limits=threads):
            return pipeline.fit(rows, values)
    except ValueError as error:
        raise DataError(
            f"the Pipeline refuses the training rows: {error}",
            where="feature and model",
            expected="transformers and an estimator that take these columns",
        ) from error


def predict(
    pipeline: Any, rows: "pd.DataFrame", *, task: Task = "binary", classes: Sequence[Any] = ()
) -> "NDArray[np.float64]":
    """Return the Pipeline's answers, computed on one thread.

    Args:
        pipeline: A fitted Pipeline.
        rows: As `as_model_frame` makes them.
        task: The contract's task.
        classes: The contract's classes; only a multiclass task needs them.

    Returns:
        float64; binary: shape (n,), the probability of the positive class; multiclass: (n, k),
        the classes as given, 0 for one that the Pipeline never saw; regression: (n,).
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        return answer(pipeline, rows, task=task, classes=classes)


def answer(
    pipeline: Any, rows: "pd.DataFrame", *, task: Task = "binary", classes: Sequence[Any] = ()
) -> "NDArray[np.float64]":
    """Return what `predict` does, on the threads that the caller allows."""
    import numpy as np

    if task == "regression":
        return np.asarray(pipeline.predict(rows), dtype=np.float64).reshape(len(rows))
    chances = np.asarray(pipeline.predict_proba(rows), dtype=np.float64)
    if task == "binary":
        return chances[:, 1]
    known = list(pipeline.classes_)
    if known == list(classes):
        return chances
    wide = np.zeros((len(rows), len(classes)))
    wide[:, [list(classes).index(each) for each in known]] = chances
    return wide
