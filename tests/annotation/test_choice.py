import numpy as np
import pytest

from playbill.annotation.choice import choose, doubts
from playbill.config.labelling import Annotation
from playbill.config.schema import Drift
from playbill.drift.contribution import contributions
from playbill.drift.profile import build_profile
from tests.drift.conftest import COLUMNS, draw

POLICY = Annotation(rows=100, random=0.2, drifted=0.3)


def test_some_by_chance_then_the_strange_then_the_doubtful() -> None:
    doubt, strange = np.zeros(1000), np.zeros(1000)
    doubt[:100], strange[900:] = 1.0, 1.0
    chosen = choose(doubt, strange, 1000, POLICY)
    counts = {why: sum(one.why == why for one in chosen) for why in ("random", "drifted")}
    assert len({one.row for one in chosen}) == len(chosen) == 100
    assert counts == {"random": 20, "drifted": 30}
    assert all(one.row >= 900 for one in chosen if one.why == "drifted")
    assert all(one.row < 100 for one in chosen if one.why == "uncertain")
    assert chosen == choose(doubt, strange, 1000, POLICY)
    assert chosen != choose(doubt, strange, 1000, POLICY.model_copy(update={"seed": 1}))


def test_the_random_share_is_a_simple_random_sample_whatever_the_others_are() -> None:
    doubt = np.linspace(0, 1, 200)
    drawn = np.zeros(200)
    for seed in range(400):
        policy = POLICY.model_copy(update={"seed": seed})
        drawn[[one.row for one in choose(doubt, None, 200, policy) if one.why == "random"]] += 1
    # 400 draws of 20 in 200: each row 40 times, give or take; no row is favoured by its doubt.
    assert abs(np.corrcoef(drawn, doubt)[0, 1]) < 0.2
    assert drawn.sum() == 400 * 20


@pytest.mark.parametrize(("doubt", "random"), [(None, 70), (np.zeros(1000), 20)])
def test_without_doubt_chance_takes_its_place(doubt: np.ndarray | None, random: int) -> None:
    chosen = choose(doubt, np.zeros(1000), 1000, POLICY)
    assert sum(one.why == "random" for one in chosen) == random


def test_a_small_log_is_taken_whole() -> None:
    assert len(choose(np.zeros(7), np.zeros(7), 7, POLICY)) == 7


def test_doubt_is_nearness_to_the_threshold_or_what_the_answer_lacks() -> None:
    chances = np.array([0.1, 0.3, 0.9])
    said = doubts("binary", chances, 0.25)
    assert said is not None
    assert int(said.argmax()) == 1
    several = doubts("multiclass", chances, 0.5)
    assert several is not None
    assert int(several.argmax()) == 0
    assert doubts("regression", None, 0.5) is None


def test_rows_that_came_new_are_told_from_those_that_were_there() -> None:
    profile = build_profile(draw(2000, 1), COLUMNS, Drift(draws=500))
    rows = draw(1000, 2)
    rows.loc[:99, "carrier"] = "ZZ"
    worth = contributions(profile, rows)
    assert set(np.argsort(-worth)[:90]) <= set(range(100))
    assert abs(contributions(profile, draw(1000, 3)).mean()) < 0.3
