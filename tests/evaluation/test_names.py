"""One list of metrics: folds and evaluation measure the same under the same name."""

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from playbill.config.composition import compose
from playbill.config.metric import LOWER_IS_BETTER, METRICS, RENAMED, Metric, modern
from playbill.config.outcome import Task
from playbill.errors import ConfigError
from playbill.evaluation.metrics import measure
from playbill.evaluation.scored import Scored
from playbill.validation import metric as folds
from tests.conftest import TINY

CLASSES = ("bird", "cat", "dog")


def scored(task: Task, seed: int, *, classes: int = 3) -> Scored:
    draw = np.random.default_rng(seed)
    if task == "regression":
        number = draw.gamma(2.0, 50.0, size=301)
        return Scored(task, number, number + draw.normal(3, 20, size=301))
    truth = draw.integers(2 if task == "binary" else classes, size=300)
    if task == "binary":
        chance = np.clip(0.2 * truth + draw.random(300) * 0.8, 0, 1).round(2)
        return Scored(task, truth, chance.astype(np.float64), ("0", "1"))
    raw = draw.random((300, 3)).round(2) + 0.01 + 0.5 * (truth[:, None] == np.arange(3))
    return Scored(task, truth, raw / raw.sum(axis=1, keepdims=True), CLASSES)


def on_folds(one: Scored, name: Metric) -> float | None:
    truth: Any = one.truth
    if one.task == "multiclass":
        truth = np.array(CLASSES, dtype=object)[one.truth]
    return folds.measure(name, truth, one.scores, task=one.task, classes=CLASSES)


@pytest.mark.parametrize(
    "one",
    [
        *(scored(task, seed) for task in get_args(Task) for seed in (1, 2)),
        scored("multiclass", 3, classes=2),  # a class of which no row is there
        scored("multiclass", 4, classes=1),
        Scored("binary", np.zeros(9, dtype=np.int64), np.linspace(0.1, 0.4, 9), ("0", "1")),
        Scored("regression", np.zeros(9), np.linspace(0.1, 0.4, 9)),
    ],
    ids=lambda one: one.task,
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of scikit-learn: a class that is not there
def test_folds_and_evaluation_give_one_number_for_one_name(one: Scored) -> None:
    whole = measure(one)
    for name in METRICS[one.task]:
        found = on_folds(one, name)
        expected = whole[name]
        assert found == (None if expected is None else pytest.approx(expected, abs=1e-12)), name


def test_names_are_those_of_scikit_learn_s_scorers() -> None:
    from sklearn.metrics import get_scorer_names

    known = set(get_scorer_names())
    ours = {name for names in METRICS.values() for name in names}
    theirs = {old: new for old, new in RENAMED.items() if old.startswith("neg_")}
    assert ours - known == {*theirs.values(), "cohen_kappa"}
    assert set(theirs.values()) <= LOWER_IS_BETTER


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        ("evaluation.gate.metric", "macro_f1", "f1_macro"),
        ("evaluation.gate.floors", "{weighted_f1: 0.5}", "f1_weighted"),
        ("validation.metrics", "[mcc]", "matthews_corrcoef"),
        ("tuning.metric", "neg_log_loss", "log_loss"),
        ("training.threshold.metric", "mcc", "matthews_corrcoef"),
    ],
)
def test_another_spelling_leads_to_the_name(place: str, old: str, new: str) -> None:
    kinds = {"validation": "kfold", "tuning": "random"}
    group = place.partition(".")[0]
    chosen = [f"+{group}={kinds[group]}"] if group in kinds else []
    with pytest.raises(ConfigError) as caught:
        _ = compose(TINY, [*chosen, f"++{place}={old}"]).params
    assert f"`{new}`" in str(caught.value)


def test_what_an_older_version_wrote_is_read_by_today_s_names(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text('{"metrics": {"macro_f1": {"value": 1}}, "gate": [{"metric": "weighted_f1"}]}')
    read = modern(json.loads(file.read_text()))
    assert read == {"metrics": {"f1_macro": {"value": 1}}, "gate": [{"metric": "f1_weighted"}]}
    several = {"task": "multiclass", "metrics": {"roc_auc": 0.7}}
    assert modern(several)["metrics"] == {"roc_auc_ovr": 0.7}
    assert modern({"metric": "roc_auc"}, "multiclass") == {"metric": "roc_auc_ovr"}
    assert modern({**several, "task": "binary"})["metrics"] == {"roc_auc": 0.7}
