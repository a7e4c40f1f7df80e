"""Fits recipes on folds, here or in other processes, and keeps what each answered.

Every fit is one task on a declared number of threads, so what comes out does not depend on how many
tasks run at once, nor on the environment's thread counts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playbill.contract.outcome import Outcome
from playbill.errors import ConfigError, DataError, FitError
from playbill.model.estimator import predict
from playbill.model.fault import predict_error
from playbill.training.recipe import Recipe
from playbill.validation.folds import Fold

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Rows:
    """The training rows.

    Attributes:
        inputs: As `as_model_frame` makes them.
        target: As `as_target` makes it.
    """

    inputs: "pd.DataFrame"
    target: "pd.Series"


@dataclass(frozen=True)
class Tried:
    """What a model said of the rows of a fold that it did not learn from.

    Attributes:
        answers: As `predict` gives them; None if the classifier has no probabilities.
        scores: What calibration learns from, shape (n, 1) or (n, k); None unless asked for.
    """

    answers: "NDArray[np.float64] | None"
    scores: "NDArray[np.float64] | None" = None


Task = tuple[Recipe, Fold]
Say = Callable[[Tried | DataError], None]


def try_folds(
    tasks: Sequence[Task], rows: Rows, *, jobs: int = 1, done: "Say" = lambda _: None
) -> list[Tried | DataError]:
    """Fit each recipe on its fold and return what it answered, in the order of the tasks.

    Args:
        tasks: Recipes and folds.
        rows: The rows that the folds are of.
        jobs: How many run side by side, each in a process of its own.
        done: Called after each with what it answered.

    Returns:
        A `DataError` in place of an answer where the estimator refused its rows or parameters.
    """
    found = []
    for each in _run(tasks, rows, jobs):
        found.append(each)
        done(each)
    return found


def _run(tasks: Sequence[Task], rows: Rows, jobs: int) -> Iterator[Tried | DataError]:
    if jobs == 1 or len(tasks) < 2:  # noqa: PLR2004 - one task needs no company
        yield from (_try(recipe, fold, rows) for recipe, fold in tasks)
        return
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=min(jobs, len(tasks)), return_as="generator", batch_size=1)
    yield from parallel(delayed(_try)(recipe, fold, rows) for recipe, fold in tasks)


def _try(recipe: Recipe, fold: Fold, rows: Rows) -> Tried | DataError:
    from playbill.model.calibrated import scores_of

    inputs, target = rows.inputs, rows.target
    tried, asked = inputs.iloc[fold.tried], recipe.asked
    answers = None
    try:
        pipeline = recipe.fit(inputs.iloc[fold.learned], target.iloc[fold.learned])
        if asked.task == "regression" or hasattr(pipeline, "predict_proba"):
            answers = predict(pipeline, tried, task=asked.task, classes=asked.classes)
    except DataError as error:
        return error
    except ConfigError as error:  # of one trial; compose has seen what can be seen before
        return FitError(error.what, where=error.where, expected=error.expected, run=error.run)
    if not recipe.scores:
        return Tried(answers)
    from threadpoolctl import threadpool_limits

    try:
        with threadpool_limits(limits=1):
            scores = scores_of(pipeline, tried)
    except Exception as error:  # noqa: BLE001 - another library's, told as what conf/ says
        told = predict_error(pipeline, tried, error)
        return told if isinstance(told, DataError) else FitError(told.what, where=told.where)
    classes = 1 if asked.task == "binary" else len(asked.classes)
    if scores.shape[1] != classes:
        return DataError(
            "a fold lacks a class, so its scores cannot be calibrated",
            where="validation",
            expected="folds in which every class is learned, as `validation: stratified`",
        )
    return Tried(answers, scores)


def together(values: "Sequence[NDArray[Any]]") -> "NDArray[Any]":
    """Return the values of all folds as one array."""
    import numpy as np

    return np.concatenate(list(values))


def truth(rows: Rows, fold: Fold) -> "NDArray[Any]":
    """Return the target of the rows that a fold is tried on."""
    return rows.target.to_numpy()[fold.tried]


def answered(tried: Tried, asked: Outcome, metric: str) -> "NDArray[np.float64]":
    """Return what a measure is taken of; scores will do where only the order counts.

    Raises:
        DataError: The classifier gives no probabilities, and the measure needs them.
    """
    if tried.answers is not None:
        return tried.answers
    if tried.scores is not None and asked.task == "binary" and metric in _ORDER:
        return tried.scores[:, 0]
    raise DataError(
        f"the model gives no probabilities to take `{metric}` of before it is calibrated",
        where="tuning.metric",
        expected="roc_auc or average_precision, for which the order of the rows is enough",
    )


_ORDER = frozenset({"roc_auc", "average_precision"})
