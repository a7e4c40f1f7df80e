"""The model half of the Pipeline: built from `model`, fitted and asked on one thread.

One thread, because sums over several depend on how the rows were dealt out, and because two
OpenMP pools on a busy machine wait for each other.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playbill.config.kind import CATEGORICAL
from playbill.config.outcome import Task
from playbill.config.target import build
from playbill.errors import ConfigError, DataError, FitError
from playbill.model.fault import fit_error, predict_error

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def build_pipeline(  # noqa: PLR0913 - what a Pipeline is made of
    transformer: Any,
    model: Mapping[str, Any],
    allow: Sequence[str],
    *,
    task: Task = "binary",
    categories: int = 0,
    scores: bool = False,
    seed: int | None = None,
) -> Any:
    """Return the unfitted Pipeline of a transformer and the estimator that `model` names.

    Args:
        transformer: The feature half.
        model: The `model` group of conf/.
        allow: Prefixes of the targets that may be named.
        task: The contract's task.
        categories: How many of the first columns are categories that the model takes as such.
        scores: A classifier with `decision_function` alone will do: calibration makes
            probabilities of its scores.
        seed: What every `random_state` gets that conf/ leaves open, however deep it stands; None:
            they stay open.

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
    elif not hasattr(estimator, "predict_proba") and not (
        scores and hasattr(estimator, "decision_function")
    ):
        expected = "a classifier with `predict_proba`, or training.calibration.method: sigmoid"
        raise _unsuited(model, "gives no probabilities", expected)
    if categories:
        _take_categories(estimator, model, categories)
    pipeline = Pipeline([("feature", transformer), ("model", estimator)])
    return pipeline if seed is None else _seeded(pipeline, seed)


def _seeded(pipeline: Any, seed: int) -> Any:
    names = [
        name
        for name, value in pipeline.get_params(deep=True).items()
        if name.rpartition("__")[2] == "random_state" and value is None
    ]
    return pipeline.set_params(**dict.fromkeys(names, seed))


def _take_categories(estimator: Any, model: Mapping[str, Any], count: int) -> None:
    known = estimator.get_params(deep=False)
    names = [name for name in CATEGORICAL if name in known]
    if not names and type(estimator).__module__.startswith("lightgbm."):
        names = ["categorical_feature"]  # one of the arguments that it takes without naming them
    if not names:
        expected = "a model with `categorical_features`, or no `categorical: true` in conf/feature"
        raise _unsuited(model, "takes no categories as such", expected)
    estimator.set_params(**{names[0]: list(range(count))})


def _unsuited(model: Mapping[str, Any], what: str, expected: str) -> ConfigError:
    return ConfigError(f"`{model['_target_']}` {what}", where="model._target_", expected=expected)


def fit(
    pipeline: Any,
    rows: "pd.DataFrame",
    target: "pd.Series",
    *,
    threads: int = 1,
    weights: "NDArray[np.float64] | None" = None,
) -> Any:
    """Fit `pipeline` in place and return it.

    Args:
        pipeline: As `build_pipeline` makes it.
        rows: As `as_model_frame` makes them.
        target: As `as_target` makes it.
        threads: How many threads OpenMP and BLAS may use, whatever the environment says.
        weights: A weight for each row, shape (n,); none: all weigh the same.

    Raises:
        ConfigError: The rows have weights and the estimator takes none.
        DataError: The target has one value only.
        FitError: The estimator or a transformer refuses the rows, or what it was given.
    """
    from sklearn.utils.validation import has_fit_parameter
    from threadpoolctl import threadpool_limits

    values = target.to_numpy()
    if len(set(values.tolist())) < 2:  # noqa: PLR2004 (two classes, or two numbers)
        raise DataError(
            f"every training row has the same `{target.name}`",
            where="data/prepared/train.parquet",
            expected="rows of both classes",
        )
    options = {}
    if weights is not None:
        options = {"model__sample_weight": weights}
        if not has_fit_parameter(pipeline[-1], "sample_weight"):
            raise ConfigError(
                f"{type(pipeline[-1]).__name__} takes no weights of rows",
                where="training.class_weight",
                expected="a model whose `fit` takes `sample_weight`, or no class_weight",
            )
    try:
        with threadpool_limits(limits=threads):
            return pipeline.fit(rows, values, **options)
    except Exception as error:
        with threadpool_limits(limits=threads):
            raise fit_error(pipeline, rows, values, error) from error


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

    Raises:
        FitError: The estimator or a transformer refuses the rows, or answers with no number.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        try:
            found = answer(pipeline, rows, task=task, classes=classes)
        except Exception as error:
            raise predict_error(pipeline, rows, error) from error
    if not np.isfinite(found).all():
        raise FitError(
            f"{type(pipeline[-1]).__name__} answers {int((~np.isfinite(found)).sum())} of "
            f"{found.size} rows with no number",
            where="model._target_",
            expected="parameters with which it comes to an end, or scaled inputs",
        )
    return found


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
