"""FLAML: several models, each with FLAML's own search space, under a budget in iterations.

FLAML's own driver chooses the next learner by what the trials so far cost in seconds, so it finds
something else every time. What it knows of learners (their spaces, starting points and how their
parameters become an estimator's) is used here, and its search CFO (frugal optimisation of
cost-related hyperparameters, AAAI 2021) runs over each learner's space with its share of the
budget and no regard to time.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from playbill.config.learning import LEARNERS
from playbill.config.nearest import nearest
from playbill.config.outcome import Task
from playbill.config.target import is_allowed
from playbill.errors import ConfigError, DataError, MissingExtraError
from playbill.tuning.base import Asked, Clock, Trial, Values, as_trial

USUAL = ("histgb", "lgbm", "rf", "extra_tree", "xgboost", "lrl2")
_CLASSIFIERS = {"lrl1", "lrl2"}
_CATEGORICAL = {"histgb", "lgbm"}  # those whose models are told which columns are categories
# Set by us, else by FLAML to numbers of its own or to one of the machine.
_OURS = ("n_jobs", "verbose", "verbosity")
_SEED = "random_state"
MODEL = ("model",)
_PATIENCE = 4  # how often a search may have nothing to suggest


def search(
    asked: Asked, *, task: Task, rows: tuple[int, int], allow: Sequence[str], seed: int,
    categories: bool = False,
) -> list[Trial]:  # fmt: skip
    """Try the budget's trials, shared among the learners; a trial's value is a whole `model`.

    Args:
        asked: What is asked for; its dimensions are not used.
        task: The contract's task.
        rows: Number of training rows and of their columns, by which FLAML bounds its spaces.
        allow: Prefixes of the targets that may be named.
        seed: Of the models.
        categories: Whether `feature` has categories that the model has to treat as such.

    Raises:
        ConfigError: A learner is not known, or none is allowed and installed.
        MissingExtraError: FLAML is not installed.
        StageError: It took longer than `tuning.max_seconds`.
    """
    names = _learners(asked.config.models, task, allow, categories=categories)
    shares = [asked.config.trials // len(names)] * len(names)
    for index in range(asked.config.trials % len(names)):
        shares[index] += 1
    run = _Run(asked, Clock(asked.config.max_seconds), [])
    for name, share in zip(names, shares, strict=True):
        if share:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # FLAML's imports and searches warn of each other
                run.learner(name, share, _space(name, task, rows, seed))
    return run.trials


def _learners(
    wanted: Sequence[str], task: Task, allow: Sequence[str], *, categories: bool
) -> list[str]:
    from importlib.util import find_spec

    for name in wanted:
        if name not in LEARNERS:
            raise ConfigError(
                f"FLAML's learner `{name}` is not known here",
                where="tuning.models",
                expected=nearest(name, LEARNERS),
            )
    found = [
        name
        for name in wanted or USUAL
        if is_allowed(f"{LEARNERS[name]}.", allow)
        and find_spec(LEARNERS[name])
        and not (task == "regression" and name in _CLASSIFIERS)
        and not (categories and name not in _CATEGORICAL)
    ]
    if not found or (wanted and len(found) < len(wanted)):
        left = [name for name in wanted or USUAL if name not in found]
        raise ConfigError(
            f"the learners {left} are not allowed, not installed, or not for a {task}"
            + (" with categories as such (`categorical: true`)" if categories else ""),
            where="tuning.models",
            expected=f"packages that `allow:` names and pip installed: {list(allow)}"
            + (f"; or some of {sorted(_CATEGORICAL)}" if categories else ""),
        )
    return found


class _Space:
    """A learner of FLAML: its space, where to start, and what its parameters mean."""

    def __init__(
        self, domains: Mapping[str, Mapping[str, Any]], make: Callable[[Any], dict[str, Any]]
    ) -> None:
        self.domains = {name: entry["domain"] for name, entry in domains.items()}
        self.start = {n: e["init_value"] for n, e in domains.items() if _given(e, "init_value")}
        low = "low_cost_init_value"
        self.cheap = {n: e[low] for n, e in domains.items() if _given(e, low)}
        self.model = make


def _given(entry: Mapping[str, Any], key: str) -> bool:
    return entry.get(key) is not None


def _space(name: str, task: Task, rows: tuple[int, int], seed: int) -> _Space:
    try:
        import numpy as np
        from flaml.automl.task.factory import task_factory
    except ImportError as error:
        raise MissingExtraError(
            "FLAML is not installed",
            where="tuning.kind = automl",
            run="pip install -c constraints.txt 'playbill[automl]'",
        ) from error
    kind: Any = task_factory(task, np.zeros((4, 1)), np.array([0.0, 1.0, 0.0, 1.0]))
    learner = kind.estimators[name]

    def model(config: Mapping[str, Any]) -> dict[str, Any]:
        made = learner(task=kind, **config)
        path = f"{made.estimator_class.__module__}.{made.estimator_class.__name__}"
        given = {key: _plain(value) for key, value in made.params.items() if key not in _OURS}
        found = {"_target_": _public(path), **given}
        if _SEED in made.estimator_class().get_params():
            found[_SEED] = seed
        return {**found, **_quiet(name)}

    return _Space(learner.search_space(data_size=rows, task=kind), model)


def _quiet(name: str) -> dict[str, Any]:
    if name == "lgbm":  # alone it would use every core, and add up in the order they finish
        return {"n_jobs": 1, "deterministic": True, "force_row_wise": True, "verbose": -1}
    return {"n_jobs": 1} if name in {"rf", "extra_tree", "xgboost", "kneighbor"} else {}


def _public(path: str) -> str:
    """Return the name by which users import a class, as sklearn.ensemble.RandomForestClassifier."""
    import importlib

    *parts, name = path.split(".")
    for size in range(1, len(parts)):
        module = importlib.import_module(".".join(parts[:size]))
        if hasattr(module, name):
            return f"{'.'.join(parts[:size])}.{name}"
    return path


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


class _Run:
    """The search that is under way."""

    def __init__(self, asked: Asked, clock: Clock, trials: list[Trial]) -> None:
        self.asked, self.clock, self.trials = asked, clock, trials

    def learner(self, name: str, share: int, space: _Space) -> None:
        """Search one learner's space."""
        from flaml.tune.searcher.blendsearch import CFO

        seed = self.asked.config.seed
        # One point for its whole budget, so that nothing depends on what a trial costs.
        search = CFO(
            metric="score", mode="max", space=dict(space.domains), seed=seed,
            low_cost_partial_config=dict(space.cheap), points_to_evaluate=[dict(space.start)],
            cost_attr="trials",
        )  # fmt: skip
        for config, tell in _suggestions(search, share, name):
            self.clock.check(len(self.trials), self.asked.config.trials)
            values: Values = {MODEL: space.model(config)}
            folds = self.asked.objective.folds
            scores = self.asked.objective([(values, fold) for fold in range(folds)])
            trial = as_trial(len(self.trials), values, scores)
            self.trials.append(trial)
            self.asked.told(trial)
            failed = any(isinstance(score, DataError) for score in scores)
            tell(None if failed else trial.mean)


def _suggestions(
    search: Any, share: int, name: str
) -> Iterator[tuple[dict[str, Any], Callable[[float | None], None]]]:
    given = 0
    for index in range(share * _PATIENCE):
        key = f"{name}-{index}"
        config = search.suggest(key) if given < share else None
        if config is None:  # it has no idea at the moment
            continue
        given += 1

        def tell(score: float | None, key: str = key, config: Any = config) -> None:
            if score is None:
                search.on_trial_complete(key, error=True)
            else:
                result = {"score": score, "config": config, "trials": 1, "time_total_s": 1}
                search.on_trial_complete(key, result=result)

        yield config, tell
