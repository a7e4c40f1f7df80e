"""A plan in words: the answer first, then why."""

from dataclasses import replace

import pytest

from playbill.config.plan import Plan, StagePlan
from playbill.config.reason import Reason
from playbill.pipeline.forecast import answer, as_markdown, as_text

COMPOSE = StagePlan("compose", "runs", direct=True, reasons=(Reason("config", "conf changed"),))
TRAIN = StagePlan(
    "train", "restored", direct=True, reasons=(Reason("config", "a: 1 -> 2|3"),), seconds=90
)
EVALUATE = StagePlan(
    "evaluate", "if-changed", direct=False, reasons=(Reason("upstream", "x may change"),), seconds=2
)
SERVER = StagePlan("server", "unchanged", direct=False)


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        ((SERVER,), "has nothing to do."),
        ((COMPOSE, SERVER), "will run compose."),
        ((TRAIN,), "will restore train from the cache."),
        (
            (replace(COMPOSE, seconds=1.0), replace(TRAIN, verdict="runs")),
            "will run compose, train (1.5 min last time).",
        ),
        (
            (COMPOSE, replace(EVALUATE, verdict="runs")),
            "will run compose, evaluate (at least 2.0 s last time).",
        ),
        (
            (COMPOSE, EVALUATE),
            (
                "will run compose; decide on evaluate when what it reads is written "
                "(2.0 s last time, if run)."
            ),
        ),
    ],
)
def test_the_answer_is_one_sentence(stages: tuple[StagePlan, ...], said: str) -> None:
    assert answer(Plan(stages)) == f"`dvc repro` {said}"


def test_the_table_gives_each_reason_a_line_and_the_idle_stages_one() -> None:
    many = tuple(Reason("config", f"key{n}: 1 -> 2") for n in range(9))
    text = as_text(Plan((replace(COMPOSE, reasons=many), SERVER), "breaking", ("a field",)))
    lines = text.splitlines()
    assert lines[2] == "  runs        compose         -  key0: 1 -> 2"
    assert lines[8].strip() == "and 3 more (--json has all)"
    assert lines[9] == "  unchanged   server"
    assert lines[-2:] == [
        "interface: breaking (requests that work today will be refused)",
        "note: a field",
    ]


def test_markdown_keeps_its_cells_apart() -> None:
    text = as_markdown(Plan((TRAIN, SERVER), "retrain", ("why",)))
    assert "| train | restored | 1.5 min | a: 1 -> 2\\|3 |" in text
    assert text.endswith("**Interface: retrain** (the same requests, other answers)\n\n- why\n")
