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
