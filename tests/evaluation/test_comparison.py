"""Comparing models: numbers side by side, what was changed, and what three forms of it say."""

import json
import math

from playbill.evaluation import table
from playbill.evaluation.comparison import Comparison, Side, compare, flatten
from playbill.evaluation.juxtaposition import as_html
from playbill.evaluation.pairing import Paired

OLD = {"roc_auc": 0.70, "rows": 100, "note": "text", "class": {"late": {"f1": 0.5}}}
NEW = {"roc_auc": 0.75, "rows": 90, "brier": 0.2, "class": {"late": {"f1": 0.6}}}


def _compare(**changes: object) -> Comparison:
    return compare([Side("old", OLD, {"a": 1}), Side("new", NEW, {"a": 1, **changes})])


def test_each_metric_has_its_difference_to_the_first_side() -> None:
    rows = {row.name: row for row in _compare().metrics}
    assert list(rows) == ["roc_auc", "rows", "class.late.f1", "brier"]
    assert rows["roc_auc"].values == (0.70, 0.75)
    assert math.isclose(rows["roc_auc"].differences[0] or 0, 0.05)
    assert rows["rows"].differences == (-10,)
    assert (rows["brier"].values, rows["brier"].differences) == ((None, 0.2), (None,))


def test_several_sides_are_measured_against_the_first() -> None:
    found = compare(
        [Side("a", {"roc_auc": 0.5}), Side("b", {"roc_auc": 0.6}), Side("c", {"roc_auc": 0.25})]
    )
    (row,) = found.metrics
    assert [round(gap or 0, 9) for gap in row.differences] == [0.1, -0.25]
    assert "c to a" in table.as_text(found)


def test_parameters_are_compared_key_by_key() -> None:
    before = {"model": {"_target_": "x.Y", "depth": 3}, "groups": [{"columns": ["a"]}], "seed": 7}
    after = {"model": {"_target_": "x.Y", "depth": 5}, "groups": [{"columns": ["a", "b"]}]}
    found = compare([Side("a", {}, before), Side("b", {}, after)])
    assert {row.name: row.values for row in found.params} == {
        "model.depth": (3, 5),
        "groups[0].columns": (["a"], ["a", "b"]),
        "seed": (7, "-"),
    }


def test_a_package_that_several_stages_note_is_named_once() -> None:
    def environment(version: str, code: str) -> dict[str, object]:
        stages = {
            stage: {"framework": code, "packages": {"numpy": version}, "targets": {}}
            for stage in ("train", "evaluate")
        }
        return {"environment": stages}

    old, new = environment("2.0", "a" * 32), environment("2.1", "b" * 32)
    found = compare([Side("a", {}, old), Side("b", {}, new)])
    assert [(row.name, row.values[1]) for row in found.params] == [
        ("code of train", "b" * 12),
        ("package numpy", "2.1"),
        ("code of evaluate", "b" * 12),
    ]


def test_slices_are_compared_by_column_and_value() -> None:
    nested = {"origin": {"JFK": {"roc_auc": 0.6, "rows": 9}, "LGA": {"roc_auc": None, "rows": 2}}}
    found = compare([Side("a", {}, slices=nested), Side("b", {}, slices=nested)])
    assert [(row.name, row.differences) for row in found.slices] == [("origin.JFK", (0.0,))]
    found = compare([Side("a", {}, slices=nested), Side("b", {}, slices=None)])
    assert [(row.name, row.values) for row in found.slices] == [("origin.JFK", (0.6, None))]


def test_the_slices_that_moved_most_are_shown_and_json_has_all() -> None:
    old = {"carrier": {f"C{n:02}": {"roc_auc": 0.5} for n in range(30)}}
    new = {"carrier": {f"C{n:02}": {"roc_auc": 0.5 + n / 100} for n in range(30)}}
    found = compare([Side("a", {}, slices=old), Side("b", {}, slices=new)])
    text = table.as_text(found)
    assert "(10 of 30)" in text
    assert "carrier.C29" in text
    assert "carrier.C05" not in text
    assert len(json.loads(found.as_json())["slices"]) == 30


def test_the_text_says_when_nothing_was_changed() -> None:
    text = table.as_text(_compare())
    assert "roc_auc" in text
    assert "+0.0500" in text
    assert text.rstrip().endswith("nothing")
    assert "b" in table.as_text(_compare(b=2))


