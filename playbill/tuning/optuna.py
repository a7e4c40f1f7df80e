"""Optuna's tree-structured Parzen estimator, with pruning over the folds, made reproducible.

Three things make Optuna's result depend on chance: the state of its sampler is lost when a study is
resumed, trials that run side by side see whatever has ended by then, and so does the pruner. Here
the sampler is made anew for each batch, seeded by `tuning.seed` and the batch; a batch is asked for
as a whole and told as a whole; and pruning is decided fold by fold for the whole batch. The batch's
size is a key of conf/, how many of it run at once is not: so the result is the same for any number
of processes and for a search that was interrupted (tuning/journal.py).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playbill.config.space import Dimension
from playbill.errors import DataError, MissingExtraError
from playbill.tuning.base import Asked, Clock, Score, Trial, Values, as_trial
from playbill.tuning.journal import Journal, plain, quiet

STARTUP = 10  # trials that are drawn at random before the estimator has something to go by
_LARGE = 1_000_003  # batches of one seed must not draw what those of the next seed do


def search(asked: Asked, *, journal: Path | None = None, name: str = "study") -> list[Trial]:
    """Try as many trials as the budget has; those that the journal has are not fitted again.

    Args:
        asked: What is asked for.
        journal: The journal's file; None keeps none.
        name: What the trials are of; another name, another study in the file.

    Raises:
        MissingExtraError: Optuna is not installed.
        StageError: It took longer than `tuning.max_seconds`.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError(
            "Optuna is not installed",
            where="tuning.kind = optuna",
            run="pip install -c constraints.txt 'playbill[tuning]'",
        ) from error
    config = asked.config
    with quiet():
        study = optuna.create_study(
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5)
            if config.prune
            else optuna.pruners.NopPruner(),
        )
        state = _State(asked, Journal(journal, name), study, Clock(config.max_seconds))
        for start in range(0, config.trials, config.batch):
            state.clock.check(start, config.trials)
            study.sampler = _sampler(config.seed, start)
            state.run(min(config.batch, config.trials - start))
    return state.trials


def _sampler(seed: int, start: int) -> Any:
    from optuna.samplers import TPESampler

    return TPESampler(
        seed=(seed * _LARGE + start) % 2**32, n_startup_trials=STARTUP, constant_liar=True
    )


class _State:
    """A search that is under way."""

    def __init__(self, asked: Asked, journal: Journal, study: Any, clock: Clock) -> None:
        self.asked, self.journal, self.study, self.clock = asked, journal, study, clock
        self.spaces = {d.name: _distribution(d) for d in asked.dimensions}
        self.trials: list[Trial] = []

    def run(self, size: int) -> None:
        """Ask for a batch, try it fold by fold, and tell the whole of it."""
        batch = [self.study.ask(dict(self.spaces)) for _ in range(size)]
        values = [self._values(trial.params) for trial in batch]
        scores: list[list[Score]] = [[] for _ in batch]
        alive = list(range(size))
        for fold in range(self.asked.objective.folds):
            found = self._scores([values[i] for i in alive], fold)
            for index, score in zip(alive, found, strict=True):
                scores[index].append(score)
                if not isinstance(score, DataError):
                    mean = _mean(scores[index])
                    batch[index].report(mean, fold)
            alive = [i for i in alive if not isinstance(scores[i][-1], DataError)]
            if fold + 1 < self.asked.objective.folds:
                alive = [i for i in alive if not batch[i].should_prune()]
        for index, trial in enumerate(batch):
            self._tell(trial, values[index], scores[index], pruned=index not in alive)

    def _scores(self, wanted: Sequence[Values], fold: int) -> list[Score]:
        known = [self.journal.score(values, fold) for values in wanted]
        missing = [(v, fold) for v, k in zip(wanted, known, strict=True) if k is None]
        fresh = iter(self.asked.objective(missing) if missing else [])
        return [next(fresh) if score is None else score for score in known]

    def _tell(self, trial: Any, values: Values, scores: Sequence[Score], *, pruned: bool) -> None:
        from optuna.trial import TrialState

        found = as_trial(trial.number, values, scores)
        if found.state == "failed":
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            state = TrialState.PRUNED if pruned else TrialState.COMPLETE
            self.study.tell(trial, None if pruned else found.mean, state=state)
            if pruned:
                found = Trial(found.number, values, found.scores, "pruned")
            self.journal.keep(values, found.scores, distributions=self.spaces, pruned=pruned)
        self.trials.append(found)
        self.asked.told(found)

    def _values(self, params: dict[str, Any]) -> Values:
        """Return the values of a trial; a nested choice is found again by its text."""
        found: dict[tuple[str, ...], Any] = {}
        for dimension in self.asked.dimensions:
            value = params[dimension.name]
            choices = dimension.choices or ()
            found[dimension.path] = next((c for c in choices if plain(c) == value), value)
        return found


def _mean(scores: Sequence[Score]) -> float:
    numbers = [score for score in scores if not isinstance(score, DataError)]
    return sum(numbers) / len(numbers)


def _distribution(dimension: Dimension) -> Any:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if dimension.choices is not None:
        return CategoricalDistribution([plain(choice) for choice in dimension.choices])
    if dimension.is_whole and (dimension.step is None or isinstance(dimension.step, int)):
        return IntDistribution(
            int(dimension.low), int(dimension.high), log=dimension.log, step=dimension.step or 1
        )
    step = None if dimension.step is None else float(dimension.step)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log, step=step)
