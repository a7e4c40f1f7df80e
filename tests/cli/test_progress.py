"""What takes long shows how far it is at a terminal, and the best so far if it searches."""

import os
import pty
import re
import subprocess
import sys

import pytest

from playbill.cli.progress import bar
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of POSIX")

DRAWN = """
import numpy as np
from playbill.cli.progress import bar
from playbill.evaluation.bootstrap import Part, Plan, draw
from playbill.evaluation.metrics import statistic
from playbill.evaluation.scored import Scored
random = np.random.default_rng(1)
one = Scored("binary", random.integers(2, size=3000), random.random(3000), ("0", "1"))
done = 0
with bar("drawing rows") as progress:
    def advance(draws):
        global done
        done += draws
        progress(done, 2000)
    draw([Part(statistic(one))], Plan(draws=2000, advance=advance), 3000)
"""
SEARCHED = """
from tests.learning import params, rows
from playbill.training.learning import learn
chosen = params("wine", validation={"kind": "stratified", "folds": 3, "seed": 7}, tuning={
    "kind": "grid", "space": {"model": {"C": [0.001, 0.01, 0.1, 1.0]}}})
learn(chosen, rows("wine"))
"""


def at_terminal(program: str) -> str:
    """Run a program whose error output is a terminal, and return what it drew there."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=REPOSITORY, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    ) as process:  # fmt: skip
        os.close(theirs)
        seen = bytearray()
        try:
            while part := os.read(ours, 65536):
                seen += part
        except OSError:  # Linux's word for the end of a terminal
            pass
        os.close(ours)
    assert process.returncode == 0, seen.decode()
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", seen.decode())


def test_a_bootstrap_draws_a_bar_at_a_terminal() -> None:
    seen = at_terminal(DRAWN)
    assert "drawing rows" in seen
    assert "100%" in seen


def test_a_search_shows_the_best_so_far_and_what_is_left() -> None:
    seen = at_terminal(SEARCHED)
    assert "grid search" in seen
    assert "12/12" in seen
    assert re.search(r"log_loss 0\.\d+", seen)


def test_nothing_is_drawn_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("work") as progress:
        progress(1, 2)
    assert capsys.readouterr() == ("", "")


def test_a_comparison_tells_how_many_draws_there_are() -> None:
    from playbill.pipeline.contest import _counted

    told: list[tuple[int, int]] = []
    advance = _counted(2000, lambda done, total: told.append((done, total)))
    advance(500)
    advance(700)
    assert told == [(500, 2000), (1200, 2000)]
