"""Of problems that hang together the cause is told, and what only follows from it is not."""

from pathlib import Path

import pytest

from tests.config.conftest import edit
from tests.config.test_composition import refusal

CONFIG = Path("conf", "config.yaml")


def one_problem(project: Path) -> str:
    text = refusal(project)
    assert "problems in the configuration" not in text, text
    return text


@pytest.mark.parametrize(("key", "line"), [("seed", 20), ("name", 18)])
def test_a_misspelt_key_that_others_interpolate_is_told_alone(
    project: Path, key: str, line: int
) -> None:
    """A dozen interpolations name each of them."""
    edit(project / CONFIG, f"\n{key}:", f"\n{key}d:")
    text = one_problem(project)
    assert f"unknown key `{key}d`" in text
    assert f"conf/config.yaml:{line} {key}d" in text
    assert f"`{key}`; one of" in text


def test_a_missing_key_that_others_interpolate_is_told_alone(project: Path) -> None:
    edit(project / CONFIG, "\nname: tiny", "")
    text = one_problem(project)
    assert "the key `name` is missing" in text
    assert "conf/config.yaml name" in text


def test_a_misspelt_key_of_a_group_is_told_alone_too(project: Path) -> None:
    lines = "evaluation: {treshold: 0.4}\nserver: {title: 'from ${evaluation.threshold}'}"
    edit(project / CONFIG, "seed: 7", f"seed: 7\n{lines}")
    (project / "conf" / "evaluation").mkdir()
    (project / "conf" / "evaluation" / "default.yaml").write_text("slice_rows: 5\n")
    text = one_problem(project)
    assert "unknown key `treshold`" in text


def test_an_interpolation_of_what_is_only_a_default_is_told_what_to_do(project: Path) -> None:
    (project / "conf" / "evaluation").mkdir()
    (project / "conf" / "evaluation" / "default.yaml").write_text("slice_rows: 5\n")
    edit(project / CONFIG, "seed: 7", "seed: 7\nserver: {title: '${evaluation.threshold}'}")
    assert "`evaluation.threshold` set in conf/" in one_problem(project)


def test_a_value_of_the_wrong_type_is_told_where_it_stands_not_where_it_goes(
    project: Path,
) -> None:
    edit(project / CONFIG, "seed: 7", "seed: '7'")
    assert "conf/config.yaml:20 seed" in one_problem(project)


def test_without_a_valid_allow_list_no_target_is_blamed(project: Path) -> None:
    edit(project / CONFIG, "allow: [sklearn., stages.]", "allow: sklearn.")
    assert "conf/config.yaml:19 allow" in one_problem(project)


def test_a_dead_interpolation_hides_no_other_problem(project: Path) -> None:
    edit(
        project / CONFIG,
        "seed: 7",
        "seed: 7\nserver: {title: '${nmae}'}\nevaluation: {threshold: 5}\nmodel: {max_itr: 3}",
    )
    text = refusal(project)
    assert "3 problems" in text
    for key in ("server.title", "evaluation.threshold", "model.max_itr"):
        assert key in text
    assert "`${name}`" in text


def test_a_key_in_error_hides_no_contradiction_between_groups(project: Path) -> None:
    edit(project / CONFIG, "seed: 7", "seed: '7'\nevaluation: {treshold: 0.5, slices: [z]}")
    edit(project / "conf" / "feature" / "tiny.yaml", "[x]", "[xx]")
    text = refusal(project)
    assert "4 problems" in text
    for key in ("seed", "evaluation.treshold", "evaluation.slices", "feature.groups.numbers"):
        assert key in text


def test_a_value_that_must_be_given_is_no_dead_interpolation(project: Path) -> None:
    edit(project / CONFIG, "seed: 7", "seed: ???")
    text = one_problem(project)
    assert "`seed` is ???" in text
    assert "interpolation" not in text


def test_what_is_expected_is_said_once_and_in_words(project: Path) -> None:
    edit(project / CONFIG, "seed: 7", "seed: 7\nserver: {max_batch_rows: 0}")
    assert "expected: greater than or equal to 1\n" in f"{refusal(project)}\n"
    edit(project / CONFIG, "server: {max_batch_rows: 0}", "")
    edit(project / "conf" / "source" / "tiny.yaml", "{start: 2020-01-01, end: 2020-02-01}", "2020")
    assert "expected: a mapping" in refusal(project)


def test_a_group_of_which_nothing_is_chosen_is_named_with_the_way_to_choose(project: Path) -> None:
    edit(project / CONFIG, "  - server: default\n", "")
    text = one_problem(project)
    assert "the key `server` is missing" in text
    assert "`- server: ...`, in the defaults list" in text


def test_a_group_chosen_twice_names_the_second_line(project: Path) -> None:
    edit(project / CONFIG, "  - model: boosting\n", "  - model: boosting\n  - model: forest\n")
    text = one_problem(project)
    assert "the group `model` is chosen twice" in text
    assert "conf/config.yaml:8 model" in text


def test_an_option_of_another_ending_is_told_to_be_renamed(project: Path) -> None:
    (project / "conf" / "model").mkdir()
    (project / "conf" / "model" / "mine.yml").write_text("_target_: sklearn.svm.SVC\n")
    edit(project / CONFIG, "- model: boosting", "- model: mine")
    assert "conf/model/mine.yml renamed to mine.yaml" in one_problem(project)


def test_a_search_path_without_the_shipped_options_is_what_is_told(project: Path) -> None:
    edit(project / CONFIG, "pkg://playbill.conf", "pkg://playbil.conf")
    assert "`pkg://playbill.conf` is not on Hydra's search path" in one_problem(project)
