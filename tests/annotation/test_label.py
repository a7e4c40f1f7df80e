"""`playbill label`: from the log of a real server to tasks, and from exports to feedback."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree as ET

import pytest

from playbill.annotation.labelstudio import interface, labels
from playbill.config.labelling import Annotation
from playbill.config.schema import Contract, Params, Server
from playbill.contract.column import Column
from playbill.contract.outcome import Outcome
from playbill.errors import DataError, UsageError
from playbill.pipeline.annotating import ask, read, write
from tests.serving import CONTRACT, NAME, as_sent, made, running, start_words, visits
from tests.serving import write as write_bundle


def project(contract: Contract = CONTRACT, **policy: Any) -> Params:
    """Return the params of the served project, as far as labelling asks for them."""
    server = Server(title="Visits", description="Will they come back?")
    said = SimpleNamespace(
        name=NAME, contract=contract, annotation=Annotation(**policy), server=server
    )
    return cast("Params", said)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("label")
    bundle = write_bundle(made().files, folder / "bundle")
    with running([*start_words(bundle), "--log", str(folder / "log")]) as server:
        body = {"rows": as_sent(visits(60, seed=5))}
        assert server.client.post("/predict/batch", json=body).status_code == 200
    return folder / "log"


def profile() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(made().files["model/profile.json"])
    return found


def test_tasks_show_the_row_and_suggest_the_models_answer(log: Path, tmp_path: Path) -> None:
    round_ = ask(project(rows=20), str(log), tmp_path / "round", profile(), 0.4)
    assert round_.chosen == {"random": 4, "drifted": 6, "uncertain": 10}
    tasks = json.loads(round_.tasks.read_text())
    assert len({task["data"]["prediction_id"] for task in tasks}) == 20
    for task in tasks:
        assert task["data"]["question"] == "Will they come back?"
        assert set(task["data"]["row"]) == {c.name for c in made().model.inputs}
        suggestion = task["predictions"][0]
        said = suggestion["result"][0]["value"]["choices"]
        assert said == [str(int(suggestion["score"] >= 0.4))]


def test_the_same_log_gives_the_same_tasks_and_labelled_rows_are_not_asked_again(
    log: Path, tmp_path: Path
) -> None:
    texts = [
        ask(project(rows=20), str(log), tmp_path / name, None, 0.4).tasks.read_text()
        for name in ("one", "two")
    ]
    assert texts[0] == texts[1]
    known = tmp_path / "known.csv"
    names = [task["data"]["prediction_id"] for task in json.loads(texts[0])]
    known.write_text("prediction_id,truth\n" + "".join(f"{name},1\n" for name in names))
    again = ask(project(), str(log), tmp_path / "three", None, 0.4, [known])
    asked = [task["data"]["prediction_id"] for task in json.loads(again.tasks.read_text())]
    assert len(asked) == 40
    assert not set(asked) & set(names)


def test_a_round_is_not_overwritten(log: Path, tmp_path: Path) -> None:
    ask(project(), str(log), tmp_path, None, 0.4)
    with pytest.raises(UsageError, match="there already"):
        ask(project(), str(log), tmp_path, None, 0.4)


def test_personal_inputs_are_not_shown(log: Path, tmp_path: Path) -> None:
    plain = CONTRACT.model_dump(by_alias=True)
    plain["columns"]["city"] = {"personal": True}
    contract = Contract.model_validate(plain)
    round_ = ask(project(contract), str(log), tmp_path, profile(), 0.4)
    assert round_.hidden == ("city",)
    text = round_.tasks.read_text()
    assert "city" not in text
    assert "Brno" not in text


def test_the_interface_offers_the_classes_or_a_number_and_escapes_the_contract() -> None:
    target = Column("back", "integer", description='1 <if> they "came" back')
    view = ET.fromstring(interface(Outcome("multiclass", ('a"<', "b")), target))
    assert [each.get("value") for each in view.iter("Choice")] == ['a"<', "b"]
    header = view.find("Header")
    assert header is not None
    assert header.get("value") == target.description
    number = Column("price", "number", minimum=0.0, maximum=9.5)
    view = ET.fromstring(interface(Outcome("regression", (), None), number))
    control = view.find("Number")
    assert control is not None
    assert (control.get("min"), control.get("max")) == ("0", "9.5")


def export(names: list[str], said: dict[int, list[str]]) -> list[dict[str, Any]]:
    """Return an export with what each annotator said of each row, as Label Studio writes it."""
    return [
        {
            "id": number, "data": {"prediction_id": name, "row": {}},
            "annotations": [
                {
                    "id": 10 * number + who, "completed_by": who, "was_cancelled": False,
                    "updated_at": f"2026-07-0{who}T10:00:00.000000Z",
                    "result": [{
                        "from_name": "truth", "to_name": "question", "type": "choices",
                        "value": {"choices": [values[number]]},
                    }],
                }
                for who, values in said.items()
            ],
        }
        for number, name in enumerate(names)
    ]  # fmt: skip


def test_labels_come_back_as_feedback_takes_them(log: Path, tmp_path: Path) -> None:
    round_ = ask(project(rows=3), str(log), tmp_path, None, 0.4)
    names = [task["data"]["prediction_id"] for task in json.loads(round_.tasks.read_text())]
    path = tmp_path / "export.json"
    path.write_text(json.dumps(export(names, {1: ["1", "0", "1"], 2: ["1", "0", "0"]})))
    found = read(project(), [path])
    assert found.settled.truths == {names[0]: "1", names[1]: "0"}
    assert found.settled.disputed == (names[2],)
    assert found.agreement.method == "cohen"
    write(tmp_path / "labels.csv", found.settled)
    lines = sorted(f"{name},{value}" for name, value in found.settled.truths.items())
    assert (tmp_path / "labels.csv").read_text().splitlines() == ["prediction_id,truth", *lines]


def test_the_short_export_says_the_same(tmp_path: Path) -> None:
    whole, short = tmp_path / "whole.json", tmp_path / "short.json"
    whole.write_text(json.dumps(export(["p1", "p2"], {1: ["1", "0"]})))
    short.write_text(json.dumps([
        {"id": 0, "prediction_id": "p1", "truth": "1", "annotator": 1, "updated_at": "2026-07-01"},
        {"id": 1, "prediction_id": "p2", "truth": "0", "annotator": 1, "updated_at": "2026-07-01"},
    ]))  # fmt: skip
    plain = [(one.prediction_id, one.value, one.annotator) for one in labels(whole)]
    assert plain == [(one.prediction_id, one.value, one.annotator) for one in labels(short)]


def test_skipped_tasks_are_no_labels(tmp_path: Path) -> None:
    tasks = export(["p1", "p2"], {1: ["1", "0"]})
    tasks[0]["annotations"][0]["was_cancelled"] = True
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    assert [one.prediction_id for one in labels(path)] == ["p2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("{}", "no export of Label Studio"),
        ('[{"annotations": [], "data": {}}]', "has no prediction_id"),
        (json.dumps(export(["p"], {1: ["maybe"]})), "no class of back"),
        (json.dumps(export(["p"], {})), "no finished label"),
    ],
)
def test_a_file_that_is_no_export_is_told(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        read(project(), [path])
