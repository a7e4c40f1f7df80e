"""An older model is asked about the newer hold-out, and two pages open without a network."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("flights")]


def test_models_of_two_windows_are_compared_on_the_newer_hold_out(mine: Path, run: Run) -> None:
    conf = mine / "conf" / "source" / "flights.yaml"
    text = conf.read_text()
    assert "end: 2013-04-01" in text
    conf.write_text(text.replace("end: 2013-04-01", "end: 2013-03-20"))
    run("dvc", "repro", "-q", cwd=mine)
    done = run("playbill", "compare", "HEAD", "--json", "--html", "compare.html", cwd=mine)
    found = json.loads(done.stdout)
    rows = {one["rows"] for one in found["paired"]}
    assert len(rows) == 1
    note = found["notes"][0]
    # The workspace's window ends earlier: HEAD's hold-out is the newer one, and the workspace's
    # model is asked about it, but for the rows that it learned from.
    assert "rows of the newer hold-out, that of HEAD" in note
    assert "asked now for its predictions: workspace" in note
    assert {"roc_auc", "brier", "accuracy"} <= {one["metric"] for one in found["paired"]}
    assert all(one["low"] <= one["difference"] <= one["high"] for one in found["paired"])
    run("playbill", "report", "--html", "report.html", cwd=mine)
    for page in ("compare.html", "report.html"):
        html = (mine / page).read_text()
        assert "<svg" in html
        assert "http" not in html.replace("http-equiv", "")
    report = json.loads(run("playbill", "report", "HEAD", "--json", cwd=mine).stdout)
    assert report["report"]["search"]["searched"] > 1000
    assert report["report"]["metrics"]["roc_auc"]["low"] < report["metrics"]["roc_auc"]
