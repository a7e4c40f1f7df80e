"""The workers' part of a switch, in this process: two applications that share one board."""

import json
from pathlib import Path
from typing import Any

import pytest

from playbill.server.application import Application, Worker, follow
from playbill.server.rollover import layer_of
from playbill.server.settings import Log, Settings
from playbill.server.switch import COMMITTED, WANTED, Order, Part, Share, Switchboard
from tests.serving import another, application, as_sent, broken, call, made, texts, write

ROW = as_sent(made().test.head(1))[0]


class Pair:
    """Two workers and what their supervisor does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.board = Switchboard(folder, 3)
        (folder / "log").mkdir()
        self.first = write(made().files, folder / "first")
        self.workers = [self.started(slot) for slot in (0, 1)]
        self.number = 0

    def started(self, slot: int) -> Application:
        log = Log(folder=self.folder / "log")
        app = application(settings=Settings(model_version="v1", log=log))
        follow(app, self.first, Worker(slot, None, self.folder))
        return app

    def order(self, order: Order) -> list[bool]:
        """Give an order and let both prepare it; say which of them could."""
        self.number += 1
        order.write(self.folder, self.number)
        self.board.numbers[WANTED] = self.number
        for app in self.workers:
            assert app.switch is not None
            app.switch._let_go()
            app.switch._try(self.number)
        return [self.board.prepared(slot) == self.number for slot in (0, 1)]

    def commit(self) -> None:
        self.board.numbers[COMMITTED] = self.number

    def ask(self, app: Application, **headers: str) -> dict[str, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        got = call(app, "/predict", json.dumps(ROW).encode(), headers=named)
        assert got.status == 200, got.body
        return dict(json.loads(got.body))


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def bundle(pair: Pair, seed: int) -> Part:
    path = pair.folder / f"of-{seed}"
    return Part(str(path if path.is_dir() else write(another(seed).files, path)), f"v{seed}")


def test_workers_answer_by_the_commit_and_not_before(pair: Pair) -> None:
    assert pair.order(Order(bundle(pair, 5))) == [True, True]
    for app in pair.workers:
        assert pair.ask(app)["model_version"] == "v1"
        assert pair.ask(app)["probability"] == made().expected[0]
    pair.commit()
    for app in pair.workers:
        answer = pair.ask(app)
        assert answer["model_version"] == "v5"
        assert answer["probability"] == another(5).expected[0]
        assert answer["label"] == (answer["probability"] >= 0.5), "its own threshold"


def test_what_is_logged_and_told_is_of_the_model_that_answers(pair: Pair) -> None:
    pair.order(Order(bundle(pair, 5)))
    pair.commit()
    app = pair.workers[0]
    said = pair.ask(app)
    (record,) = [
        json.loads(line)
        for path in (pair.folder / "log").glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    for name in ("prediction_id", "model_version", "model_digest", "probability"):
        assert record[name] == said[name]
    assert app.model is not None
    assert app.model.page.model_digest == said["model_digest"]
    metrics = app.measurement.render()
    assert f'model_version="v5",model_digest="{said["model_digest"]}"' in metrics
    assert "playbill_switch_behind 0" in metrics


def test_a_bundle_that_fails_a_check_is_refused_and_the_old_one_answers(pair: Pair) -> None:
    bad = Part(str(write(broken(another(5)).files, pair.folder / "bad")), "bad")
    assert pair.order(Order(bad)) == [False, False]
    assert "does not answer here as it did when it was packaged" in pair.board.reason(0)
    changed = write(another(6).files, pair.folder / "changed")
    (changed / "model" / "card.md").write_text("another")
    assert pair.order(Order(Part(str(changed), "changed"))) == [False, False]
    assert "`model/card.md` was changed" in pair.board.reason(1)
    assert pair.ask(pair.workers[0])["model_version"] == "v1"
    assert pair.order(Order(bundle(pair, 5))) == [True, True], "a refusal stops nothing later"


def test_the_way_back_loads_nothing(pair: Pair) -> None:
    before = pair.workers[0].model
    pair.order(Order(bundle(pair, 5)))
    pair.commit()
    pair.ask(pair.workers[0])
    pair.order(Order(Part(str(pair.first), "v1")))
    pair.commit()
    assert pair.ask(pair.workers[0])["model_version"] == "v1"
    assert pair.workers[0].model is before


def test_what_is_neither_used_nor_was_used_last_is_let_go(pair: Pair) -> None:
    for seed in (5, 6, 7):
        pair.order(Order(bundle(pair, seed)))
        pair.commit()
        pair.ask(pair.workers[0])
    switch = pair.workers[0].switch
    assert switch is not None
    switch._let_go()
    assert {part.version for part in switch._known} == {"v6", "v7"}


def test_a_worker_that_starts_later_answers_with_what_is_committed(pair: Pair) -> None:
    pair.order(Order(bundle(pair, 5)))
    pair.commit()
    assert pair.ask(pair.started(2))["model_version"] == "v5"
    assert pair.board.prepared(2) == pair.number


def test_the_canary_answers_the_same_callers_in_every_worker(pair: Pair) -> None:
    share = Share(0.5, "x-caller", "visits")
    part = Part(str(pair.first), "v1")
    assert pair.order(Order(part, bundle(pair, 5), share)) == [True, True]
    pair.commit()
    for number in range(40):
        caller = f"caller-{number}"
        wanted = "v5" if share.takes(caller) else "v1"
        for app in pair.workers:
            assert pair.ask(app, x_caller=caller)["model_version"] == wanted
    taken = sum(share.takes(f"caller-{number}") for number in range(40))
    text = pair.workers[0].measurement.render()
    assert f"playbill_canary_predictions_total {taken}" in text
    assert 'playbill_canary_info{model="visits",model_version="v5"' in text
    pair.order(Order(part))
    pair.commit()
    for number in range(10):
        assert pair.ask(pair.workers[0], x_caller=f"caller-{number}")["model_version"] == "v1"
    assert "playbill_canary_info" not in pair.workers[0].measurement.render()


def test_a_share_is_kept_and_only_grows() -> None:
    callers = [f"caller-{number}" for number in range(5000)]
    fifth = {caller for caller in callers if Share(0.2, salt="visits").takes(caller)}
    half = {caller for caller in callers if Share(0.5, salt="visits").takes(caller)}
    assert fifth < half
    assert abs(len(fifth) / 5000 - 0.2) < 0.03
    assert fifth != {caller for caller in callers if Share(0.2, salt="flights").takes(caller)}
    assert not any(Share(0.0).takes(caller) for caller in callers)
    assert all(Share(1.0).takes(caller) for caller in callers)


def test_models_of_one_server_can_be_switched_and_of_another_cannot(pair: Pair) -> None:
    own = layer_of(pair.first)
    assert own.takes(layer_of(Path(bundle(pair, 5).bundle))), "threshold and model may differ"
    later = another(6, texts()["app.py"] + "# of a later server\n")
    assert not own.takes(layer_of(write(later.files, pair.folder / "later")))
