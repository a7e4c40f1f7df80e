"""schemathesis against a running server: every operation, every check, thousands of cases.

One check is left out: data that fit the schema must be taken. JSON Schema cannot say which tensors
a model has, so most that fit the protocol's form are refused; and schemathesis compares as doubles,
so it sends whole numbers a little above 2**63 - 1 for a column that may hold any 64-bit integer.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import Running

COMMAND = Path(sys.executable).parent / "schemathesis"
pytestmark = pytest.mark.skipif(
    shutil.which(str(COMMAND)) is None, reason="schemathesis is not installed"
)


def attack(server: Running, folder: Path, cases: int) -> None:
    words = [
        str(COMMAND), "run", f"{server.url}/openapi.json", "--checks", "all", "--exclude-checks",
        "positive_data_acceptance", "--max-examples", str(cases), "--seed", "1",
    ]  # fmt: skip
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "No issues found" in done.stdout or "generated" in done.stdout


def test_no_case_gets_an_answer_that_is_not_documented(server: Running, tmp_path: Path) -> None:
    attack(server, tmp_path, cases=5)


@pytest.mark.slow
def test_thousands_of_cases_get_documented_answers(server: Running, tmp_path: Path) -> None:
    attack(server, tmp_path, cases=300)
