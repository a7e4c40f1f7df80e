"""What takes long shows how far it is at a terminal, and only there."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from playbill.engine.watch import tell, watched

DRAWN = """
import numpy as np
from playbill.engine.watch import watched
from playbill.evaluation.bootstrap import Part, Plan, draw
from playbill.evaluation.metrics import statistic
from playbill.evaluation.scored import Scored
random = np.random.default_rng(1)
one = Scored("binary", random.integers(2, size=3000), random.random(3000), ("0", "1"))
with watched(patience=0):
    drawn = draw([Part(statistic(one))], Plan(draws=2000), 3000)
print("mean", drawn[0]["accuracy"].mean())
"""


def at_terminal(words: list[str], folder: Path) -> str:
    """Run a program whose error output is a terminal, and return what it drew there."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:  # fmt: skip
        os.close(theirs)
        seen = bytearray()
        try:
            while part := os.read(ours, 65536):
                seen += part
        except OSError:  # Linux's word for the end of a terminal
            pass
        os.close(ours)
        assert process.stdout is not None
        process.stdout.read()
    assert process.returncode == 0, seen.decode()
    return seen.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of POSIX")
def test_a_bootstrap_draws_a_bar_at_a_terminal(tmp_path: Path) -> None:
    seen = at_terminal([sys.executable, "-c", DRAWN], tmp_path)
    assert "bootstrap draws" in seen
    assert "/2000" in seen


def test_nothing_is_drawn_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with watched(patience=0):
        tell("work", 1, 2)
    tell("work", 2, 2)
    assert capsys.readouterr() == ("", "")
