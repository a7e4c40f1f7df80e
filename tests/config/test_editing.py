"""Edits of YAML keep everything else as it was."""

from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from playbill.config.editing import fold, set_choice, set_value

TEXT = """\
# a header
defaults:
  - model: boosting   # the model
window: {start: 2013-01-01, end: 2013-04-01}  # quarter
name: "quoted"   # a name
query: |
  SELECT 1
deep:
    inner: 3 # odd indentation
"""


def test_only_the_value_changes() -> None:
    after = set_value(TEXT, ("window", "end"), "2013-05-01")
    assert after == TEXT.replace("end: 2013-04-01", "end: '2013-05-01'")
    assert set_value(TEXT, ("deep", "inner"), 4) == TEXT.replace("inner: 3", "inner: 4")


def test_a_new_key_keeps_the_comments() -> None:
    after = set_value(TEXT, ("deep", "other"), [1, 2])
    assert yaml.safe_load(after)["deep"] == {"inner": 3, "other": [1, 2]}
    for comment in ("# a header", "# the model", "# quarter", "# a name", "# odd indentation"):
        assert comment in after


def test_a_key_of_a_list_item_is_changed_or_added() -> None:
    text = "steps:\n  - _target_: a.B  # the first\n    strategy: median\n  - _target_: c.D\n"
    after = set_value(text, ("steps", "0", "strategy"), "mean")
    assert after == text.replace("median", "mean")
    added = set_value(text, ("steps", "1", "copy"), "no")
    assert yaml.safe_load(added)["steps"][1] == {"_target_": "c.D", "copy": "no"}
    assert "# the first" in added


def test_values_of_a_step_in_a_list_are_folded_into_the_file(project: Path) -> None:
    step = "feature.groups.numbers.steps.0"
    values = {f"{step}.strategy": "mean", f"{step}.add_indicator": True}
    assert fold(project, {}, values) == ["conf/feature/tiny.yaml"]
    found = yaml.safe_load((project / "conf" / "feature" / "tiny.yaml").read_text())
    assert found["groups"]["numbers"]["steps"] == [
        {"_target_": "sklearn.impute.SimpleImputer", "strategy": "mean", "add_indicator": True}
    ]


def test_a_choice_is_changed_in_its_line() -> None:
    after = set_choice(TEXT, "model", "forest")
    assert after == TEXT.replace("model: boosting ", "model: forest ")


@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20),
        st.lists(st.integers(), max_size=3),
    )
)  # fmt: skip
def test_any_plain_value_comes_back(value: object) -> None:
    found = yaml.safe_load(set_value(TEXT, ("deep", "inner"), value))["deep"]["inner"]
    assert found == value