def test_the_markdown_is_tables_that_cells_cannot_break() -> None:
    found = compare([Side("main", OLD, {"query": "a | b\nc"}), Side("new", NEW, {"query": "d"})])
    text = table.as_markdown(found)
    assert text.startswith("### main against new\n")
    assert "| roc_auc | 0.7000 | 0.7500 | +0.0500 |" in text
    assert "| query | a \\| b c | d |" in text


def test_a_long_value_is_cut_in_tables_only() -> None:
    found = _compare(a="x" * 500)
    assert "x" * 61 not in table.as_text(found)
    assert "x" * 500 in found.as_json()


def test_json_holds_no_number_that_json_has_not() -> None:
    found = compare([Side("a", {"roc_auc": math.nan}), Side("b", {"roc_auc": 0.5})])
    read = json.loads(found.as_json(), parse_constant=lambda name: f"bad {name}")
    assert read["metrics"] == [{"name": "roc_auc", "values": [None, 0.5], "differences": [None]}]
    assert read["format_version"] == 1


def test_what_a_reader_should_know_stands_below_the_tables() -> None:
    found = compare([Side("a", OLD), Side("b", NEW)], notes=["a: nobody pushed them"])
    assert found.notes == ("a: nobody pushed them",)
    assert "note: a: nobody pushed them" in table.as_text(found)


def test_modules_that_differ_are_named_and_equal_ones_are_not() -> None:
    old = {"stages/train.py": "a" * 40, "stages/same.py": "b" * 40, "stages/gone.py": "c" * 40}
    new = {"stages/train.py": "d" * 40, "stages/same.py": "b" * 40, "stages/new.py": "e" * 40}
    found = compare([Side("a", OLD, code=old), Side("b", NEW, code=new)])
    assert {row.name: row.values for row in found.code} == {
        "stages/train.py": ("a" * 8, "d" * 8),
        "stages/gone.py": ("c" * 8, "-"),
        "stages/new.py": ("-", "e" * 8),
    }
    assert "Modules that differ (3 of 3)" in table.as_text(found)


def test_the_format_of_a_file_is_no_metric() -> None:
    found = compare([Side("a", OLD), Side("b", {**NEW, "format_version": 2, "task": "binary"})])
    assert not {"format_version", "task"} & {row.name for row in found.metrics}


def test_the_page_shows_every_side_in_one_plot_and_trusts_no_name() -> None:
    roc = {"false_positive_rate": [0, 0.5, 1], "true_positive_rate": [0, 0.8, 1]}
    old = {"mean_predicted": [0.1, 0.9], "share_positive": [0.2, 0.8]}
    new = {"mean_predicted": [0.1, 0.9], "mean_seen": [0.1, 0.9]}
    sides = [
        Side("<b>old", OLD, plots={"roc.csv": roc, "calibration.csv": old}),
        Side("new", NEW, plots={"roc.csv": roc, "calibration.csv": new}),
    ]
    better = Paired("new", "brier", 90, 0.2, 0.1, -0.1, -0.15, -0.05)
    page = as_html(compare(sides, paired=[better]))
    assert page.count('<path class="curve s1"') >= 3  # the key and two plots
    assert "<b>old" not in page
    assert "&lt;b&gt;old against new" in page
    assert 'neither was trained on: <span class="better">better</span> in brier.' in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page


def test_a_loss_that_falls_is_better_and_an_interval_over_zero_says_nothing() -> None:
    def verdict(metric: str, gap: float, low: float, high: float) -> str:
        return Paired("b", metric, 9, 0.5, 0.5 + gap, gap, low, high).verdict

    assert verdict("roc_auc", 0.1, 0.05, 0.15) == "better"
    assert verdict("roc_auc", -0.1, -0.15, -0.05) == "worse"
    assert verdict("brier", -0.1, -0.15, -0.05) == "better"
    assert verdict("brier", 0.1, 0.05, 0.15) == "worse"
    assert verdict("roc_auc", 0.1, -0.05, 0.15) == "no clear difference"


def test_nested_values_are_named_by_their_path() -> None:
    assert flatten({"a": {"b": [1, 2]}, "c": [{"d": 1}], "e": {}}) == {
        "a.b": [1, 2],
        "c[0].d": 1,
    }
