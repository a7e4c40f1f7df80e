"""From the answer of a server to everything that its model was made from."""

import json
from pathlib import Path

import pytest

from playbill.errors import LineageError, UsageError
from playbill.lineage.identity import revision_of
from playbill.prediction.log import find, is_identifier, moment_of, records
from playbill.server.identifier import identifier_text
from tests.conftest import Run


def test_identifiers_are_told_from_revisions() -> None:
    assert is_identifier(identifier_text())
    for other in ("flights@v1.2.0", "HEAD", "d9428888-122b-11e1-b85c-61cd3cbb3210", ""):
        assert not is_identifier(other)
    assert moment_of("01a20bfd-909c-78ae-8200-e7c7f558f3f6") == 1795497496.732


def test_the_latest_segments_are_read_first_and_torn_lines_left_out(tmp_path: Path) -> None:
    names = [identifier_text() for _ in range(3)]
    for number, name in enumerate(names):
        path = tmp_path / f"predictions-000-{name}.jsonl"
        path.write_text(f'{{"prediction_id":"{name}","n":{number}}}\n{{"prediction')
    assert find(names[1], str(tmp_path))["n"] == 1
    assert [one["n"] for one in records(str(tmp_path))] == [0, 1, 2]


def test_a_prediction_leads_to_its_model_and_what_it_was_made_from(
    history: Path, run: Run, tmp_path: Path
) -> None:
    run("playbill", "promote", "HEAD", "--stage", "prod", "--allow-unpushed", cwd=history)
    shown = json.loads(run("playbill", "lineage", "HEAD", "--json", cwd=history).stdout)
    digest = shown["model_digest"]
    name = identifier_text()
    log = tmp_path / "log"
    log.mkdir()
    record = {"prediction_id": name, "label": True, "row": {"id": 1}, "model_digest": digest}
    line = json.dumps(record, separators=(",", ":"))
    (log / f"predictions-000-{name}.jsonl").write_text(line + "\n")
    done = run("playbill", "lineage", name, "--log", str(log), "--json", cwd=history)
    found = json.loads(done.stdout)
    assert found["prediction"] == record
    assert found["commit"] == shown["commit"]
    alone = run("playbill", "lineage", name, "--model-digest", digest, cwd=history).stdout
    assert alone.startswith(f"prediction {name}, made ")


def test_what_is_missing_to_follow_a_prediction_is_said(history: Path, run: Run) -> None:
    done = run("playbill", "lineage", identifier_text(), cwd=history, check=False)
    assert done.returncode == 2
    assert "--log" in done.stderr
    with pytest.raises(UsageError):
        revision_of(history, "abc")
    with pytest.raises(LineageError, match="no version"):
        revision_of(history, "sha256:" + "0" * 64)
