"""What the server said, joined with what turned out to be true: a table to learn from."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from playbill.config.params import render
from playbill.config.schema import Drift, Params
from playbill.config.source import FileSource, Window
from playbill.contract.validation import validate
from playbill.drift.decision import check
from playbill.drift.profile import build_profile
from playbill.errors import ContractError, DataError, UsageError
from playbill.pipeline.feedback import take
from playbill.pipeline.labelling import join
from playbill.prediction.feedback import Truth, keep
from playbill.server.application import enclose
from playbill.server.identifier import identifier_text
from playbill.server.settings import Log, Settings
from playbill.source.base import Context
from playbill.source.file import read
from tests.conftest import Run
from tests.serving import ASKED, CONTRACT, application, as_sent, call, visits

ROWS = 300
NOW = "2026-11-24T00:00:00Z"


def params(**evaluation: Any) -> Params:
    return Params.model_validate(values(**evaluation))


def values(**evaluation: Any) -> dict[str, Any]:
    contract = CONTRACT.model_dump(by_alias=True)
    contract["schema"]["columns"]["made"] = {"dtype": "datetime64[ns]"}
    contract["columns"]["made"] = {"role": "time"}
    return {
        "name": "visits", "seed": 1, "allow": ["sklearn."],
        "source": {
            "window": {"start": "2024-01-01", "end": "2024-02-01"},
            "sources": {"rows": {"kind": "file", "path": "rows.csv"}}, "query": "select 1",
        },
        "contract": contract, "split": {"kind": "random"},
        "feature": {"groups": {"n": {"columns": {"kind": ["number"]}}}},
        "model": {"_target_": "sklearn.linear_model.LogisticRegression"},
        "evaluation": evaluation, "server": {"title": "t"}, "drift": {},
        "pipeline": {"stages": {}, "model": "models/visits/bundle"},
    }  # fmt: skip


@dataclass(frozen=True)
class World:
    """Rows that were predicted, in the order of their identifiers, and where that is written."""

    folder: Path
    rows: pd.DataFrame
    names: list[str]

    @property
    def log(self) -> list[str]:
        return [str(self.folder / "log")]

    @property
    def store(self) -> Path:
        return self.folder / "feedback.db"

    def tell(self, batch: str, part: slice, *, honest: bool = True) -> None:
        """Report the truth of some rows; who is not honest says 1 of all."""
        truth = self.rows["back"].tolist()
        told = [
            Truth(name, int(value) if honest else 1, NOW, batch, batch)
            for name, value in zip(self.names[part], truth[part], strict=True)
        ]
        keep(self.store, told)


@pytest.fixture(scope="session")
def _answered(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("answered")
    (folder / "log").mkdir()
    edge = enclose(application(settings=Settings(log=Log(folder=folder / "log"))))
    rows = visits(ROWS, seed=5)
    names = []
    for start in range(0, ROWS, 100):
        body = json.dumps({"rows": as_sent(rows[start : start + 100])}).encode()
        answer = json.loads(call(edge, "/predict/batch", body).body)
        names += [one["prediction_id"] for one in answer["predictions"]]
    order = sorted(range(ROWS), key=names.__getitem__)
    return World(folder, rows.iloc[order].reset_index(drop=True), sorted(names))


@pytest.fixture
def world(_answered: World, tmp_path: Path) -> World:
    (tmp_path / "log").symlink_to(_answered.folder / "log")
    return World(tmp_path, _answered.rows, _answered.names)


def test_the_table_holds_what_was_sent_and_what_turned_out_to_be_true(world: World) -> None:
    world.tell("a 2026-11", slice(0, ROWS))
    found = join(params(), world.log, [world.store])
    asked = [column.name for column in ASKED]
    pd.testing.assert_frame_equal(found.table[asked], world.rows[asked], check_dtype=False)
    assert found.table["visit"].tolist() == world.names
    assert found.table["back"].tolist() == world.rows["back"].tolist()
    assert found.held == found.unknown == found.contradicting == 0
    validate(found.table, params().contract.schema_, name="labelled")


def test_the_table_is_one_that_drift_and_a_source_can_read(world: World) -> None:
    world.tell("a 2026-11", slice(0, ROWS))
    table = join(params(), world.log, [world.store]).table
    profile = build_profile(visits(400), ASKED, Drift(draws=200), scores=[0.5] * 40)
    assert check(profile, table, Drift(draws=200)).verdict != "drift"
    table.to_parquet(world.folder / "labelled.parquet", index=False)
    today = table["made"].iloc[0].date()
    window = Window(start=today - timedelta(days=1), end=today + timedelta(days=2))
    context = Context("rows", window, world.folder, [])
    source = FileSource(kind="file", path="*.parquet", time="made")
    assert sum(len(found) for found in read(source, context).tables) == ROWS
    assert date.today() - today < timedelta(days=2)  # noqa: DTZ011 - either day will do


def test_a_batch_that_claims_one_class_stays_in_quarantine_until_it_is_released(
    world: World,
) -> None:
    world.tell("good 2026-11", slice(0, 200))
    world.tell("bad 2026-11", slice(200, ROWS), honest=False)
    found = join(params(), world.log, [world.store])
    assert {name for name, one in found.batches.items() if not one.believed} == {"bad 2026-11"}
    assert (len(found.table), found.held) == (200, 100)
    assert found.table["visit"].tolist() == world.names[:200]
    after = join(params(), world.log, [world.store], ["bad 2026-11"])
    assert (len(after.table), after.held) == (ROWS, 0)
    with pytest.raises(UsageError, match="no batch"):
        join(params(), world.log, [world.store], ["worse"])


def test_rows_that_break_the_contract_as_it_is_now_are_held_back(world: World) -> None:
    world.tell("a 2026-11", slice(0, ROWS))
    plain = values()
    plain["contract"]["schema"]["columns"]["age"]["in_range"]["max_value"] = 50
    found = join(Params.model_validate(plain), world.log, [world.store])
    assert len(found.table) == 0
    assert "breaks the contract: age" in found.batches["a 2026-11"].reason


def test_files_of_two_replicas_are_joined_and_what_they_disagree_about_is_left_out(
    world: World,
) -> None:
    world.tell("a 2026-11", slice(0, 20))
    other = World(world.folder / "b", world.rows, world.names)
    other.tell("b 2026-11", slice(10, 30))
    name = world.names[40]
    keep(world.store, [Truth(name, 1, NOW, "a", "a 2026-11")])
    keep(other.store, [Truth(name, 0, NOW, "b", "b 2026-11")])
    keep(other.store, [Truth(identifier_text(), 0, NOW, "b", "b 2026-11")])
    found = join(params(), world.log, [world.store, other.store])
    assert (len(found.table), found.contradicting, found.unknown) == (30, 1, 1)


def test_personal_columns_are_not_in_the_log_and_so_not_in_the_table(
    world: World, tmp_path: Path
) -> None:
    world.tell("a 2026-11", slice(0, 40))
    log = tmp_path / "sealed"
    log.mkdir()
    for path in (world.folder / "log").iterdir():
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            line["row"]["city"] = "hmac-sha256:0"
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        (log / path.name).write_text(text)
    plain = values()
    plain["contract"]["columns"]["city"] = {"personal": True}
    found = join(Params.model_validate(plain), [str(log)], [world.store])
    assert found.left_out == ("city",)
    assert "city" not in found.table
    assert len(found.table) == 40


def write(path: Path, *rows: tuple[Any, Any], column: str = "truth") -> Path:
    pd.DataFrame(rows, columns=["prediction_id", column]).to_csv(path, index=False)
    return path


def test_a_file_is_taken_whole_or_not_at_all(world: World) -> None:
    name, other = world.names[:2]
    file = world.folder / "truth.csv"
    project = params()

    def refused(*rows: tuple[Any, Any]) -> str:
        with pytest.raises(DataError) as caught:
            take(project, write(file, *rows), world.log, world.store)
        return str(caught.value)

    assert "row 2" in refused((name, 1), (identifier_text(), 1))
    assert "no identifier" in refused((name, 1), ("x", 1))
    with pytest.raises(ContractError, match="`2`"):
        take(project, write(file, (name, 1), (other, 2)), world.log, world.store)
    assert not world.store.exists()
    kept = take(project, write(file, (name, 1), (other, 0), column="back"), world.log, world.store)
    assert (kept.accepted, kept.repeated) == (2, 0)
    assert take(project, file, world.log, world.store).repeated == 2
    assert "contradict" in refused((name, 0))


def test_the_commands_import_join_and_say_with_their_status_what_is_held_back(
    world: World, run: Run
) -> None:
    (world.folder / "conf").mkdir()
    (world.folder / "conf" / "config.yaml").write_text("name: visits\n")
    (world.folder / "params.yaml").write_text(render(values()))
    pairs = list(zip(world.names, world.rows["back"], strict=True))
    write(world.folder / "good.csv", *pairs[:200])
    write(world.folder / "bad.csv", *[(name, 1) for name, _ in pairs[200:]])
    where = ["--log", "log", "--store", "feedback.db"]

    def feedback(*words: str, status: int = 0) -> str:
        done = run("playbill", "feedback", *words, *where, cwd=world.folder, check=False)
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    assert json.loads(feedback("import", "good.csv", "--json")) == {"accepted": 200, "repeated": 0}
    assert "200 labelled rows, 0 held back" in feedback("join", "out.parquet")
    feedback("import", "bad.csv")
    said = feedback("join", "out.parquet", status=1)
    assert "200 labelled rows, 100 held back" in said
    assert len(pd.read_parquet(world.folder / "out.parquet")) == 200
    assert "PB400" in feedback("import", "missing.csv", status=3)
    assert "PB200" in feedback("join", "out.csv", status=2)
