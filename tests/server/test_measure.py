import json
import math
import time
from pathlib import Path

import numpy as np
import pytest

from playbill.server.application import enclose
from playbill.server.measure import Board, Family, line
from playbill.server.plain import Plain, PlainRows
from playbill.server.settings import Settings
from playbill.server.watch import Watch, bins_of, family
from tests.serving import application, call, row, visits

COUNTER = Family("c_total", "C.", labels=("a",), values=(("x", "y"),))
GAUGE = Family("g", "G.", "gauge")
HISTOGRAM = Family("h", "H.", "histogram", buckets=(1.0, 2.0))
FAMILIES = (COUNTER, GAUGE, HISTOGRAM)


def shared(path: Path, slot: int) -> Board:
    return Board(FAMILIES, workers=3, slot=slot, path=path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "board"
    path.write_bytes(b"")
    return path


def test_any_worker_tells_what_all_of_them_counted(file: Path) -> None:
    first, second = shared(file, 0), shared(file, 1)
    first.add(first.place("c_total", "x"), 2)
    second.add(second.place("c_total", "x"), 3)
    second.observe(second.place("h"), (1.0, 2.0), 1.0)
    first.observe(first.place("h"), (1.0, 2.0), 9.0)
    assert first.render() == second.render()
    lines = first.render().splitlines()
    assert 'c_total{a="x"} 5' in lines
    assert [x for x in lines if x.startswith("h_")] == [
        'h_bucket{le="1"} 1', 'h_bucket{le="2"} 1', 'h_bucket{le="+Inf"} 2',
        "h_sum 10", "h_count 2",
    ]  # fmt: skip


def test_who_replaces_a_dead_worker_goes_on_and_no_counter_goes_back(file: Path) -> None:
    first, dead = shared(file, 0), shared(file, 1)
    dead.add(dead.place("c_total", "x"), 7)
    dead.set(dead.place("g"), 4)
    del dead
    again = shared(file, 1)
    again.add(again.place("c_total", "x"), 1)
    assert 'c_total{a="x"} 8' in first.render()
    assert "g 0" in first.render().splitlines(), "what the dead one said of itself is not true now"


def test_labels_cannot_break_a_line() -> None:
    assert line("m", {"a": 'x"\n\\'}, 1.5) == 'm{a="x\\"\\n\\\\"} 1.5'


def test_nothing_that_is_sent_adds_a_series() -> None:
    edge = enclose(application())
    before = call(edge, "/metrics", method="GET").body.count(b"\n")
    for number in range(50):
        call(edge, f"/nowhere/{number}", method="GET")
        call(edge, "/predict", json.dumps(row(ward=f"w{number}")).encode())
        call(edge, "/predict", json.dumps({f"k{number}": 1}).encode())
        call(edge, f"/v2/models/m{number}/infer", b"{}")
    after = call(edge, "/metrics", method="GET").body.count(b"\n")
    assert after - before < 40


def test_missing_unknown_and_out_of_range_values_are_counted_by_feature() -> None:
    edge = enclose(application())
    for changes in ({}, {"dose": None}, {"age": 500}, {"ward": "west"}, {"age": "x"}):
        call(edge, "/predict", json.dumps(row(**changes)).encode())
    found = call(edge, "/metrics", method="GET").body.decode().splitlines()
    name = "playbill_feature_values_total"
    assert f'{name}{{feature="dose",aspect="missing"}} 1' in found
    assert f'{name}{{feature="age",aspect="out_of_range"}} 1' in found
    assert f'{name}{{feature="age",aspect="invalid"}} 1' in found
    assert f'{name}{{feature="ward",aspect="unknown"}} 1' in found
    assert 'playbill_errors_total{kind="contract"} 3' in found
    assert "playbill_predictions_total 2" in found
    assert 'playbill_requests_total{route="/predict",status="422"} 3' in found


def test_a_metrics_text_is_what_prometheus_reads() -> None:
    edge = enclose(application())
    call(edge, "/predict", json.dumps(row()).encode())
    got = call(edge, "/metrics", method="GET")
    assert got.headers["content-type"].startswith("text/plain; version=0.0.4")
    told: set[str] = set()
    for one in got.body.decode().splitlines():
        if one.startswith("# TYPE"):
            name = one.split()[2]
            assert name not in told, "a family is told once"
            told.add(name)
        elif not one.startswith("#"):
            name, _, number = one.rpartition(" ")
            assert math.isfinite(float(number))
            plain = name.partition("{")[0]
            base = plain.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
            assert plain in told or base in told


@pytest.fixture
def watch() -> Watch:
    app = application()
    assert app.model is not None
    made = Watch(app.interface.columns, app.model.profile, seconds=1200)
    made.attach(Board([family(list(app.interface.columns))], extra=made.extra))
    return made


def rows(count: int, seed: int, older: int = 0) -> list[Plain]:
    frame = visits(count, seed)
    frame["age"] = np.minimum(frame["age"] + older, 120)
    interface = application().interface
    kind = PlainRows(interface).kind
    return [
        kind(*(one[name] for name in interface.columns))
        for one in frame.astype(object).where(frame.notna(), None).to_dict("records")
    ]


def distance(watch: Watch, feature: str, what: str = "distance") -> float:
    start = f'playbill_drift_{what}{{feature="{feature}"}} '
    lines = watch.render().splitlines()
    return float(next(x for x in lines if x.startswith(start)).removeprefix(start))


def test_rows_like_the_reference_are_as_far_from_it_as_chance_makes_them(watch: Watch) -> None:
    watch.accept(rows(500, seed=9))
    watch.count()
    for feature in ("age", "dose", "ward", "at night?"):
        assert distance(watch, feature) < 2.5 * distance(watch, feature, "expected_distance")
    assert "playbill_drift_rows 500" in watch.render()


def test_rows_that_moved_are_far_from_the_reference(watch: Watch) -> None:
    watch.accept(rows(500, seed=9, older=40))
    watch.count()
    assert distance(watch, "age") > 4 * distance(watch, "age", "expected_distance")
    assert distance(watch, "ward") < 2.5 * distance(watch, "ward", "expected_distance")


def test_what_is_older_than_the_window_no_longer_counts(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [time.time()]
    monkeypatch.setattr("playbill.server.watch.time.time", lambda: clock[0])
    watch.accept(rows(100, seed=9, older=40))
    watch.count()
    clock[0] += 600
    watch.accept(rows(100, seed=8))
    watch.count()
    assert "playbill_drift_rows 200" in watch.render()
    clock[0] += 700
    assert "playbill_drift_rows 100" in watch.render()
    assert distance(watch, "age") < 2.5 * distance(watch, "age", "expected_distance")
    clock[0] += 5000
    assert "playbill_drift_rows 0" in watch.render()


def test_bins_take_what_the_profile_has() -> None:
    column = {"kind": "number", "edges": [1.0, 2.0], "counts": [5, 6, 7], "missing": 2}
    found = bins_of("x", column)
    assert [found.place(v) for v in (0, 1, 1.5, 2, 3, None)] == [0, 0, 1, 1, 2, 4]
    text = {"kind": "boolean", "categories": ["true", "false"], "counts": [1, 2], "other": 0,
            "known": [], "complete": True, "missing": 0}  # fmt: skip
    found = bins_of("x", text)
    assert [found.place(v) for v in (True, False, None)] == [0, 1, 3]


def test_a_board_of_settings_has_a_slot_for_each_worker_and_one_to_spare(tmp_path: Path) -> None:
    path = tmp_path / "board"
    path.write_bytes(b"")
    from playbill.server.application import Worker, build

    app = application()
    made = build(app.interface, app.model, Settings(workers=2), Worker(2, path))
    assert made.measurement.board.workers == 3
    assert "playbill_workers 2" in made.measurement.render()
