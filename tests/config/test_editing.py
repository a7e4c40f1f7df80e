"""Edits of YAML keep everything else as it was."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from playbill.config.editing import set_choice, set_value

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
