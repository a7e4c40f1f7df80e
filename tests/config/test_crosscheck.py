"""Groups of conf/ that contradict each other are refused before anything runs."""

from pathlib import Path

import pytest

from playbill.config.composition import compose
from playbill.config.crosscheck import crosscheck
from playbill.config.schema import Params
from playbill.config.validation import validate
from playbill.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
LEAKS = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]
NUMBERS = "feature.groups.numeric.columns"


def params(*overrides: str) -> Params:
    return Params.model_validate(compose(ROOT, overrides).values)


@pytest.mark.parametrize("split", ["time", "random", "stratified"])
@pytest.mark.parametrize("model", ["boosting", "forest", "logistic"])
def test_every_shipped_choice_fits_the_reference_project(model: str, split: str) -> None:
    assert crosscheck(params(f"model={model}", f"split={split}")) == []


@pytest.mark.parametrize("leak", LEAKS)
def test_what_is_known_only_after_departure_is_no_feature(leak: str) -> None:
    ((key, what, _),) = crosscheck(params(f"{NUMBERS}=[temp,{leak}]"))
    assert key == NUMBERS
    assert what == f"`{leak}` is known only after the prediction"


@pytest.mark.parametrize("leak", LEAKS)
def test_what_is_known_only_after_departure_is_no_column_of_the_contract(leak: str) -> None:
    with pytest.raises(ConfigError, match=f"{leak}.*known only after the prediction"):
        validate(compose(ROOT, [f"+contract.schema.columns.{leak}.dtype=float64"]))


@pytest.mark.parametrize("leak", LEAKS)
def test_nothing_of_the_kind_is_an_input_or_a_feature_of_the_reference_project(leak: str) -> None:
    made = params()
    features = {column for group in made.feature.groups.values() for column in group.columns}
    assert leak in made.contract.unavailable
    assert leak not in made.contract.inputs
    assert leak not in features


def test_a_feature_that_is_no_input_is_named_with_the_nearest() -> None:
    ((_, what, expected),) = crosscheck(params(f"{NUMBERS}=[tempp]"))
    assert what == "`tempp` is no input of the contract"
    assert expected == "`temp` is the nearest name"


def test_the_target_is_no_feature() -> None:
    ((_, what, _),) = crosscheck(params(f"{NUMBERS}=[late]"))
    assert what == "`late` is no input of the contract, but its target"


def test_a_column_in_two_groups_is_refused() -> None:
    ((_, what, _),) = crosscheck(params(f"{NUMBERS}=[carrier]"))
    assert "`carrier` is also in the group" in what


def test_a_slice_that_is_no_column_is_named_with_the_nearest() -> None:
    ((key, what, expected),) = crosscheck(params("evaluation.slices=[orign]"))
    assert (key, what) == ("evaluation.slices", "`orign` is no column of the contract")
    assert expected == "`origin` is the nearest name"


def test_a_group_split_needs_a_group() -> None:
    ((key, what, _),) = crosscheck(params("split=group"))
    assert (key, what) == ("split.kind", "the group split needs a column with the role group")


def test_every_contradiction_is_told() -> None:
    found = crosscheck(params("split=group", "evaluation.slices=[a,b]", f"{NUMBERS}=[dep_time]"))
    assert [key for key, *_ in found] == [
        NUMBERS,
        "evaluation.slices",
        "evaluation.slices",
        "split.kind",
    ]


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ("+evaluation.gate.metric=rmse", "evaluation.gate.metric", "no metric of a binary task"),
        ("+evaluation.gate.floors.r2=0.5", "evaluation.gate.floors.r2", "no metric of a binary"),
        ("+evaluation.gate.slices=[gate]", "evaluation.gate.slices", "no column of the contract"),
        ("+evaluation.gate.test=mcnemar", "evaluation.gate.test", "compares accuracy, not roc_auc"),
        ("+evaluation.gate.test=delong", "evaluation.gate.test", "takes rows for independent"),
    ],
)
def test_a_gate_that_cannot_decide_this_task_is_refused_before_anything_runs(
    change: str, key: str, words: str
) -> None:
    found = crosscheck(params(change))
    assert key in [one for one, *_ in found]
    assert any(words in what for _, what, _ in found)
