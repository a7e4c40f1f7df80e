"""Feedback: taken if its prediction is in the log, whenever that was; kept once, or refused."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playbill.errors import UsageError
from playbill.prediction.feedback import Truth, keep, truths
from playbill.server.application import enclose
from playbill.server.edge import Edge
from playbill.server.identifier import identifier_text
from playbill.server.keys import add_line, new_key
from playbill.server.settings import Authentication, Feedback, Log, Settings, read_settings
from tests.serving import Got, application, call, row, running, start_words

YEAR = 365 * 86_400 * 1000


def served(tmp_path: Path, **feedback: Any) -> Edge:
    (tmp_path / "log").mkdir(exist_ok=True)
    store = {"file": tmp_path / "feedback.db", **feedback}
    settings = Settings(log=Log(folder=tmp_path / "log"), feedback=Feedback(**store))
    return enclose(application(settings=settings))


def predict(edge: Edge, count: int = 1) -> list[str]:
    body = json.dumps({"rows": [row()] * count}).encode()
    answers = json.loads(call(edge, "/predict/batch", body).body)["predictions"]
    return [each["prediction_id"] for each in answers]


def report(edge: Edge, *pairs: tuple[str, Any], **headers: str) -> Got:
    said = [{"prediction_id": name, "truth": truth} for name, truth in pairs]
    body = json.dumps({"feedback": said}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(edge, "/feedback", body, headers=named)


def kept(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "feedback.db"
    return {one.prediction_id: one.value for one in truths([path])} if path.exists() else {}


def test_a_truth_is_kept_once_however_often_it_is_sent(tmp_path: Path) -> None:
    edge = served(tmp_path)
    first, second = predict(edge, 2)
    got = report(edge, (first, 1), (second, 0))
    assert (got.status, json.loads(got.body)) == (200, {"accepted": 2, "repeated": 0})
    again = report(edge, (first, 1), (second, 0))
    assert json.loads(again.body) == {"accepted": 0, "repeated": 2}
    assert kept(tmp_path) == {first: 1, second: 0}


def test_a_prediction_nobody_made_is_refused_and_nothing_else_of_the_request_is_kept(
    tmp_path: Path,
) -> None:
    edge = served(tmp_path)
    (known,) = predict(edge)
    got = report(edge, (known, 1), (identifier_text(), 1))
    assert got.status == 422
    (fault,) = json.loads(got.body)["errors"]
    assert fault["field"] == "feedback.1.prediction_id"
    assert kept(tmp_path) == {}


def test_another_models_prediction_in_the_same_log_is_foreign(tmp_path: Path) -> None:
    edge = served(tmp_path)
    name = identifier_text()
    line = json.dumps({"prediction_id": name, "model": "other"}, separators=(",", ":"))
    (tmp_path / "log" / f"predictions-009-{name}.jsonl").write_text(line + "\n")
    assert report(edge, (name, 1)).status == 422


def test_text_in_a_row_that_looks_like_a_record_is_none(tmp_path: Path) -> None:
    edge = served(tmp_path)
    name = identifier_text()
    forged = json.dumps({"prediction_id": name, "model": "visits"}, separators=(",", ":"))
    call(edge, "/predict", json.dumps(row(city=forged)).encode())
    assert report(edge, (name, 1)).status == 422


def test_a_prediction_of_a_year_ago_still_gets_its_truth(tmp_path: Path) -> None:
    edge = served(tmp_path)
    old = int(time.time() * 1000) - YEAR
    head = f"{old:012x}"
    name = f"{head[:8]}-{head[8:]}-7{identifier_text()[15:]}"
    line = json.dumps({"prediction_id": name, "model": "visits"}, separators=(",", ":"))
    (tmp_path / "log" / f"predictions-000-{name}.jsonl").write_text(line + "\n")
    assert report(edge, (name, 0)).status == 200
    assert kept(tmp_path) == {name: 0}


@pytest.mark.parametrize("truth", [2, "1", True, 1.0, 0.5, None, [1], {"a": 1}])
def test_a_truth_is_typed_by_the_contract(tmp_path: Path, truth: Any) -> None:
    edge = served(tmp_path)
    (name,) = predict(edge)
    got = report(edge, (name, truth))
    assert got.status == 422
    assert json.loads(got.body)["errors"][0]["field"] == "feedback.0.truth"
    assert kept(tmp_path) == {}


def test_another_truth_of_the_same_prediction_is_a_conflict(tmp_path: Path) -> None:
    edge = served(tmp_path)
    first, second = predict(edge, 2)
    assert report(edge, (first, 1)).status == 200
    assert report(edge, (second, 1), (first, 0)).status == 409
    assert report(edge, (second, 1), (second, 0)).status == 409
    assert kept(tmp_path) == {first: 1}


def test_feedback_has_a_scope_and_a_rate_of_its_own(tmp_path: Path) -> None:
    keys = tmp_path / "keys.jsonl"
    made = {}
    for scope in ("predict", "feedback"):
        made[scope], line = new_key(scope, [scope])
        add_line(keys, line)
    (tmp_path / "log").mkdir()
    settings = Settings(
        authentication=Authentication(keys=keys), log=Log(folder=tmp_path / "log"),
        feedback=Feedback(file=tmp_path / "feedback.db", requests_per_second=0.001),
    )  # fmt: skip
    edge = enclose(application(settings=settings))
    body = json.dumps(row()).encode()
    answer = call(edge, "/predict", body, headers={"x-api-key": made["predict"]})
    name = json.loads(answer.body)["prediction_id"]
    assert report(edge, (name, 1), x_api_key=made["predict"]).status == 403
    assert report(edge, (name, 1)).status == 401
    statuses = [report(edge, (name, 1), x_api_key=made["feedback"]).status for _ in range(4)]
    assert statuses == [200, 429, 429, 429]  # a burst is one request at least
    (one,) = truths([tmp_path / "feedback.db"])
    assert (one.source, one.batch) == ("feedback", f"feedback {one.received[:7]}")
    again = call(edge, "/predict", body, headers={"x-api-key": made["predict"]})
    assert again.status == 200  # predictions have their own rate


def test_feedback_is_not_taken_where_it_is_not_configured(tmp_path: Path) -> None:
    edge = enclose(application())
    assert report(edge, (identifier_text(), 1)).status == 404
    with pytest.raises(UsageError, match="needs a prediction log"):
        read_settings(None, {"feedback.file": str(tmp_path / "feedback.db")})


def test_what_was_taken_is_counted_and_the_newest_prediction_is_known_after_a_restart(
    tmp_path: Path,
) -> None:
    edge = served(tmp_path, requests_per_second=1000)
    (name,) = predict(edge)
    report(edge, (name, 1))
    report(edge, (name, 1))
    report(edge, (identifier_text(), 1))
    shown = call(edge, "/metrics", method="GET").body.decode()
    for what in ("accepted", "repeated", "unknown"):
        assert f'playbill_feedback_total{{what="{what}"}} 1' in shown
    assert "playbill_feedback_delay_seconds_count 1" in shown
    after = call(served(tmp_path), "/metrics", method="GET").body.decode()
    line = next(x for x in after.splitlines() if x.startswith("playbill_feedback_newest"))
    assert abs(float(line.split()[1]) - time.time()) < 60


def test_two_workers_keep_one_truth(tmp_path: Path) -> None:
    path = tmp_path / "feedback.db"
    name = identifier_text()
    one = Truth(name, 1, "2026-01-01T00:00:00Z", "a", "a 2026-01")
    assert keep(path, [one]).accepted == 1
    assert keep(path, [Truth(name, 1.0, "2026-01-02T00:00:00Z", "b", "b 2026-01")]).repeated == 1
    assert keep(path, [Truth(name, 0, "2026-01-02T00:00:00Z", "b", "b 2026-01")]).contradicting == (
        name,
    )
    assert list(truths([path])) == [one]


@pytest.fixture
def talking(bundle: Path, tmp_path: Path) -> Iterator[Any]:
    words = ["--log", str(tmp_path / "log"), "--feedback", str(tmp_path / "feedback.db")]
    with running([*start_words(bundle), *words, "--workers", "2"]) as started:
        yield started


def test_either_of_two_worker_processes_takes_the_truth_of_the_others_prediction(
    talking: Any, tmp_path: Path
) -> None:
    names = []
    for _ in range(20):  # a connection each, so that both answer
        with talking.client.stream("POST", "/predict", json=row(),
                                   headers={"connection": "close"}) as answer:  # fmt: skip
            names.append(json.loads(answer.read())["prediction_id"])
    for name in names[:8]:
        body = {"feedback": [{"prediction_id": name, "truth": 1}]}
        answer = talking.client.post("/feedback", json=body, headers={"connection": "close"})
        assert answer.status_code == 200, answer.text
    body = {"feedback": [{"prediction_id": name, "truth": 1} for name in names]}
    answer = talking.client.post("/feedback", json=body, headers={"connection": "close"})
    assert answer.json() == {"accepted": 12, "repeated": 8}
    assert set(kept(tmp_path)) == set(names)
