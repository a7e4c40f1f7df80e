"""What compose says of a conf/ that is right, and of one that is not."""

import re
from pathlib import Path

import pytest

from playbill.config.composition import compose
from playbill.errors import ConfigError
from tests.config.conftest import edit


def refusal(project: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        _ = compose(project).params
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_shipped_options_are_found_and_interpolations_resolved(project: Path) -> None:
    found = compose(project)
    assert found.choices["model"] == "boosting"
    assert found.params.model["random_state"] == 7
    assert {"boosting", "forest", "logistic"} <= set(found.options["model"])


def test_a_file_of_the_project_shadows_the_shipped_option(project: Path) -> None:
    (project / "conf" / "model" / "boosting.yaml").parent.mkdir(exist_ok=True)
    text = "_target_: sklearn.ensemble.HistGradientBoostingClassifier\nmax_iter: 3\n"
    (project / "conf" / "model" / "boosting.yaml").write_text(text)
    found = compose(project)
    assert found.params.model["max_iter"] == 3
    assert str(found.origin(("model", "max_iter"))) == "conf/model/boosting.yaml:2"


def test_an_unknown_key_is_refused_with_file_line_and_nearest_name(project: Path) -> None:
    edit(
        project / "conf" / "contract" / "tiny.yaml", "columns:\n  id: {role", "colums:\n  id: {role"
    )
    text = refusal(project)
    assert re.search(r"conf/contract/tiny.yaml:\d+ contract.colums", text)
    assert "`columns`" in text


def test_every_problem_is_told_at_once(project: Path) -> None:
    edit(project / "conf" / "config.yaml", "seed: 7", "seed: minus\nsed: 3")
    edit(project / "conf" / "source" / "tiny.yaml", "kind: file, path", "kind: file, pth")
    text = refusal(project)
    assert "conf/config.yaml:21 sed" in text
    assert "conf/config.yaml:20 seed" in text
    assert "conf/source/tiny.yaml:3 source.sources.rows.pth" in text


def test_a_misspelt_argument_of_an_estimator_names_the_nearest(project: Path) -> None:
    edit(project / "conf" / "feature" / "tiny.yaml", "strategy", "stratgy")
    text = refusal(project)
    assert "conf/feature/tiny.yaml:5 feature.groups.numbers.steps.0.stratgy" in text
    assert "`strategy`" in text


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("model.max_iter=many", "a whole number in [1, inf)"),
        ("model.learning_rate=0", "a number in (0, inf)"),
        ("+model.max_bin=9", "`max_bins`"),
    ],
)
def test_arguments_of_an_estimator_are_checked_without_importing_it(
    project: Path, override: str, expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        _ = compose(project, [override]).params
    assert expected in str(caught.value)
    assert override in str(caught.value)


def test_an_option_that_does_not_exist_names_the_nearest(project: Path) -> None:
    edit(project / "conf" / "config.yaml", "model: boosting", "model: boostin")
    text = refusal(project)
    assert "conf/config.yaml:7" in text
    assert "`boosting`" in text


def test_a_group_that_does_not_exist_names_the_nearest(project: Path) -> None:
    edit(project / "conf" / "config.yaml", "model: boosting", "modle: boosting")
    assert "`model`" in refusal(project)


def test_broken_yaml_names_the_line(project: Path) -> None:
    edit(project / "conf" / "feature" / "tiny.yaml", "columns: [x]", "columns: [x")
    text = refusal(project)
    assert "broken YAML" in text
    assert re.search(r"conf/feature/tiny.yaml:\d", text)


def test_a_key_that_stands_twice_is_refused(project: Path) -> None:
    edit(project / "conf" / "config.yaml", "seed: 7", "seed: 7\nseed: 8")
    assert "stands twice" in refusal(project)


def test_a_dead_interpolation_names_its_line(project: Path) -> None:
    edit(project / "conf" / "source" / "tiny.yaml", "path: rows.csv", "path: '${nowhere}'")
    text = refusal(project)
    assert "conf/source/tiny.yaml:3" in text
    assert "nowhere" in text


def test_reading_the_environment_is_refused(project: Path) -> None:
    edit(project / "conf" / "source" / "tiny.yaml", "rows.csv", "'${oc.env:SECRET}'")
    text = refusal(project)
    assert "reads the environment" in text
    assert "conf/source/tiny.yaml:3" in text


def test_a_target_off_the_allow_list_is_refused_with_the_way_to_allow_it(project: Path) -> None:
    edit(project / "conf" / "feature" / "tiny.yaml", "sklearn.impute.SimpleImputer", "os.system")
    text = refusal(project)
    assert "os.system" in text
    assert "allow" in text


def test_a_column_known_only_afterwards_is_refused_in_the_contract(project: Path) -> None:
    edit(project / "conf" / "contract" / "tiny.yaml", "schema:", "unavailable: [x]\nschema:")
    assert "known only after the prediction" in refusal(project)


@pytest.mark.parametrize(
    ("old", "new", "where", "expected"),
    [
        ("kind: file, ", "", "conf/source/tiny.yaml:3 source.sources.rows", "rest, html, python"),
        ("kind: file", "kind: fil", "conf/source/tiny.yaml:3 source.sources.rows.kind", "`file`"),
        ("path: rows", "pth: rows", "source.sources.rows.pth", "`path`"),
        ("path: rows.csv", "path: 3", "source.sources.rows.path", "a valid string"),
        ("start: 2020-01-01", "start: 20200101", "conf/source/tiny.yaml:1 source.window.start",
         "a day, as 2013-01-01"),
        ("end: 2020-02-01", "end: 2019-01-01", "conf/source/tiny.yaml:1 source.window.end", ""),
    ],
)  # fmt: skip
def test_a_source_of_the_wrong_form_is_told_in_the_words_of_its_kind(
    project: Path, old: str, new: str, where: str, expected: str
) -> None:
    edit(project / "conf" / "source" / "tiny.yaml", old, new)
    text = refusal(project)
    assert where in text
    assert expected in text
    assert "target" not in text


def test_an_item_of_a_list_is_told_with_its_own_line(project: Path) -> None:
    edit(project / "conf" / "feature" / "tiny.yaml", "[x]", "\n      - x\n      - [y]")
    assert "conf/feature/tiny.yaml:5 feature.groups.numbers.columns.1" in refusal(project)


def test_what_the_members_of_a_union_expect_is_told_as_one(project: Path) -> None:
    edit(project / "conf" / "contract" / "tiny.yaml", "{role: key}", "{role: key, example: [1]}")
    text = refusal(project)
    assert "contract.columns.id.example` is [1]" in text
    assert "a valid string or a valid number" in text


def test_text_is_no_number_and_a_number_no_truth_value(project: Path) -> None:
    edit(project / "conf" / "config.yaml", "seed: 7", "seed: '7'\nevaluation: {threshold: true}")
    text = refusal(project)
    assert "conf/config.yaml:20 seed" in text
    assert "conf/config.yaml:21 evaluation.threshold" in text


def test_every_dead_interpolation_is_told_and_what_hangs_on_it_is_not(project: Path) -> None:
    edit(
        project / "conf" / "config.yaml",
        "seed: 7",
        "seed: ${sead}\nevaluation: {threshold: '${x.y}'}",
    )
    text = refusal(project)
    assert "2 problems" in text
    assert "conf/config.yaml:20 seed" in text
    assert "conf/config.yaml:21 evaluation.threshold" in text


def test_problems_of_keys_and_of_targets_are_told_together(project: Path) -> None:
    edit(project / "conf" / "feature" / "tiny.yaml", "strategy: median", "stratgy: median")
    edit(project / "conf" / "feature" / "tiny.yaml", "columns: [x]", "colums: [x]")
    text = refusal(project)
    assert "feature.groups.numbers.colums" in text
    assert "feature.groups.numbers.steps.0.stratgy" in text


def test_the_overrides_in_force_are_named(project: Path) -> None:
    edit(project / "conf" / "config.yaml", "seed: 7", "seed: minus")
    with pytest.raises(ConfigError, match=r"overrides in force: model\.max_iter=3"):
        _ = compose(project, ["model.max_iter=3"]).params


def test_a_wrong_value_of_an_override_is_the_overrides_fault(project: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        _ = compose(project, ["split.test_size=2"]).params
    assert caught.value.where == "the override split.test_size=2"
    assert "override" in caught.value.run
    edit(project / "conf" / "config.yaml", "seed: 7", "seed: minus")
    with pytest.raises(ConfigError) as caught:
        _ = compose(project, ["split.test_size=0.4"]).params
    assert caught.value.where.startswith("conf/config.yaml:")


def test_a_function_is_no_model(project: Path) -> None:
    (project / "conf" / "model").mkdir(exist_ok=True)
    (project / "conf" / "model" / "boosting.yaml").write_text("_target_: sklearn.base.clone\n")
    assert "conf/model/boosting.yaml:1 model._target_" in refusal(project)


@pytest.mark.parametrize("line", ["  - recorded\n", "  - _self_\n"])
def test_recorded_values_must_stand_above_all_others(project: Path, line: str) -> None:
    edit(project / "conf" / "config.yaml", line, "")
    assert "conf/config.yaml defaults" in refusal(project)


def test_a_missing_recorded_file_is_named(project: Path) -> None:
    (project / "conf" / "recorded.yaml").unlink()
    assert "conf/recorded.yaml is missing" in refusal(project)


def test_an_off_without_quotes_is_named_with_its_line_wherever_it_stands(project: Path) -> None:
    config = project / "conf" / "config.yaml"
    edit(config, "- model: boosting", "- model: boosting\n  - tuning: off")
    line = config.read_text().splitlines().index("  - tuning: off") + 1
    text = refusal(project)
    assert f"conf/config.yaml:{line} defaults" in text
    assert '- tuning: "off"' in text
    edit(config, "- tuning: off", "- tuning: mine")
    (project / "conf" / "tuning").mkdir(exist_ok=True)
    (project / "conf" / "tuning" / "mine.yaml").write_text("kind: off\n")
    text = refusal(project)
    assert "conf/tuning/mine.yaml:1 tuning.kind" in text
    assert "in quotes" in text


def test_a_shipped_option_for_another_task_leads_to_the_line_that_chose_it(project: Path) -> None:
    config = project / "conf" / "config.yaml"
    edit(config, "- model: boosting", "- model: ridge")
    line = config.read_text().splitlines().index("  - model: ridge") + 1
    text = refusal(project)
    assert "`sklearn.linear_model.Ridge` is a regressor, and contract.task is binary" in text
    assert f"model._target_, chosen in conf/config.yaml:{line}" in text
    assert "`model: boosting`" in text
