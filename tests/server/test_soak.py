"""A minute of load with switches, killed workers and a full disk; ten are run by hand."""

import json
import os
import sys

import pytest

from tests.conftest import REPOSITORY, Run


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="workers and signals are POSIX's")
def test_a_minute_of_soak_violates_nothing(run: Run) -> None:
    words = [sys.executable, "-m", "bench.soak", "--minutes", "1"]
    done = run(*words, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    found = json.loads(done.stdout)
    assert found["requests"] > 1000
    assert found["kills"] >= 5
    assert found["counted_as_lost"] > 0
