"""A challenger in the shadow of the server, and what the truth then says of it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from playbill.pipeline.shadow import MOST_BEHIND, Shadow, open_challenger
from playbill.prediction.feedback import Truth, keep
from playbill.prediction.log import records
from playbill.server.application import Application
from playbill.server.model import open_model
from playbill.server.settings import Log, Settings
from tests.conftest import Run
from tests.following import project
from tests.promoting import promote
from tests.serving import (
    NAME,
    SERVED,
    another,
    application,
    as_sent,
    call,
    made,
    packaged,
    texts,
    visits,
    write,
)  # fmt: skip

ASKED = visits(600, seed=11)


def ask(app: Application, folder: Path) -> list[str]:
    """Have the server answer every row and log it; return the identifiers."""
    folder.mkdir(exist_ok=True)
    rows, found = as_sent(ASKED), []
    for start in range(0, len(rows), 100):
        body = json.dumps({"rows": rows[start : start + 100]}).encode()
        answers = json.loads(call(app, "/predict/batch", body).body)["predictions"]
        found += [str(one["prediction_id"]) for one in answers]
    return found


@pytest.fixture
def logged(tmp_path: Path) -> tuple[Path, list[str]]:
    folder = tmp_path / "log"
    app = application(settings=Settings(log=Log(folder=folder)))
    return folder, ask(app, folder)


def challenger(tmp_path: Path, log: Path) -> Shadow:
    bundle = write(another(5).files, tmp_path / "challenger")
    return Shadow(open_challenger(bundle, "v2"), log, tmp_path / "shadow" / "predictions-000.jsonl")


def said(shadow: Shadow) -> list[dict[str, object]]:
    return [json.loads(line) for line in shadow.out.read_text().splitlines()]


def test_the_shadow_says_what_the_challenger_itself_would_have(
    tmp_path: Path, logged: tuple[Path, list[str]]
) -> None:
    log, identifiers = logged
    shadow = challenger(tmp_path, log)
    assert shadow.look() == len(identifiers)
    assert shadow.look() == 0, "nothing twice"
    found = said(shadow)
    assert [one["prediction_id"] for one in found] == identifiers
    app = application()
    app.scoring.use(0, app.scoring.make(open_model(tmp_path / "challenger")[0], "v2"), None, None)
    own = json.loads(call(app, "/predict", json.dumps(as_sent(ASKED)[7]).encode()).body)
    for name in ("probability", "probabilities", "model_version", "model_digest"):
        assert found[7][name] == own[name]


def test_the_shadow_drops_and_counts_what_it_cannot_keep_up_with(
    tmp_path: Path, logged: tuple[Path, list[str]]
) -> None:
    log, identifiers = logged
    (segment,) = log.glob("*.jsonl")
    whole = segment.read_bytes()
    times = 2 * MOST_BEHIND // len(whole) + 1
    segment.write_bytes(whole * times + b'{"torn')
    shadow = challenger(tmp_path, log)
    shadow.look()
    counted = shadow.counted
    assert counted.dropped > 0
    assert counted.scored > 0
    assert counted.dropped + counted.scored == times * len(identifiers)
    segment.write_bytes(whole * times)
    later = challenger(tmp_path, log)
    later.begin_at_the_end()
    assert later.look() == 0


def test_a_row_without_its_personal_column_is_not_scored(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    row = {name: value for name, value in as_sent(ASKED)[0].items() if name != "age"}
    line = json.dumps({"prediction_id": "x", "model_digest": "y", "time": "", "row": row})
    (log / "predictions-000-x.jsonl").write_text(line + "\n")
    shadow = challenger(tmp_path, log)
    assert shadow.look() == 0
    assert shadow.counted.unscorable == 1


def test_a_harmful_canary_is_rolled_back_and_an_equal_one_is_kept(tmp_path: Path, run: Run) -> None:
    train = visits(400, seed=9)
    harmful = packaged(SERVED, texts(), train.assign(back=1 - train["back"]), made().test)
    root = project(tmp_path, {1: made().files, 2: harmful.files})
    promote(root, "v1")
    promote(root, "v2", stage="canary")
    log = tmp_path / "log"
    identifiers = ask(application(settings=Settings(log=Log(folder=log))), log)
    now = datetime.now(UTC).isoformat()
    truths = [
        Truth(name, int(back), now, "desk", "desk 1")
        for name, back in zip(identifiers, ASKED["back"], strict=True)
    ]
    store = tmp_path / "feedback.db"
    keep(store, truths)
    words = ["--log", str(log), "--out", str(tmp_path / "shadow"), "--once", "--json"]
    done = run("playbill", "shadow", f"{NAME}#canary", *words, cwd=root)
    assert json.loads(done.stdout) == {"scored": 600, "dropped": 0, "unscorable": 0}
    assert len(list(records(str(tmp_path / "shadow")))) == 600
    words = ["--log", str(log), "--store", str(store), "--shadow", str(tmp_path / "shadow")]
    done = run("playbill", "canary", *words, "--json", cwd=root, check=False)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["duel"]["decision"] == "roll back"
    assert found["duel"]["after"] < 600
    assert found["duel"]["mean"] > 0
    text = run("playbill", "canary", *words, cwd=root, check=False).stdout
    assert text.startswith(f"roll back after {found['duel']['after']}")
    alone = run("playbill", "canary", *words[:4], cwd=root, check=False)
    assert alone.returncode == 3, "no caller was answered by the canary"
    assert "no truth says anything of both models" in alone.stderr
