"""The prediction log: what was answered is in it or counted, whatever happens."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from playbill.errors import DataError, UsageError
from playbill.prediction.log import find, records
from playbill.server.application import Worker, build, enclose
from playbill.server.identifier import identifier_text
from playbill.server.log import FAMILIES, PATTERN, PredictionLog, repair
from playbill.server.measure import Board
from playbill.server.settings import Log, Settings
from tests.serving import application, call, row, running, start_words
from tests.source.worlds import s3

LINE = b'{"prediction_id":"%s","n":%d}\n'


def board() -> Board:
    return Board(FAMILIES)


def value(counted: Board, name: str, *key: str) -> float:
    return counted.total(counted.place(f"playbill_log_{name}", *key))


def line(number: int) -> bytes:
    return LINE % (identifier_text().encode(), number)


def read(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(one)
        for path in sorted(folder.glob(PATTERN))
        for one in path.read_bytes().splitlines()
    ]


def test_what_is_written_is_there_at_once(tmp_path: Path) -> None:
    counted = board()
    log = PredictionLog(Log(folder=tmp_path / "log"), counted)
    log.start()
    log.write(line(1) + line(2), 2)
    assert [one["n"] for one in read(tmp_path / "log")] == [1, 2]
    assert value(counted, "records_total") == 2
    log.stop()


def test_a_full_segment_is_followed_by_another(tmp_path: Path) -> None:
    counted = board()
    log = PredictionLog(Log(folder=tmp_path, segment_bytes=1024), counted)
    log.start()
    for number in range(100):
        log.write(line(number), 1)
    log.stop()
    segments = sorted(tmp_path.glob(PATTERN))
    assert len(segments) > 3
    assert all(path.stat().st_size <= 1024 for path in segments)
    assert [one["n"] for one in read(tmp_path)] == list(range(100))
    assert value(counted, "segments_total", "started") == len(segments)


@pytest.mark.parametrize(
    ("whole", "torn"), [(3, b'{"n": 4, "x'), (0, b'{"n"'), (2, b"\x00" * 70_000)]
)
def test_a_torn_last_line_is_cut_off_and_no_other(tmp_path: Path, whole: int, torn: bytes) -> None:
    path = tmp_path / "predictions-000-x.jsonl"
    kept = b"".join(line(number) for number in range(whole))
    path.write_bytes(kept + torn)
    assert repair(path)
    assert path.read_bytes() == kept
    assert not repair(path)


def test_a_segment_that_another_writer_holds_is_left_alone(tmp_path: Path) -> None:
    log = PredictionLog(Log(folder=tmp_path), board())
    log.start()
    log.write(b'{"half":', 1)
    [path] = tmp_path.glob(PATTERN)
    code = "import pathlib, sys; from playbill.server.log import repair; "
    code += "print(repair(pathlib.Path(sys.argv[1])))"
    words = [sys.executable, "-c", code, str(path)]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "False\n"
    log.stop()
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "True\n"


LIMITED = """
import json, pathlib, resource, sys
from playbill.server.log import FAMILIES, PredictionLog
from playbill.server.measure import Board
from playbill.server.settings import Log
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
board = Board(FAMILIES)
log = PredictionLog(Log(folder=pathlib.Path(sys.argv[1])), board)
line = b'{"prediction_id":"' + b"x" * 300 + b'"}\\n'
for _ in range(100):
    log.write(line, 1)
full = log.failing
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
log.write(line, 1)
total = lambda name: board.total(board.place(name))
print(json.dumps([full, log.failing, total("playbill_log_records_total"),
                  total("playbill_log_lost_total")]))
