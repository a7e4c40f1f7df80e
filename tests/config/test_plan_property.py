"""What `playbill plan` promises, on random edits: it is what `dvc repro` then does."""

import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.config import wandering
from tests.conftest import Run

pytestmark = pytest.mark.pipeline
FORKS = Path(__file__).parent / "forks.py"
SEEDS, EDITS = 4, 26  # 104 edits in all
MOST_OPEN = 1 / 3  # share of if-changed among the verdicts; 1 would be a plan that says nothing

Ask = Callable[[str], tuple[int, str]]


@dataclass(frozen=True)
class Done:
    """What `dvc repro` said of the stages, over both runs if the graph changed."""

    ran: set[str]
    restored: set[str]
    runs: int


@pytest.fixture
def ask(tiny: Path) -> Iterator[Ask]:
    """Plan, compose or reproduce the project; see forks.py."""
    with subprocess.Popen(
        [sys.executable, str(FORKS), str(tiny)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None

        def answer(word: str) -> tuple[int, str]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{word}\n")
            process.stdin.flush()
            status, text = json.loads(process.stdout.readline())
            return status, text

        yield answer
        process.stdin.close()


def plan(ask: Ask) -> dict[str, Any]:
    status, text = ask("plan")
    assert status == 0, text
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found


def repro(ask: Ask) -> Done:
    status, text = ask("repro")
    runs = 1
    if status and "PB300" in text:
        status, again = ask("repro")
        text, runs = text + again, 2
    assert status == 0, text
    ran = set(re.findall(r"Running stage '([\w-]+)'", text))
    return Done(ran, set(re.findall(r"Stage '([\w-]+)' is cached - skipping run", text)), runs)


def broken_promises(told: dict[str, Any], done: Done) -> list[str]:
    by: dict[str, set[str]] = {v: set() for v in ("runs", "restored", "if-changed", "unchanged")}
    for one in told["stages"]:
        by[one["verdict"]].add(one["stage"])
    checks = {
        "said to run, did not": by["runs"] - done.ran,
        "said to be restored, was not": by["restored"] - done.restored,
        "said to be restored, ran": by["restored"] & done.ran,
        "ran, was not named": done.ran - by["runs"] - by["if-changed"],
        "restored, was not named": done.restored - by["restored"] - by["if-changed"],
        "said unchanged, was not": by["unchanged"] & (done.ran | done.restored),
    }
    said_twice = any("run it twice" in note for note in told["notes"])
    if said_twice != (done.runs == 2):
        checks["runs"] = {f"{done.runs} needed, two announced: {said_twice}"}
    return [f"{text}: {sorted(names)}" for text, names in checks.items() if names]


def wander(
    draw: random.Random, past: list[wandering.State], project: Path
) -> tuple[wandering.State, list[str]]:
    """Edit the project at random, one to three edits at a time; return its state and the edits."""
    state, edits = past[-1], []
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        dice = draw.random()
        if dice < 0.15:
            state = draw.choice(past)
            edits.append("back to an earlier state")
        elif dice < 0.3:
            name = draw.choice(sorted(wandering.DAMAGES))
            wandering.DAMAGES[name](project, draw)
            edits.append(name)
        else:
            name = draw.choice(sorted(wandering.EDITS))
            state = wandering.EDITS[name](state, draw)
            edits.append(name)
    wandering.write(state, project)
    return state, edits


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the stages run in forks")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_dvc_repro_does_what_the_plan_said(
    tiny: Path, ask: Ask, seed: int, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = random.Random(seed)
    past = [wandering.State()]
    wandering.write(past[0], tiny)
    status, text = ask("compose")
    assert status == 0, text
    assert {one["verdict"] for one in plan(ask)["stages"]} == {"runs"}
    repro(ask)
    verdicts: Counter[str] = Counter()
    for number in range(EDITS):
        state, edits = wander(draw, past, tiny)
        past.append(state)
        if draw.random() < 0.2:
            ask("compose")
            edits.append("playbill compose")
        told = plan(ask)
        done = repro(ask)
        assert broken_promises(told, done) == [], f"edit {number}, {edits}: {told} {done}"
        verdicts.update(one["verdict"] for one in told["stages"])
        if number % 5 == 0:
            after = {one["verdict"] for one in plan(ask)["stages"]}
            assert after == {"unchanged"}, edits
    share = verdicts["if-changed"] / verdicts.total()
    with capsys.disabled():
        counts = dict(sorted(verdicts.items()))
        sys.stdout.write(f"\n{EDITS} edits, {counts}: {share:.0%} if-changed\n")
    assert share < MOST_OPEN
