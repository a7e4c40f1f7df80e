"""The gate asked of revisions: which rows are left, who is asked what, and what is written down."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from playbill.errors import DataError, LineageError
from playbill.lineage import evidence, git, registry
from playbill.lineage.promotion import Wish
from playbill.pipeline.admission import promote as admit
from playbill.pipeline.gate import gate
from tests.promoting import promote


def test_without_a_champion_the_floors_decide_and_rows_that_were_trained_on_are_out(
    history: Path,
) -> None:
    found = gate(history, "first")
    assert found.decision.kind == "first"
    assert found.decision.passed
    rows = found.evidence["hold_out"]
    assert (rows["held_out"], rows["trained_on"], rows["compared"]) == (300, 5, 295)
    assert "champion" not in found.evidence


def test_the_champion_is_met_on_the_same_rows_and_everything_used_is_named(history: Path) -> None:
    promote(history, "first")
    found = gate(history, "HEAD")
    assert found.decision.kind == "contest"
    assert found.decision.passed
    said = found.evidence
    assert said["champion_tag"] == "tiny#prod#1"
    assert said["champion"]["commit"] == git.resolve(history, "first")
    for side in ("champion", "challenger"):
        assert said[side]["answers"] == "recorded"
        assert {"bundle", "predictions", "test"} <= set(said[side])
    assert evidence.is_sealed(said)


def test_the_same_question_gets_the_same_evidence_from_another_clone(history: Path) -> None:
    promote(history, "first")
    git.run(history, "push", "-q", "origin", "main", "--tags")
    clone = history.parent / "clone"
    git.run(history, "clone", "-q", "../origin.git", str(clone))
    assert gate(clone, "first", "first").evidence == gate(history, "first", "first").evidence


def test_a_challenger_that_is_much_worse_is_refused(history: Path) -> None:
    found = gate(history, "first", champion="quiet-moth")
    assert not found.decision.passed
    assert found.decision.claim in ("worse", "unclear")
    assert found.evidence["champion_tag"] is None


def test_too_few_rows_are_a_clear_no(history: Path) -> None:
    text = (history / "params.yaml").read_text()
    (history / "params.yaml").write_text(text.replace("minimum_rows: 100", "minimum_rows: 296"))
    found = gate(history, "workspace")
    assert not found.decision.passed
    assert "295 rows that neither model was trained on, at least 296 asked" in str(found.decision)
    assert found.evidence["challenger"]["commit"] is None


def test_what_the_challenger_was_trained_on_must_be_known_of_the_champion_it_is_said(
    history: Path,
) -> None:
    promote(history, "first")
    lock = history / "dvc.lock"
    lost = [line.split()[-1] for line in lock.read_text().splitlines() if ".dir" in line]
    assert lost
    remote, cache = history.parent / "storage", history / ".dvc" / "cache"
    for place in (remote, cache):
        for path in place.rglob("*"):
            if path.is_file() and _is_train(path):
                path.chmod(0o644)
                path.unlink()
    with pytest.raises(LineageError, match="not known which rows HEAD was trained on"):
        gate(history, "HEAD")


def _is_train(path: Path) -> bool:
    try:
        return list(pd.read_parquet(path).columns) == ["id", "distance"]
    except Exception:  # noqa: BLE001 - most objects are no Parquet
        return False


def test_rows_younger_than_the_label_delay_are_out_by_the_windows_end_not_by_a_clock(
    history: Path,
) -> None:
    test = history / "data" / "prepared" / "test.parquet"
    frame = pd.read_parquet(test)
    frame["at"] = pd.date_range("2024-01-01", periods=len(frame), freq="h")
    test.chmod(0o644)
    frame.to_parquet(test)
    params = history / "params.yaml"
    text = params.read_text()
    text = text.replace(
        "      distance: {dtype: float64}\n",
        "      distance: {dtype: float64}\n      at: {dtype: 'datetime64[ns]'}\n",
    )
    text = text.replace("    id: {role: key}\n", "    id: {role: key}\n    at: {role: time}\n")
    text = text.replace("contract:\n", "contract:\n  label_delay: 2d\n")
    params.write_text(text + "source: {window: {start: '2024-01-01', end: '2024-01-14'}}\n")
    _as_if_run(history)
    found = gate(history, "workspace")
    rows = found.evidence["hold_out"]
    assert rows["younger_than_label_delay"] == 35, "after 2024-01-12 00:00"
    assert rows["compared"] == 300 - 5 - 35


def test_a_model_without_a_record_of_these_rows_is_asked_and_one_that_refuses_them_is_told(
    history: Path,
) -> None:
    """The tiny bundle is none that could answer; what is tried is that it is asked at all."""
    promote(history, "first")
    predictions = history / "models/tiny/evaluation/predictions.parquet"
    test = history / "data/prepared/test.parquet"
    for path in (predictions, test):
        frame = pd.read_parquet(path)
        frame["id"] += 1000
        path.chmod(0o644)
        frame.to_parquet(path)
    with pytest.raises(LineageError, match="was not run as it stands") as error:
        gate(history, "workspace")
    assert "data/prepared is not what it wrote any more, and 1 more" in error.value.where
    _as_if_run(history)
    with pytest.raises(Exception, match="bundle is refused"):
        gate(history, "workspace")


def _as_if_run(project: Path) -> None:
    """Have dvc.lock take the outputs as they are now, as `dvc commit` does."""
    words = [sys.executable, "-m", "dvc", "commit", "--quiet", "--force"]
    subprocess.run(words, cwd=project, check=True)


def test_another_target_cannot_be_compared(history: Path) -> None:
    promote(history, "first")
    params = history / "params.yaml"
    params.write_text(
        params.read_text()
        .replace("isin: [0, 1]", "isin: [0, 1, 2]")
        .replace("contract:\n", "contract:\n  task: multiclass\n")
    )
    with pytest.raises(DataError, match="predicts something else: a multiclass target"):
        gate(history, "workspace")


def test_evidence_from_elsewhere_is_taken_if_it_is_of_this_promotion(
    history: Path, tmp_path: Path
) -> None:
    file = tmp_path / "gate.json"
    said = gate(history, "first").evidence
    file.write_text(json.dumps(said))
    wish = Wish("prod")
    file.write_text(json.dumps({**said, "passed": True, "claim": "better"}))
    with pytest.raises(LineageError, match="was changed"):
        admit(history, "first", wish, print, file)
    file.write_text(json.dumps(said))
    with pytest.raises(LineageError, match="is not about this promotion: its gate is about"):
        admit(history, "HEAD", Wish("prod", allow_unpushed=True), print, file)
    answer = admit(history, "first", wish, print, file)
    assert answer.promotion is not None
    (tag,) = registry.stages(history)
    assert tag.evidence["gate"] == said
    assert tag.evidence["decision"] == "first"


def test_a_gate_that_cannot_answer_may_be_overridden_and_that_is_recorded(history: Path) -> None:
    shutil.rmtree(history.parent / "storage" / "files" / "md5")
    wish = Wish("prod", allow_unpushed=True, override="nobody has the hold-out any more")
    for path in (history / ".dvc" / "cache").rglob("*"):
        if path.is_file() and _is_train(path):
            path.chmod(0o644)
            path.unlink()
    with pytest.raises(LineageError, match="not known which rows"):
        admit(history, "HEAD", Wish("prod", allow_unpushed=True), print)
    answer = admit(history, "HEAD", wish, print)
    assert answer.promotion is not None
    facts = registry.stages(history)[0].evidence
    assert facts["decision"] == "override"
    assert "not known which rows" in facts["override"]["because"]
