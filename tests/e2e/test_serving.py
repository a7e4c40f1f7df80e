"""The real bundle, served and used: the same numbers as the Pipeline, and no altered byte."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import playbill
from playbill.bundle import manifest
from playbill.contract.column import inputs
from tests.conftest import REPOSITORY, Run
from tests.serving import running

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("flights")]


def test_a_thousand_hold_out_rows_get_the_pipelines_own_answer(flights: Path) -> None:
    project = playbill.open(root=flights)
    contract = project.config.contract
    asked = [column.name for column in inputs(contract)]
    test = project.table("prepared/test").sample(1000, random_state=1)
    expected = project.pipeline.predict_proba(test[asked])[:, 1]  # the table as it was read
    assert test[asked].isna().any().any(), "missing values are part of it"
    rows = [
        {str(name): None if pd.isna(value) else value for name, value in one.items()}
        for one in test[asked].astype(object).to_dict("records")
    ]
    with running([sys.executable, "-m", "playbill", "serve", "--port", "0"], cwd=flights) as server:
        answer = server.client.post("/predict/batch", json={"rows": rows})
        assert answer.status_code == 200, answer.text
        got = [one["probability"] for one in answer.json()["predictions"]]
        np.testing.assert_array_equal(np.array(got), expected)
        single = server.client.post("/predict", json=rows[0]).json()
        assert single["probability"] == expected[0]


def test_the_flight_of_the_readme_is_answered(flights: Path, run: Run) -> None:
    body = (REPOSITORY / "docs" / "tutorial" / "flight.json").read_text()
    with running([sys.executable, "-m", "playbill", "serve", "--port", "0"], cwd=flights) as server:
        answer = server.client.post(
            "/predict", content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 200
        assert 0 < answer.json()["probability"] < 1
    assert '"probability"' in run("playbill", "serve", "--try", cwd=flights).stdout


def test_a_bundle_with_one_byte_changed_is_refused(flights: Path, run: Run, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(flights / "models/flights/bundle", bundle)
    model = bundle / "model" / "scorer.safetensors"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.chmod(0o644)
    model.write_bytes(content)
    for words in (["serve", "--bundle", str(bundle), "--port", "0"],
                  ["predict", str(flights / "data/prepared/test.parquet"), str(tmp_path / "o.csv"),
                   "--bundle", str(bundle)]):  # fmt: skip
        done = run("playbill", *words, cwd=flights, check=False)
        assert done.returncode == 3
        assert "model/scorer.safetensors" in done.stderr
        assert "Traceback" not in done.stderr
    alone = subprocess.run(
        [sys.executable, str(bundle / "server"), "--port", "0"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert alone.returncode == 3
    assert "model/scorer.safetensors" in alone.stderr


def test_predict_writes_what_evaluate_predicted(flights: Path, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    run("playbill", "predict", "data/prepared/test.parquet", str(out), cwd=flights)
    got = pd.read_parquet(out).set_index("flight_id")["probability"]
    stored = pd.read_parquet(flights / "models/flights/evaluation/predictions.parquet")
    pd.testing.assert_series_equal(got, stored.set_index("flight_id")["probability"])


def test_a_promoted_model_is_what_serve_and_predict_take_until_it_is_withdrawn(
    mine: Path, run: Run, tmp_path: Path
) -> None:
    """The README's lines after its first command: push, promote, serve; then the way back."""
    refused = run("playbill", "promote", "HEAD", "--stage", "prod", cwd=mine, check=False)
    assert refused.returncode == 3
    assert "dvc push -r storage, then the same again" in refused.stderr
    run("dvc", "push", "-q", cwd=mine)
    done = run("playbill", "promote", "HEAD", "--stage", "prod", cwd=mine)
    assert "Gate passed" in done.stdout
    assert "flights#prod#1" in done.stdout
    assert "prod" in run("playbill", "models", cwd=mine).stdout
    shutil.rmtree(mine / "models" / "flights" / "bundle")
    out = tmp_path / "out.csv"
    for ref in ([], ["--ref", "flights#prod#1"], ["--ref", "flights@v0.0.1"]):
        run(
            "playbill", "predict", "data/prepared/test.parquet", str(out), *ref, "--force", cwd=mine
        )
    assert out.is_file()
    with running([sys.executable, "-m", "playbill", "serve", "--port", "0"], cwd=mine) as server:
        body = json.loads((REPOSITORY / "docs" / "tutorial" / "flight.json").read_text())
        assert server.client.post("/predict", json=body).json()["model_version"] == "v0.0.1"
        assert server.client.get("/v2/models/flights").json()["versions"] == ["v0.0.1"]
    run("git", "tag", "-f", "-am", "by hand", "flights#prod#2", "HEAD", cwd=mine)
    forged = run("playbill", "serve", "--try", cwd=mine, check=False)
    assert forged.returncode == 3
    assert "flights#prod#2 is not believed: it carries no evidence" in forged.stderr
    run("git", "tag", "-d", "flights#prod#2", cwd=mine)
    run("playbill", "withdraw", "flights#prod", "--reason", "a leak", cwd=mine)
    gone = run("playbill", "serve", "flights@v0.0.1", "--try", cwd=mine, check=False)
    assert gone.returncode == 3
    assert "was withdrawn: a leak" in gone.stderr
    assert "a leak" in run("playbill", "history", cwd=mine).stdout


def test_a_new_server_for_the_model_of_a_revision_keeps_the_model(
    flights: Path, run: Run, tmp_path: Path
) -> None:
    out = tmp_path / "rebuilt"
    old = manifest.verify(flights / "models/flights/bundle")
    words = ["package", "--server", "HEAD", "--out", str(out), "--json"]
    said = json.loads(run("playbill", *words, cwd=flights).stdout)
    assert said["model_digest"] == old.model_digest == manifest.verify(out).model_digest
    assert said["server_digest_before"] == old.server_digest == said["server_digest"]
    contents = manifest.load_all(out)[1]
    assert contents == manifest.load_all(flights / "models/flights/bundle")[1]
    assert run("playbill", *words, cwd=flights, check=False).returncode == 2  # it exists