"""


def test_a_full_disk_loses_records_that_are_counted_and_leaves_no_half_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True
    )
    full, still, written, lost = json.loads(done.stdout)
    assert (full, still) == (True, False), "it goes on as soon as there is room"
    assert written + lost == 101
    assert lost > 60
    assert len(read(tmp_path)) == written, "every line that is left is whole"


def test_a_server_on_a_full_disk_answers_and_says_so(tmp_path: Path) -> None:
    for failing, status in (("unready", 503), ("ready", 200)):
        log = Log(folder=Path("/dev/full/x"), failing=failing)
        app = enclose(application(settings=Settings(log=log)))
        assert call(app, "/predict", json.dumps(row()).encode()).status == 200
        ready = call(app, "/readyz", method="GET")
        assert ready.status == status
        assert b"cannot be written" in ready.body or b'"log":"failing"' in ready.body
        metrics = call(app, "/metrics", method="GET").body.decode()
        assert "playbill_log_lost_total 1\n" in metrics
        assert "playbill_log_failing 1\n" in metrics


@pytest.mark.skipif(os.name != "posix", reason="there is no kill -9")
def test_every_answer_is_in_the_log_after_kill_9(bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    answered: list[str] = []
    with running([*start_words(bundle), "--log", str(folder)]) as server:

        def ask() -> None:
            with httpx.Client(base_url=server.url) as client:
                try:
                    while True:
                        answered.append(client.post("/predict", json=row()).json()["prediction_id"])
                except httpx.TransportError:
                    return

        askers = [threading.Thread(target=ask) for _ in range(4)]
        for asker in askers:
            asker.start()
        deadline = time.monotonic() + 20
        while len(answered) < 50 and time.monotonic() < deadline:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGKILL)
        for asker in askers:
            asker.join(20)
    assert len(answered) >= 50
    logged = {one["prediction_id"] for one in read(folder)}
    assert set(answered) <= logged
    record = find(answered[-1], str(folder))
    assert record["row"] == row()
    assert record["model"] == "visits"


def _logged(tmp_path: Path, variable: str | None, **changes: Any) -> dict[str, Any]:
    app = application()
    from dataclasses import replace

    interface = replace(app.interface, personal=frozenset({"city", "age"}))
    log = Log(folder=tmp_path, personal_key_variable=variable)
    served = build(interface, app.model, Settings(log=log), Worker())
    served.scoring.ready = True
    got = call(enclose(served), "/predict", json.dumps(row(**changes)).encode())
    assert got.status == 200
    return read(tmp_path)[-1]


def test_personal_columns_are_left_out(tmp_path: Path) -> None:
    found = _logged(tmp_path, None, city="Bern")
    assert set(found["row"]) == set(row()) - {"city", "age"}
    assert "Bern" not in json.dumps(found)


def test_personal_columns_are_sealed_where_a_key_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_KEY", "a" * 32)
    first = _logged(tmp_path, "LOG_KEY", city="Bern")["row"]
    again = _logged(tmp_path, "LOG_KEY", city="Bern")["row"]
    assert first["city"].startswith("hmac-sha256:")
    assert first == again
    assert _logged(tmp_path, "LOG_KEY", city="Brno")["row"]["city"] != first["city"]
    assert _logged(tmp_path, "LOG_KEY", city=None)["row"]["city"] is None
    monkeypatch.setenv("LOG_KEY", "b" * 32)
    assert _logged(tmp_path, "LOG_KEY", city="Bern")["row"]["city"] != first["city"]


def test_nothing_that_is_sent_can_start_a_line_of_its_own(tmp_path: Path) -> None:
    text = 'x\n{"prediction_id": "forged"}\r\u2028\u0000"}'
    app = enclose(application(settings=Settings(log=Log(folder=tmp_path))))
    headers = {"x-request-id": "a\nb"}
    call(app, "/predict", json.dumps(row(city=text)).encode(), headers=headers)
    [found] = read(tmp_path)
    assert found["row"]["city"] == text
    assert "\n" not in found["request_id"]


def test_duckdb_reads_the_log_as_it_lies(tmp_path: Path) -> None:
    app = enclose(application(settings=Settings(log=Log(folder=tmp_path, segment_bytes=2048))))
    for age in range(20):
        call(app, "/predict", json.dumps(row(age=age)).encode())
    relation = duckdb.sql(
        f"""SELECT count(*), max("row".age), count(DISTINCT prediction_id), min(probability)
        FROM read_json_auto('{(tmp_path / "*.jsonl").as_posix()}')"""
    )
    assert relation is not None
    [found] = relation.fetchall()
    assert found[:3] == (20, 19, 20)


def test_finished_segments_move_to_object_storage(tmp_path: Path) -> None:
    import fsspec

    counted = board()
    log = PredictionLog(
        Log(folder=tmp_path, target="memory://bucket/log", segment_bytes=1024), counted
    )
    log.start()
    written = [line(number) for number in range(40)]
    for one in written:
        log.write(one, 1)
    log.stop()
    assert list(tmp_path.glob(PATTERN)) == []
    system = fsspec.filesystem("memory")
    paths = sorted(system.ls("/bucket/log", detail=False))
    assert b"".join(system.cat(path) for path in paths) == b"".join(written)
    assert value(counted, "segments_total", "uploaded") == len(paths)
    wanted = json.loads(written[7])["prediction_id"]
    assert find(wanted, "memory://bucket/log")["n"] == 7
    assert [one["n"] for one in records("memory://bucket/log")] == list(range(40))


@pytest.mark.slow
def test_finished_segments_move_to_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s3" / "bucket-one").mkdir(parents=True)
    folder, target = tmp_path / "log", "s3://bucket-one/log"
    with s3(tmp_path / "s3", "someone", "a-long-secret") as url:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-long-secret")
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        log = PredictionLog(Log(folder=folder, target=target, segment_bytes=1024), board())
        log.start()
        written = [line(number) for number in range(40)]
        for one in written:
            log.write(one, 1)
        log.stop()
        assert list(folder.glob(PATTERN)) == []
        wanted = json.loads(written[7])["prediction_id"]
        assert find(wanted, target)["n"] == 7
        assert [one["n"] for one in records(target)] == list(range(40))
    kept = sorted((tmp_path / "s3" / "bucket-one" / "log").iterdir())
    assert b"".join(path.read_bytes() for path in kept) == b"".join(written)


@pytest.mark.parametrize(
    ("fsync", "answers", "finished", "tick"),
    [("never", 0, 0, 0), ("segment", 0, 1, 0), ("interval", 0, 1, 1), ("always", 3, 3, 0)],
)
def test_the_disk_is_waited_for_as_the_policy_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fsync: Any, answers: int, finished: int,
    tick: int,
) -> None:  # fmt: skip
    waited: list[int] = []
    really = os.fsync

    def fsynced(descriptor: int) -> None:
        waited.append(descriptor)
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsynced)
    log = PredictionLog(Log(folder=tmp_path, fsync=fsync), board())
    log.start()
    for number in range(3):
        log.write(line(number), 1)
    assert len(waited) == answers
    log._sync(last=False)
    assert len(waited) == answers + tick
    log.stop()
    assert len(waited) >= finished


def test_storage_that_is_away_keeps_the_segments(tmp_path: Path) -> None:
    counted = board()
    log = PredictionLog(Log(folder=tmp_path, target="file:///dev/null/x"), counted)
    log.start()
    log.write(line(1), 1)
    log.stop()
    assert [one["n"] for one in read(tmp_path)] == [1]
    assert value(counted, "segments_total", "failed") == 1


def test_a_prediction_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no identifier"):
        find("v1.2.0", str(tmp_path))
    with pytest.raises(DataError, match="no record"):
        find(identifier_text(), str(tmp_path))
    with pytest.raises(DataError, match="no such folder"):
        find(identifier_text(), str(tmp_path / "nowhere"))
