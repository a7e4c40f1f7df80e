"""Selectors, search spaces and what validation, tuning and training demand: told at compose."""

import shutil
from pathlib import Path

import pytest

from playbill.config.composition import compose
from playbill.config.schema import Params
from playbill.config.selection import selected
from playbill.config.space import Dimension, dimensions, placed
from playbill.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def refused(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        _ = compose(ROOT, overrides).params
    return str(caught.value)


def params(*overrides: str) -> Params:
    return compose(ROOT, overrides).params


def space(text: str, kind: str = "random") -> list[str]:
    return [f"tuning={kind}", "validation=time", f"+tuning.space={text}"]


def test_a_selector_takes_what_no_group_names() -> None:
    groups = {
        "dates": "{columns: {kind: [datetime]}}",
        "texts": "{columns: {dtype: [str], without: [origin]}}",
        "wind": "{columns: {matching: 'wind_.*'}}",
        "named": "{columns: [wind_dir, temp]}",
    }
    del groups["dates"]  # the flights have no other time than that of their role
    inner = ", ".join(f"{name}: {text}" for name, text in groups.items())
    chosen = params("feature=native", "~feature.groups", f"+feature.groups={{{inner}}}")
    found = selected(chosen.feature, chosen.contract)
    assert found["texts"] == ["carrier", "dest", "manufacturer", "engine"]
    assert found["wind"] == ["wind_speed", "wind_gust"]
    assert found["named"] == ["wind_dir", "temp"]


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ("{kind: [datetime]}", "the selector fits no input that is left"),
        ("{kind: [nubmer]}", "nubmer"),
        ("{matching: '('}", "is no regular expression"),
        ("{without: [temq]}", "`temq` is no input of the contract"),
        ("{kinds: [text]}", "unknown key `kinds`"),
    ],
)
def test_a_selector_that_cannot_be_meant_is_refused_with_its_place(columns: str, what: str) -> None:
    said = refused("feature=native", f"++feature.groups.numbers.columns={columns}")
    assert what in said
    assert f"the override ++feature.groups.numbers.columns={columns}" in said


def test_the_shipped_features_fit_any_contract() -> None:
    for feature, model in (("native", "boosting"), ("scaled", "logistic")):
        assert params(f"feature={feature}", f"model={model}").feature.groups


def test_a_space_becomes_dimensions_in_its_order() -> None:
    text = (
        "{model: {max_iter: {low: 10, high: 90, step: 20},"
        " learning_rate: {low: 0.01, high: 1.0, log: true}, max_depth: [null, 3]}}"
    )
    assert dimensions(params(*space(text)).tuning.space) == [
        Dimension(("model", "max_iter"), None, 10, 90, step=20),
        Dimension(("model", "learning_rate"), None, 0.01, 1.0, log=True),
        Dimension(("model", "max_depth"), (None, 3)),
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{model: {max_dept: [3]}}", "takes no `max_dept`"),
        ("{model: {max_iter: [3, 4.5]}}", "`model.max_iter` is 4.5"),
        ("{model: {max_iter: {low: -3, high: 4}}}", "`model.max_iter` is -3"),
        ("{model: {max_iter: {low: 5, high: 4}}}", "the range ends at 4, not above 5"),
        ("{model: {max_iter: {low: 0, high: 4, log: true}}}", "cannot start at 0"),
        ("{model: {max_iter: {low: 1, high: 4, size: 2}}}", "a range has no `size`"),
        ("{model: {max_iter: 4}}", "is no list of choices and no range"),
        ("{model: {max_iter: []}}", "there is no choice"),
        ("{split: {seed: [1]}}", "`split` is not searched"),
        ("{feature: {groups: {numeric: {steps: {7: {x: [1]}}}}}}", "leads nowhere in conf/"),
        ("{feature: {groups: {numeric: {steps: {1: {with_men: [true]}}}}}}", "no `with_men`"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_with_its_place(text: str, what: str) -> None:
    said = refused(*space(text))
    assert what in said
    assert f"the override +tuning.space={text[:20]}" in said


def test_in_a_file_they_are_refused_with_its_line(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copytree(ROOT / "stages", tmp_path / "stages")
    (tmp_path / "conf" / "tuning").mkdir()
    path = tmp_path / "conf" / "tuning" / "mine.yaml"
    path.write_text("kind: random\nspace:\n  model:\n    max_dept: [3]\n")
    with pytest.raises(ConfigError) as caught:
        _ = compose(tmp_path, ["tuning=mine", "validation=time"]).params
    assert "takes no `max_dept`" in str(caught.value)
    assert "conf/tuning/mine.yaml:4" in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "what"),
    [
        (["tuning=random"], "needs folds to be judged on"),
        (["tuning=random", "validation=time"], "needs a space"),
        (space("{model: {max_iter: {low: 1, high: 4}}}", "grid"), "cannot try every value"),
        (["+tuning.metric=rmse"], "`rmse` is no measure of a binary task"),
        (["validation.metrics=[auc]", "validation=time"], "auc"),
        (["validation=group"], "folds by group need a column with the role group"),
        (["validation=kfold", "+validation.gap=1d"], "kfold folds have no gap"),
        (
            ["tuning=automl", "validation=time", "tuning.models=[lgbn]"],
            "FLAML's learner `lgbn` is not known here",
        ),
        (["validation=time", "+validation.seed=3"], "folds in time draw nothing"),
        (
            space("{feature: {groups: {numeric: {columns: [[temp], [tmp]]}}}}"),
            "`tmp` is no input of the contract",
        ),
        (["training.calibration.method=sigmoid"], "the calibration is learned on folds"),
        (["training.threshold.kind=cost"], "the threshold is learned on folds"),
        (["training.class_weight={late: 2}"], "`late` is no class of the target"),
        (["feature=native", "feature.groups.categories.steps=[]"], "nothing makes them so"),
        (["+contract.task=regression", "model=ridge", "split=stratified"], "needs classes"),
    ],
)
def test_choices_that_contradict_each_other_are_refused(overrides: list[str], what: str) -> None:
    assert what in refused(*overrides)


def test_a_bare_off_is_told_to_be_quoted(tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "config.yaml").write_text("defaults:\n  - tuning: off\n  - _self_\n  - recorded\n")
    (conf / "recorded.yaml").write_text("# @package _global_\n")
    with pytest.raises(ConfigError, match="YAML reads a bare on, off, yes or no"):
        compose(tmp_path)


def test_a_name_beside_keyword_arguments_is_taken_unless_it_is_a_slip(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copytree(ROOT / "stages", tmp_path / "stages")
    config = tmp_path / "conf" / "config.yaml"
    config.write_text(config.read_text().replace("[sklearn., ", "[sklearn., lightgbm., "))
    taken = compose(tmp_path, ["model=lightgbm", "+model.path_smooth=1.0"]).params
    assert taken.model["path_smooth"] == 1.0
    with pytest.raises(ConfigError, match="takes no `num_leafs`"):
        _ = compose(tmp_path, ["model=lightgbm", "+model.num_leafs=4"]).params


def test_a_value_is_placed_without_touching_the_rest() -> None:
    before = {"model": {"a": 1, "deep": {"b": [1, {"c": 2}]}}}
    assert placed(before, ("model", "deep", "b", "1", "c"), 3) == {
        "model": {"a": 1, "deep": {"b": [1, {"c": 3}]}}
    }
    assert before["model"]["a"] == 1
    assert placed({}, ("model", "x"), 1) == {"model": {"x": 1}}
