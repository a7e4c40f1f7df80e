"""schemathesis against a running server: every operation, every check, thousands of cases.

One check is for the scoring endpoints alone: data that fit the schema must be taken. JSON Schema
cannot say which tensors a model has, so most that fit the protocol's form are refused; see whole.py
for what else it cannot say.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.serving import Running

COMMAND = Path(sys.executable).parent / "schemathesis"
pytestmark = pytest.mark.skipif(
    shutil.which(str(COMMAND)) is None, reason="schemathesis is not installed"
)


def attack(server: Running, folder: Path, cases: int, *paths: str) -> None:
    words = [
        str(COMMAND), "run", f"{server.url}/openapi.json", "--checks", "all",
        "--max-examples", str(cases), "--seed", "1",
        *(word for path in paths for word in ("--include-path", path)),
        *(("--mode", "positive") if paths else ("--exclude-checks", "positive_data_acceptance")),
    ]  # fmt: skip
    environment = dict(os.environ)
    if paths:
        environment["SCHEMATHESIS_HOOKS"] = "tests.server.whole"
        environment["PYTHONPATH"] = str(REPOSITORY)
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, timeout=900,
        env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert "No issues found" in done.stdout or "generated" in done.stdout


def test_no_case_gets_an_answer_that_is_not_documented(server: Running, tmp_path: Path) -> None:
    attack(server, tmp_path, cases=5)


@pytest.mark.slow
def test_thousands_of_cases_get_documented_answers(server: Running, tmp_path: Path) -> None:
    attack(server, tmp_path, cases=300)


@pytest.mark.slow
def test_every_row_that_fits_the_schema_is_taken(server: Running, tmp_path: Path) -> None:
    attack(server, tmp_path, 1000, "/predict", "/predict/batch")
