"""What every kind of search has in common: trials, an objective, and which trial is the best."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from playbill.config.schema import Tuning
from playbill.config.space import Dimension
from playbill.errors import DataError, StageError

Values = Mapping[tuple[str, ...], Any]  # value by path, as Dimension.path
State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """One set of parameters that was tried.

    Attributes:
        number: From 0, in the order in which they were asked for.
        parameters: Value by path.
        scores: What each fold gave, greater is better; of a pruned trial the first folds alone.
        state: Whether all folds were tried, or why not.
        note: What the estimator said, of a failed trial.
    """

    number: int
    parameters: Values
    scores: tuple[float, ...]
    state: State = "complete"
    note: str = ""

    @property
    def mean(self) -> float:
        """Mean over the folds, greater is better."""
        return sum(self.scores) / len(self.scores) if self.scores else float("-inf")


Score = float | DataError  # greater is better; an error where the estimator refused


class Objective(Protocol):
    """Tries parameters on folds; the same whatever runs at the same time."""

    @property
    def folds(self) -> int:
        """How many folds there are."""
        ...

    def __call__(self, tasks: Sequence[tuple[Values, int]]) -> list[Score]:
        """Return the score of each set of parameters on the fold of that number."""
        ...


@dataclass(frozen=True)
class Asked:
    """What a search is asked for.

    Attributes:
        config: The `tuning` group of conf/.
        dimensions: The search space.
        objective: What tries parameters.
        told: Called with each trial that ended.
    """

    config: Tuning
    dimensions: Sequence[Dimension]
    objective: Objective
    told: Callable[[Trial], None] = lambda _: None


class Clock:
    """The safety of a search: it never decides what is found, only whether it may go on."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds
        self._seconds = seconds

    def check(self, done: int, wanted: int) -> None:
        """Refuse to go on when the time is up.

        Raises:
            StageError: It is.
        """
        if self._end is not None and time.monotonic() > self._end:
            raise StageError(
                f"the search took over {self._seconds:g} s: {done} of {wanted} trials are done",
                where="tuning.max_seconds",
                expected="a budget in trials that fits: a search that is cut off by a clock finds "
                "something else every time",
                run="dvc repro (tuning=optuna goes on where it stopped), or fewer tuning.trials",
            )


def key_of(values: Values) -> str:
    """Return one text for a set of parameters."""
    return json.dumps([[list(path), value] for path, value in values.items()], sort_keys=True)


def try_all(asked: Asked, wanted: Sequence[Values], *, size: int) -> list[Trial]:
    """Try every set of parameters on every fold, equal ones once, and return the trials in order.

    Args:
        asked: What is asked for.
        wanted: The parameters.
        size: How many are tried between two looks at the clock.
    """
    clock, folds = Clock(asked.config.max_seconds), asked.objective.folds
    distinct = list({key_of(values): values for values in wanted}.items())
    found: dict[str, tuple[Score, ...]] = {}
    for start in range(0, len(distinct), size):
        clock.check(start, len(distinct))
        part = distinct[start : start + size]
        scores = asked.objective([(values, fold) for _, values in part for fold in range(folds)])
        for index, (key, values) in enumerate(part):
            found[key] = tuple(scores[index * folds : (index + 1) * folds])
            asked.told(as_trial(start + index, values, found[key]))
    return [as_trial(n, values, found[key_of(values)]) for n, values in enumerate(wanted)]


def as_trial(number: int, values: Values, scores: Sequence[Score]) -> Trial:
    """Return a trial with these scores; one error makes it a failed one."""
    for score in scores:
        if isinstance(score, DataError):
            return Trial(number, values, (), "failed", score.what)
    return Trial(number, values, tuple(s for s in scores if not isinstance(s, DataError)))


def best_of(trials: Sequence[Trial]) -> Trial:
    """Return the complete trial with the greatest mean, of equal ones the first.

    Raises:
        DataError: None was completed.
    """
    complete = [trial for trial in trials if trial.state == "complete"]
    if not complete:
        notes = [trial.note for trial in trials if trial.note]
        raise DataError(
            f"none of {len(trials)} trials could be fitted"
            + (f"; the first: {notes[0]}" if notes else ""),
            where="tuning.space",
            expected="parameters that go together",
        )
    return max(complete, key=lambda trial: (trial.mean, -trial.number))
