"""The whole of a training: folds, search, the fit on all rows, calibration and threshold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playbill.config.ready import ready_problems
from playbill.config.schema import Params
from playbill.contract.column import inputs
from playbill.contract.frame import as_model_frame
from playbill.errors import ConfigError, DataError
from playbill.split.base import Roles
from playbill.training import search as searching
from playbill.training.calibration import calibrate, corrected
from playbill.training.crossval import Rows, Tried, together, truth, try_folds
from playbill.training.progress import progress
from playbill.training.recipe import Recipe, recipe_of
from playbill.training.search import Desk
from playbill.training.threshold import tune
from playbill.validation.folds import Fold, make_folds
from playbill.validation.metric import measure, usual

if TYPE_CHECKING:
    import pandas as pd

    from playbill.config.metric import Metric

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Learned:
    """What a training gives.

    Attributes:
        pipeline: The fitted Pipeline.
        report: What training.json says.
        trials: A row for each trial of the search; none without one.
    """

    pipeline: Any
    report: dict[str, Any]
    trials: "pd.DataFrame"


def learn(params: Params, train: "pd.DataFrame", desk: Desk | None = None) -> Learned:
    """Fit the model that conf/ describes.

    The report's `threshold` is None unless one was tuned. What is measured on folds is measured on
    rows that the model, its calibration included, did not learn from.

    Args:
        params: The typed params.
        train: The training rows, as `prepare` wrote them.
        desk: How many fits run at once, and where a search is kept; nothing of it decides.

    Raises:
        ConfigError: What conf/ names does not exist or does not go together.
        DataError: The rows do not make the folds, leak, or the estimator refuses them.
    """
    desk = desk or Desk()
    _refuse_wrong_steps(params)
    contract, recipe = params.contract, recipe_of(params)
    rows = Rows(as_model_frame(train, inputs(contract)), train[contract.target])
    _refuse_missing_classes(recipe, rows)
    roles = Roles(contract.key, contract.target, contract.role("time"), contract.role("group"))
    folds = make_folds(train, params.validation, roles, label_delay=contract.label_delay)
    report: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "task": contract.task,
        "rows": len(train),
        "threads": recipe.threads,
        "threshold": None,
    }
    trials = []
    if params.tuning.kind != "off":
        trials = searching.search(params, recipe, rows, folds, desk)
        recipe = searching.adopted(recipe, trials)
        metric, kind = searching.metric_of(params), params.tuning.kind
        report["tuning"] = searching.told(trials, metric, kind)
    pipeline = recipe.fit(rows.inputs, rows.target)
    if folds:
        tried = _try(recipe, rows, folds, desk)
        method = params.training.calibration.method
        if method != "none":
            pipeline = calibrate(pipeline, rows, folds, tried, recipe.asked, method)
            tried = corrected(rows, folds, tried, recipe.asked, method)
        report["validation"] = _measured(params, recipe, rows, folds, tried)
        report |= _decided(params, rows, folds, tried)
    return Learned(pipeline, report, searching.table(trials, searching.metric_of(params)))


def _refuse_wrong_steps(params: Params) -> None:
    """Refuse what compose refuses too: a Pipeline sees numbers, and not whether they are times."""
    for key, what, expected in ready_problems(params.feature, params.contract):
        raise ConfigError(what, where=key, expected=expected)


def _refuse_missing_classes(recipe: Recipe, rows: Rows) -> None:
    if recipe.asked.task != "multiclass":
        return
    there = set(rows.target.tolist())
    if missing := [name for name in recipe.asked.classes if name not in there]:
        raise DataError(
            f"no training row is of the class `{missing[0]}`",
            where=f"contract.schema.columns.{rows.target.name}.isin",
            expected="rows of every class, or a contract without it",
        )


def _try(recipe: Recipe, rows: Rows, folds: Sequence[Fold], desk: Desk) -> list[Tried]:
    with progress("cross-validation", len(folds)) as bar:
        tasks = [(recipe, fold) for fold in folds]
        found = try_folds(tasks, rows, jobs=desk.jobs, done=lambda _: bar.step())
    for each in found:
        if isinstance(each, DataError):
            raise each
    return [each for each in found if not isinstance(each, DataError)]


def _measured(
    params: Params, recipe: Recipe, rows: Rows, folds: Sequence[Fold], tried: Sequence[Tried]
) -> dict[str, Any]:
    import numpy as np

    asked = recipe.asked
    names: Sequence[Metric] = params.validation.metrics or usual(asked.task)
    by_fold = []
    for fold, each in zip(folds, tried, strict=True):
        assert each.answers is not None  # a classifier without probabilities was calibrated
        real, said = truth(rows, fold), each.answers
        values: dict[str, float | None] = {
            name: measure(name, real, said, task=asked.task, classes=asked.classes)
            for name in names
        }
        by_fold.append({"learned": len(fold.learned), "tried": len(fold.tried), **values})
    summary: dict[str, dict[str, float | None]] = {"mean": {}, "std": {}}
    for name in names:
        known = [float(v) for each in by_fold if (v := each[name]) is not None]
        summary["mean"][name] = float(np.mean(known)) if known else None
        summary["std"][name] = float(np.std(known)) if known else None
    return {"kind": params.validation.kind, **summary, "folds": by_fold}


def _decided(
    params: Params, rows: Rows, folds: Sequence[Fold], tried: Sequence[Tried]
) -> dict[str, Any]:
    config = params.training.threshold
    if config.kind == "fixed":
        return {}
    chances = together([each.answers for each in tried if each.answers is not None])
    real = together([truth(rows, fold) for fold in folds])
    threshold, worth = tune(real, chances, config)
    name = "cost" if config.kind == "cost" else config.metric
    return {"threshold": threshold, "decision": {"by": name, name: worth, "rows": len(real)}}
