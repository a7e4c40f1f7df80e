"""Every kind of search finds the same again, and judges by what the objective says alone."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from playbill.config.schema import Tuning
from playbill.config.space import dimensions
from playbill.errors import ConfigError, DataError, StageError
from playbill.tuning import automl, grid, optuna
from playbill.tuning import random as drawing
from playbill.tuning.base import Asked, Score, Trial, Values, best_of

SPACE = {
    "model": {
        "rate": {"low": 0.01, "high": 1.0, "log": True},
        "depth": {"low": 1, "high": 9, "step": 2},
        "kind": ["a", "b", None],
        "nested": [{"x": 1}, {"x": 2}],
    }
}
RATE, DEPTH, KIND = ("model", "rate"), ("model", "depth"), ("model", "kind")


class Hills:
    """Best at rate 0.1, depth 5, kind b; counts what it is asked."""

    folds = 3

    def __init__(self, dies_after: int | None = None) -> None:
        self.asked = 0
        self.dies_after = dies_after

    def __call__(self, tasks: Sequence[tuple[Values, int]]) -> list[Score]:
        if self.dies_after is not None and self.asked + len(tasks) > self.dies_after:
            raise KeyboardInterrupt
        self.asked += len(tasks)
        return [self.one(values, fold) for values, fold in tasks]

    def one(self, values: Values, fold: int) -> Score:
        if values[KIND] is None and values[DEPTH] == 9:
            return DataError("they do not go together")
        found = -abs(values[RATE] - 0.1) - abs(values[DEPTH] - 5) / 10 + (values[KIND] == "b")
        return float(found + fold / 100)


def asked(objective: Any, kind: str, **keys: Any) -> Asked:
    config = Tuning(kind=kind, space=SPACE, seed=3, **keys)  # type: ignore[arg-type]
    return Asked(config, dimensions(config.space), objective)


def test_a_grid_tries_every_combination_and_a_failed_one_does_not_end_it() -> None:
    config = Tuning(
        kind="grid", space={"model": {"rate": [0.1, 0.2], "depth": [5, 9], "kind": ["b", None]}}
    )
    trials = grid.search(Asked(config, dimensions(config.space), Hills()))
    assert [trial.state for trial in trials].count("failed") == 2
    assert len(trials) == 8
    assert best_of(trials).parameters == {RATE: 0.1, DEPTH: 5, KIND: "b"}
    assert trials[3].note == "they do not go together"


def test_equal_parameters_are_tried_once() -> None:
    objective = Hills()
    config = Tuning(kind="grid", space={"model": {"rate": [0.1, 0.1], "depth": [5], "kind": ["b"]}})
    trials = grid.search(Asked(config, dimensions(config.space), objective))
    assert len(trials) == 2
    assert objective.asked == Hills.folds


def test_a_grid_that_nobody_means_is_refused() -> None:
    config = Tuning(kind="grid", space={"model": {n: list(range(100)) for n in "abc"}})
    with pytest.raises(ConfigError, match="1,000,000 combinations"):
        grid.search(Asked(config, dimensions(config.space), Hills()))


def test_drawn_parameters_keep_their_ranges_and_are_drawn_again_from_the_seed() -> None:
    one, two = (drawing.search(asked(Hills(), "random", trials=60)) for _ in range(2))
    assert one == two
    assert {trial.parameters[DEPTH] for trial in one} == {1, 3, 5, 7, 9}
    assert {trial.parameters[KIND] for trial in one} == {"a", "b", None}
    rates = sorted(trial.parameters[RATE] for trial in one)
    assert 0.01 <= rates[0] < 0.03
    assert rates[30] == pytest.approx(0.1, rel=0.5)  # the middle of a logarithmic range
    assert 0.4 < rates[-1] <= 1.0


def test_tpe_finds_the_hill_and_the_same_one_again() -> None:
    one, two = (optuna.search(asked(Hills(), "optuna", trials=60)) for _ in range(2))
    assert one == two
    assert [trial.number for trial in one] == list(range(60))
    best = best_of(one).parameters
    assert best[KIND] == "b"
    assert best[DEPTH] == 5
    assert best[RATE] == pytest.approx(0.1, abs=0.05)
    states = [trial.state for trial in one]
    assert states.count("pruned") > 5
    assert all(len(trial.scores) < 3 for trial in one if trial.state == "pruned")


def test_another_seed_draws_others() -> None:
    made = [
        optuna.search(Asked(Tuning(kind="optuna", space=SPACE, seed=seed, trials=5),
                            dimensions(SPACE), Hills()))
        for seed in (1, 2)
    ]  # fmt: skip
    assert made[0] != made[1]


def test_without_pruning_every_fold_is_tried() -> None:
    objective = Hills()
    trials = optuna.search(asked(objective, "optuna", trials=12, prune=False))
    assert all(trial.state != "pruned" for trial in trials)


@pytest.mark.parametrize("after", [1, 7, 40, 55])
def test_a_search_that_was_interrupted_ends_as_one_that_was_not(after: int, tmp_path: Path) -> None:
    whole = Hills()
    expected = optuna.search(asked(whole, "optuna", trials=30))
    journal = tmp_path / "kept" / "study.journal"
    with pytest.raises(KeyboardInterrupt):
        optuna.search(asked(Hills(dies_after=after), "optuna", trials=30), journal=journal)
    rest = Hills()
    assert optuna.search(asked(rest, "optuna", trials=30), journal=journal) == expected
    assert rest.asked <= whole.asked
    if after >= 40:
        assert rest.asked < whole.asked - 20  # what was done is not done again
    again = Hills()
    assert optuna.search(asked(again, "optuna", trials=30), journal=journal) == expected
    failed = sum(trial.state == "failed" for trial in expected)
    assert again.asked == failed  # what failed is asked again: one fold of each
    other = Hills()
    optuna.search(asked(other, "optuna", trials=5), journal=journal, name="other rows")
    assert other.asked > 0


def test_a_journal_whose_last_line_was_cut_off_is_gone_on_with(tmp_path: Path) -> None:
    journal = tmp_path / "study.journal"
    expected = optuna.search(asked(Hills(), "optuna", trials=12), journal=journal)
    journal.write_bytes(journal.read_bytes()[:-40])  # the machine went down
    for _ in range(2):
        assert optuna.search(asked(Hills(), "optuna", trials=12), journal=journal) == expected


def test_a_clock_ends_a_search_with_an_error_and_never_with_another_result() -> None:
    with pytest.raises(StageError, match="0 of 30 trials are done"):
        optuna.search(asked(Hills(), "optuna", trials=30, max_seconds=1e-9))


def test_trials_that_all_fail_say_why() -> None:
    with pytest.raises(DataError, match="none of 1 trials could be fitted; the first: bad"):
        best_of([Trial(0, {}, (), "failed", "bad")])


class Learners:
    """Likes few trees; takes a time of its own for each."""

    folds = 2

    def __call__(self, tasks: Sequence[tuple[Values, int]]) -> list[Score]:
        spun = random.Random()
        sum(range(spun.randrange(200_000)))
        trees = [
            values["model",].get("n_estimators", values["model",].get("max_iter", 9))
            for values, _ in tasks
        ]
        return [-float(abs(count - 12)) for count in trees]


def test_automl_tries_whole_models_and_finds_the_same_however_long_they_take() -> None:
    config = Tuning(kind="automl", trials=14, models=["histgb", "lgbm", "rf"], seed=3)
    runs = [
        automl.search(
            Asked(config, (), Learners()), task="binary", rows=(1000, 10),
            allow=["sklearn.", "lightgbm."], seed=7,
        )
        for _ in range(2)
    ]  # fmt: skip
    assert runs[0] == runs[1]
    targets = {trial.parameters["model",]["_target_"] for trial in runs[0]}
    assert targets == {
        "sklearn.ensemble.HistGradientBoostingClassifier", "lightgbm.LGBMClassifier",
        "sklearn.ensemble.RandomForestClassifier",
    }  # fmt: skip
    assert all(trial.parameters["model",]["random_state"] == 7 for trial in runs[0])


@pytest.mark.parametrize(
    ("models", "task", "what"),
    [
        (["lgbn"], "binary", "`lgbn` is not known"),
        (["lgbm"], "binary", "are not allowed"),
        (["lrl2"], "regression", "not for a regression"),
    ],
)
def test_a_learner_that_cannot_be_is_refused(models: list[str], task: Any, what: str) -> None:
    config = Tuning(kind="automl", models=models)
    with pytest.raises(ConfigError, match=what):
        automl.search(
            Asked(config, (), Learners()), task=task, rows=(9, 9), allow=["sklearn."], seed=7
        )


def test_a_learner_that_takes_no_categories_is_not_tried_where_there_are_some() -> None:
    """Each of its trials would fail, and the budget with them."""

    def search(models: list[str]) -> set[str]:
        config = Tuning(kind="automl", trials=4, models=models, seed=3)
        found = automl.search(
            Asked(config, (), Learners()), task="binary", rows=(1000, 10), allow=["sklearn."],
            seed=7, categories=True,
        )  # fmt: skip
        return {trial.parameters["model",]["_target_"].rpartition(".")[2] for trial in found}

    assert search([]) == {"HistGradientBoostingClassifier"}
    with pytest.raises(ConfigError, match=r"\['rf'\] are not .*`categorical: true`"):
        search(["histgb", "rf"])
