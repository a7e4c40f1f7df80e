"""The trials of a search that were done, kept in Optuna's own journal for when it is run again.

The journal never says what to try next: a search that is run again asks for the same trials from
the first one on, and takes from here what it does not need to fit once more. So a search that was
interrupted, and one that was not, end the same.
"""

import contextlib
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from playbill.tuning.base import Values, key_of

_SCORES, _KEY = "scores", "key"


class Journal:
    """Scores by parameters and fold.

    Args:
        path: The journal file; None keeps nothing.
        name: Name of the study in it: what the trials are of.
    """

    def __init__(self, path: Path | None, name: str) -> None:
        self._study = None if path is None else _open(path, name)
        self._known: dict[str, list[float]] = {}
        if self._study is not None:
            for trial in self._study.get_trials(deepcopy=False):
                scores = trial.user_attrs.get(_SCORES)
                if isinstance(scores, list):
                    self._known[str(trial.user_attrs.get(_KEY))] = scores

    def __len__(self) -> int:
        return len(self._known)

    def score(self, values: Values, fold: int) -> float | None:
        """Return what these parameters gave on a fold; None if it is not known."""
        scores = self._known.get(key_of(values), [])
        return scores[fold] if fold < len(scores) else None

    def keep(
        self,
        values: Values,
        scores: Sequence[float],
        *,
        distributions: Mapping[str, Any],
        pruned: bool,
    ) -> None:
        """Write down a trial that ended, unless it is there."""
        key = key_of(values)
        if self._study is None or not scores or len(self._known.get(key, [])) >= len(scores):
            return
        from optuna.trial import TrialState, create_trial

        self._known[key] = list(scores)
        self._study.add_trial(
            create_trial(
                state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
                value=sum(scores) / len(scores),
                params={".".join(path): plain(value) for path, value in values.items()},
                distributions=dict(distributions),
                intermediate_values=dict(enumerate(scores)),
                user_attrs={_SCORES: list(scores), _KEY: key},
            )
        )


def _open(path: Path, name: str) -> Any:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    path.parent.mkdir(parents=True, exist_ok=True)
    _mend(path)
    with quiet():
        backend = JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path)))
        return optuna.create_study(
            storage=JournalStorage(backend), study_name=name, direction="maximize",
            load_if_exists=True,
        )  # fmt: skip


def _mend(path: Path) -> None:
    """Drop a last line that was not written to its end: the next would be appended to it."""
    if path.is_file() and (text := path.read_bytes()) and not text.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(text.rfind(b"\n") + 1)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna's log off the terminal, and its notes on what is experimental."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def plain(value: Any) -> Any:
    """Return a choice as Optuna takes it without a warning: nested ones as JSON text."""
    return value if isinstance(value, str | int | float | bool | None) else json.dumps(value)
