"""A report of every task: measured as a whole, then as text, as Markdown and as one page."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

from playbill.config.schema import Evaluation
from playbill.evaluation.assessment import assess, make_plan
from playbill.evaluation.breakdown import tables
from playbill.evaluation.curves import curves, importance
from playbill.evaluation.metrics import measure
from playbill.evaluation.report import Evaluated, as_html, as_markdown, as_text
from playbill.evaluation.scored import Scored
from tests.serving import CONTRACT

CONFIG = Evaluation.model_validate({
    "slices": ["ward"],
    "slice_rows": 20,
    "fairness": ["ward"],
    "interval": {"draws": 100, "block": "1d"},
    "importance": {"rows": 100, "repeats": 2},
})  # fmt: skip
TASKS = ["binary", "multiclass", "regression"]
ROWS = 300


def _frame() -> pd.DataFrame:
    draw = np.random.default_rng(1)
    start = pd.Timestamp("2026-01-01")
    return pd.DataFrame({
        "age": draw.normal(50, 10, ROWS),
        "ward": draw.choice(["north", "<b>south"], ROWS),
        "seen": start + pd.to_timedelta(draw.integers(0, 40, ROWS), "D"),
    })  # fmt: skip


def _scores(task: str, age: Any) -> Any:
    if task == "regression":
        return age / 10
    chance = 1 / (1 + np.exp(-(age - 50) / 10))
    return np.column_stack([1 - chance, chance / 2, chance / 2]) if task != "binary" else chance


def _evaluated(task: Any) -> tuple[Evaluated, dict[str, Any]]:
    frame, draw = _frame(), np.random.default_rng(2)
    scores = _scores(task, frame["age"].to_numpy())
    if task == "regression":
        scored = Scored(task, scores + draw.normal(size=ROWS), scores)
    elif task == "multiclass":
        truth = np.array([draw.choice(3, p=row) for row in scores])
        scored = Scored(task, truth, scores, ("x", "y", "<i>z"))
    else:
        scored = Scored(task, (draw.random(ROWS) < scores).astype(np.int64), scores, ("0", "1"))
    plan = make_plan(frame, _timed(), CONFIG)
    rows = frame[["age"]]
    report = assess(
        frame, rows, scored, plan, CONFIG, lambda asked: _scores(task, asked["age"].to_numpy())
    )
    drawn = curves(scored, points=50) | importance(report["importance"])
    plots = {name: table.to_dict("list") for name, table in drawn.items()}
    metrics = {"format_version": 2, "task": task, **measure(scored)}
    return Evaluated("visits", "main", metrics, report, plots), report  # type: ignore[arg-type]


def _timed() -> Any:
    columns = {**CONTRACT.columns, "seen": CONTRACT.columns["seen"].model_copy()}
    columns["seen"] = columns["seen"].model_copy(update={"role": "time"})
    return CONTRACT.model_copy(update={"columns": columns})


class _Reader(HTMLParser):
    """Collects tags that are left open, and words that are not."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, _: Any) -> None:
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _: Any) -> None:
        """Leave out what closes itself."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("task", TASKS)
def test_every_part_is_measured_and_is_plain_json(task: str) -> None:
    _, report = _evaluated(task)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["interval"]["blocks"] == 40
    for name, found in report["metrics"].items():
        if name != "r2":
            assert found["low"] <= found["value"] <= found["high"], name
    assert set(report["slices"]["ward"]) == {"<b>south", "north"}
    assert report["search"]["columns"] == ["age"]
    assert report["search"]["searched"] == 4
    assert report["fairness"]["ward"]["differences"]
    assert ("error_by_chance" in report["calibration"]) == (task != "regression")
    assert [one["column"] for one in report["importance"]["columns"]] == ["age"]


@pytest.mark.parametrize("task", TASKS)
def test_two_runs_measure_the_same(task: str) -> None:
    assert _evaluated(task)[1] == _evaluated(task)[1]


@pytest.mark.parametrize("task", TASKS)
def test_the_page_is_one_whole_file_that_needs_no_net_and_trusts_no_name(task: str) -> None:
    page = as_html(_evaluated(task)[0])
    reader = _Reader()
    reader.feed(page)
    assert reader.open == []
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    assert "<b>south" not in page
    assert "<i>z" not in page
    assert page.count("<svg") >= 5
    assert "Importance of the inputs" in page
    assert page == as_html(_evaluated(task)[0])


@pytest.mark.parametrize("task", TASKS)
def test_text_and_markdown_have_every_metric_and_what_was_searched(task: str) -> None:
    found, report = _evaluated(task)
    for text in (as_text(found), as_markdown(found)):
        assert "Searched 4 one- and two-way slices over 1 columns" in text
        assert "40 blocks of 1d drawn as wholes" in text
        assert "format_version" not in text
        assert "By ward, worst first" in text
        assert "Fairness by ward: highest less lowest group" in text
    assert len(as_markdown(found).splitlines()) > len(report["metrics"])


def test_a_curve_that_was_asked_for_is_in_the_text_and_in_markdown() -> None:
    line = {"value": [0.71, 0.74], "low": [0.6, 0.7], "high": [0.8, None]}
    curve = {
        "title": "Learning curve", "note": "100 rows judge.", "x_label": "rows learned from",
        "y_label": "AUC", "x": [50.0, 500.0], "lines": {"rows that judge": line},
    }  # fmt: skip
    found = replace(_evaluated(TASKS[0])[0], curves=[curve])
    for text in (as_text(found), as_markdown(found)):
        assert "100 rows judge." in text
        assert "AUC, rows that judge" in text
        assert "0.71 (0.6 to 0.8)" in text


def test_the_text_shows_the_declared_slices_and_the_fairness_of_declared_groups() -> None:
    def rate(value: float, **more: object) -> dict[str, object]:
        return {"value": {"value": value, "low": value - 0.1, "high": value + 0.1}, **more}

    def auc(value: float | None) -> dict[str, object]:
        return {"metrics": {"roc_auc": {"value": value}}, "rows": 1200}

    report = {
        "slices": {"carrier": {"AA": auc(0.7), "UA": auc(0.6), "HA": {"rows": 3, "metrics": {}}}},
        "fairness": {
            "origin": {
                "reference": "EWR",
                "differences": {"demographic_parity": {"value": 0.25, "low": 0.1, "high": 0.4}},
                "groups": {
                    "EWR": {"rows": 900, "selection_rate": rate(0.5)},
                    "JFK": {
                        "rows": 500,
                        "selection_rate": rate(
                            0.25, to_reference={"value": -0.25, "low": -0.4, "high": -0.1}
                        ),
                    },
                },
            },
            "dest": {"differences": {}, "groups": {}, "too_few_rows": {"HNL": 3}},
        },
    }
    shown = list(tables(report, "roc_auc"))
    assert [title for title, _, _ in shown] == [
        "By carrier, worst first; 1 with too few rows or one class alone",
        "Fairness by origin: highest less lowest group, which is never negative",
        "Each group of origin against the largest, EWR",
        "Fairness by dest: fewer than two groups have enough rows",
    ]
    assert [row[:3] for row in shown[0][2]] == [["UA", "1,200", "0.6"], ["AA", "1,200", "0.7"]]
    assert shown[1][2] == [["demographic parity", "0.25", "0.1 to 0.4"]]
    assert shown[2][2][1] == ["JFK: selection rate", "0.25", "-0.25", "-0.4 to -0.1"]


def test_a_revision_from_before_there_were_intervals_has_its_metrics_still() -> None:
    old = Evaluated("visits", "v1", {"roc_auc": 0.7, "rows": 9, "threshold": 0.5}, note="too old")
    for text in (as_text(old), as_markdown(old), as_html(old)):
        assert "0.7" in text
        assert "too old" in text
    assert "Area under the ROC curve" in as_text(old)
