"""Drift of what a real server was asked, from its own log; and of a file of another revision."""

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from playbill.drift.logged import read_log, without
from playbill.errors import DataError
from tests.conftest import Run
from tests.serving import as_sent, made, running, start_words, visits, write


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A bundle and the log of its server, which answered rows of an older clientele."""
    folder = tmp_path_factory.mktemp("logged")
    bundle = write(made().files, folder / "bundle")
    rows = visits(300, seed=5).assign(age=100)
    with running([*start_words(bundle), "--log", str(folder / "log")]) as server:
        for start in range(0, len(rows), 100):
            body = {"rows": as_sent(rows.iloc[start : start + 100])}
            assert server.client.post("/predict/batch", json=body).status_code == 200
    return bundle, folder / "log"


def test_the_log_shows_the_column_that_moved(served: tuple[Path, Path], run: Run) -> None:
    bundle, log = served
    words = ["playbill", "drift", "--log", str(log), "--bundle", str(bundle), "--json"]
    done = run(*words, cwd=bundle, check=False)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["rows"] == 300
    moved = {column["name"] for column in found["columns"] if column["drifted"]}
    assert "age" in moved
    assert moved <= {"age", "(prediction)"}


def test_only_days_that_were_asked_for_are_read(served: tuple[Path, Path], run: Run) -> None:
    bundle, log = served
    words = ["playbill", "drift", "--log", str(log), "--bundle", str(bundle)]
    done = run(*words, "--window", "2013-01-01:2013-02-01", cwd=bundle, check=False)
    assert done.returncode == 3
    assert "no prediction from 2013-01-01 to 2013-02-01" in done.stderr
    assert len(read_log(str(log), (date(2020, 1, 1), date(9999, 1, 1)), None).rows) == 300


def test_the_moment_of_the_answer_stands_for_a_time_that_rows_do_not_have(
    served: tuple[Path, Path],
) -> None:
    found = read_log(str(served[1]), None, "day")
    assert isinstance(found.rows["day"].dtype, pd.DatetimeTZDtype)
    assert found.scores is not None
    assert len(found.scores) == len(found.rows) == 300
    assert len(found.models) == 1


def test_what_the_log_may_not_hold_is_not_compared() -> None:
    pair = {"columns": ["age", "name"], "counts": []}
    profile = {"columns": {"age": {}, "name": {}}, "pairs": [pair], "rows": 9}
    assert without(profile, ["name"]) == {"columns": {"age": {}}, "pairs": [], "rows": 9}
    with pytest.raises(DataError, match="no column of the reference"):
        without(profile, ["age", "name"])


def test_a_file_is_taken_as_a_revision_has_it(history: Path, run: Run) -> None:
    words = ["playbill", "drift", "data/prepared/tset.parquet", "--rev", "HEAD"]
    done = run(*words, cwd=history, check=False)
    assert done.returncode == 3
    assert "such as test.parquet" in done.stderr
    done = run("playbill", "drift", "--rev", "HEAD", cwd=history, check=False)
    assert done.returncode == 2
    assert "--rev was given without a file" in done.stderr


def test_labels_that_arrive_later_say_what_the_model_got(
    served: tuple[Path, Path], run: Run, tmp_path: Path
) -> None:
    """The truth of these rows is the contrary of what it was: no input shows that."""
    rows = visits(600, seed=9)
    rows.drop(columns="back").to_parquet(tmp_path / "rows.parquet")
    truth = pd.DataFrame({"visit": rows["visit"], "back": 1 - rows["back"]})
    truth[:500].to_csv(tmp_path / "truth.csv", index=False)
    words = ["playbill", "drift", "rows.parquet", "--bundle", str(served[0]), "--json"]
    done = run(*words, cwd=tmp_path, check=False)
    assert json.loads(done.stdout)["realised"] is None
    words += ["--labels", "truth.csv", "--fail-on", "loss"]
    done = run(*words, cwd=tmp_path, check=False)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)["realised"]
    assert found["rows"] == 500
    assert found["concept"]["drifted"]
    assert found["watched"]["alarm"] < 200
    rows.to_csv(tmp_path / "own.csv", index=False)
    own = run("playbill", "drift", "own.csv", "--bundle", str(served[0]), cwd=tmp_path, check=False)
    assert "on 600 labelled rows" in " ".join(own.stdout.split())
