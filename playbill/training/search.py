"""The search for parameters on the folds: the objective, the kind of search, and its table."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config.learning import SEARCHED
from playbill.config.metric import Metric
from playbill.config.schema import Params
from playbill.config.space import dimensions
from playbill.errors import DataError
from playbill.training.crossval import Rows, Tried, answered, truth, try_folds
from playbill.training.progress import Progress, progress
from playbill.training.recipe import Recipe
from playbill.tuning.base import Asked, Score, Trial, Values, best_of
from playbill.validation.folds import Fold
from playbill.validation.metric import measure, sign

if TYPE_CHECKING:
    import pandas as pd

JOURNAL = "study.journal"


@dataclass(frozen=True)
class Desk:
    """Where a training works; nothing of it reaches what is written.

    Attributes:
        jobs: How many fits run side by side.
        journal: Folder for the journal of a search; None keeps none.
        versions: Versions of the packages, by which a journal is told from another.
    """

    jobs: int = 1
    journal: Path | None = None
    versions: str = ""


@dataclass
class _Objective:
    """Tries parameters on folds, several at once."""

    recipe: Recipe
    rows: Rows
    parts: Sequence[Fold]
    metric: Metric
    jobs: int
    bar: Progress
    best: float = float("-inf")

    @property
    def folds(self) -> int:
        return len(self.parts)

    def __call__(self, tasks: Sequence[tuple[Values, int]]) -> list[Score]:
        made = [(self.recipe.varied(values), self.parts[fold]) for values, fold in tasks]
        scores: list[Score] = []
        wrong: list[DataError] = []

        def ended(tried: Tried | DataError) -> None:
            try:
                scores.append(self._score(tried, tasks[len(scores)][1]))
            except DataError as error:
                scores.append(error)
                wrong.append(error)
            self._show(tasks[: len(scores)], scores)
            self.bar.step()

        try_folds(made, self.rows, jobs=self.jobs, done=ended)
        if wrong:
            raise wrong[0]
        return scores

    def _score(self, tried: Tried | DataError, fold: int) -> Score:
        if isinstance(tried, DataError):
            return tried
        asked, real = self.recipe.asked, truth(self.rows, self.parts[fold])
        given = answered(tried, asked, self.metric)
        value = measure(self.metric, real, given, task=asked.task, classes=asked.classes)
        if value is None:
            raise DataError(
                f"`{self.metric}` is not defined on the rows of fold {fold + 1}",
                where="tuning.metric",
                expected="folds with every class, as `validation: stratified`, or a metric "
                "that these rows have",
            )
        return sign(self.metric) * value

    def _show(self, tasks: Sequence[tuple[Values, int]], scores: Sequence[Score]) -> None:
        """Show the best mean so far as soon as the last fold of its parameters is tried."""
        mine = [score for score in scores[-self.folds :] if isinstance(score, float)]
        same = all(values is tasks[-1][0] for values, _ in tasks[-self.folds :])
        if same and len(mine) == self.folds and sum(mine) / len(mine) > self.best:
            self.best = sum(mine) / len(mine)
            self.bar.best(f"{self.metric} {sign(self.metric) * self.best:.6g}")


def metric_of(params: Params) -> Metric:
    """Return what the search optimises."""
    return params.tuning.metric or SEARCHED[params.contract.task]


def search(
    params: Params, recipe: Recipe, rows: Rows, folds: Sequence[Fold], desk: Desk
) -> list[Trial]:
    """Return the trials of the search that `tuning` asks for.

    Raises:
        MissingExtraError: The kind needs a package that is not installed.
        StageError: It took longer than `tuning.max_seconds`.
    """
    config, metric = params.tuning, metric_of(params)
    space = dimensions(config.space)
    count = config.trials
    if config.kind == "grid":
        count = 1
        for dimension in space:
            count *= len(dimension.choices or ())
    with progress(f"{config.kind} search", count * len(folds)) as bar:
        objective = _Objective(recipe, rows, folds, metric, desk.jobs, bar)
        ended: list[Trial] = []

        def told(trial: Trial) -> None:
            ended.append(trial)
            if any(each.state == "complete" for each in ended):
                best = best_of(ended)
                bar.best(f"{metric} {sign(metric) * best.mean:.6g} (trial {best.number})")

        asked = Asked(config, space, objective, told)
        return _run(params, asked, rows, folds, desk)


def _run(
    params: Params, asked: Asked, rows: Rows, folds: Sequence[Fold], desk: Desk
) -> list[Trial]:
    from playbill.tuning import automl, grid, optuna, random

    kind = asked.config.kind
    if kind == "automl":
        return automl.search(
            asked, task=params.contract.task, rows=rows.inputs.shape, allow=params.allow,
            seed=params.seed, categories=any(g.categorical for g in params.feature.groups.values()),
        )  # fmt: skip
    if kind == "optuna":
        journal = None if desk.journal is None else desk.journal / JOURNAL
        return optuna.search(asked, journal=journal, name=_study(params, rows, folds, desk))
    return grid.search(asked) if kind == "grid" else random.search(asked)


def _study(params: Params, rows: Rows, folds: Sequence[Fold], desk: Desk) -> str:
    """Return the name of all that a score depends on beside the parameters of its trial."""
    import pandas as pd

    plain = params.model_dump(mode="json", by_alias=True)
    said = {name: plain[name] for name in ("feature", "model", "training", "contract", "seed")}
    total = hashlib.sha256(json.dumps([said, metric_of(params), desk.versions]).encode())
    total.update(pd.util.hash_pandas_object(rows.inputs, index=False).to_numpy().tobytes())
    total.update(pd.util.hash_pandas_object(rows.target, index=False).to_numpy().tobytes())
    for fold in folds:
        total.update(fold.learned.tobytes())
        total.update(fold.tried.tobytes())
    return f"{params.name}-{total.hexdigest()[:32]}"


def table(trials: Sequence[Trial], metric: Metric) -> "pd.DataFrame":
    """Return a row for each trial: its number, state, score, the folds' scores and the values.

    Where one failed, a last column has the reason.
    """
    import pandas as pd

    folds = max((len(trial.scores) for trial in trials), default=0)
    rows, reasons = [], any(trial.note for trial in trials)
    for trial in trials:
        scores = [sign(metric) * score for score in trial.scores]
        padded = scores + [None] * (folds - len(scores))
        mean = sign(metric) * trial.mean if scores else None
        rows.append(
            {"trial": trial.number, "state": trial.state, metric: mean}
            | {f"fold_{n + 1}": score for n, score in enumerate(padded)}
            | {".".join(path): _shown(value) for path, value in trial.parameters.items()}
            | ({"reason": trial.note or None} if reasons else {})
        )
    return pd.DataFrame(rows, columns=None if rows else ["trial", "state", metric])


def _shown(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list | bool) else value


def told(trials: Sequence[Trial], metric: Metric, kind: str) -> dict[str, Any]:
    """Return what training.json says of a search."""
    best = best_of(trials)
    states = [trial.state for trial in trials]
    return {
        "kind": kind,
        "metric": metric,
        "trials": len(trials),
        "pruned": states.count("pruned"),
        "failed": states.count("failed"),
        "best": {
            "trial": best.number,
            metric: sign(metric) * best.mean,
            "values": {".".join(path): value for path, value in best.parameters.items()},
        },
    }


def adopted(recipe: Recipe, trials: Sequence[Trial]) -> Recipe:
    """Return the recipe with the values of the best trial."""
    return recipe.varied(best_of(trials).parameters)
