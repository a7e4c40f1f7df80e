"""The gate's decision: what it lets through, what it refuses, and how often it is wrong."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from playbill.config.decision import Gate
from playbill.evaluation.bootstrap import Plan
from playbill.evaluation.contrast import Pair, contrast, tango
from playbill.evaluation.gate import Decision, Question, decide, holm
from playbill.evaluation.scored import Scored
from playbill.evaluation.verdict import _reasons


def _binary(truth: NDArray[Any], scores: NDArray[np.float64]) -> Scored:
    return Scored("binary", truth.astype(np.int64), scores, ("0", "1"), 0.5)


def _scores(truth: NDArray[Any], strength: float, rng: np.random.Generator) -> NDArray[np.float64]:
    noise = rng.normal(size=truth.shape)
    return np.asarray(1 / (1 + np.exp(-(strength * (truth - 0.5) + noise))))


def _ask(before: Scored | None, after: Scored, gate: Gate, **slices: NDArray[Any]) -> Decision:
    metric = (
        gate.metric
        or {"binary": "roc_auc", "multiclass": "brier", "regression": "rmse"}[after.task]
    )
    return decide(Question(after, before, slices, None, metric, 100), gate)  # type: ignore[arg-type]


def _two(strength: tuple[float, float], rows: int = 3000, seed: int = 1) -> tuple[Scored, Scored]:
    rng = np.random.default_rng(seed)
    truth = (rng.random(rows) < 0.3).astype(int)
    first, other = (_binary(truth, _scores(truth, s, rng)) for s in strength)
    return first, other


def test_a_better_model_passes_both_rules_and_a_worse_one_none() -> None:
    weak, strong = _two((0.8, 1.8))
    for rule in ("non-inferior", "superior"):
        gate = Gate(rule=rule)
        assert _ask(weak, strong, gate).passed
        found = _ask(strong, weak, gate)
        assert not found.passed
        assert found.claim == "worse"


def test_rows_that_a_contract_refuses_are_tolerated_up_to_the_declared_share() -> None:
    weak, strong = _two((0.8, 1.8), rows=990)
    for refused, allowed, passed in ((10, 0.01, True), (11, 0.01, False), (1, 0.0, False)):
        question = Question(strong, weak, {}, None, "roc_auc", 100, refused=refused)
        found = decide(question, Gate(max_refused=allowed))
        assert found.passed is passed, (refused, allowed)
        assert f"a contract refuses {refused} rows" in found.checks[1].said
        assert (found.contrast is not None) is passed, "what is not decided is not compared"


def test_rows_that_single_people_out_refuse_a_model_and_the_title_says_so() -> None:
    weak, strong = _two((0.8, 1.8))
    for k, passed in ((None, False), (4, False), (5, True)):
        question = Question(strong, weak, {}, None, "roc_auc", 100, k=k)
        found = decide(question, Gate(k_anonymity=5))
        assert found.passed is passed, k
        checks = [{"name": one.name, "passed": one.passed} for one in found.checks]
        evidence: dict[str, Any] = {
            "claim": found.claim,
            "passed": passed,
            "policy": {},
            "checks": checks,
        }
        if not passed:
            assert list(_reasons(evidence)) == ["its rows single people out"]


def test_who_watches_is_told_of_every_draw_and_the_answer_stays() -> None:
    weak, strong = _two((0.8, 1.8))
    part = np.arange(len(weak)) % 2
    question = Question(strong, weak, {"part": part}, None, "roc_auc", 100)
    gate, seen = Gate(draws=500, floors={"roc_auc": 0.5}), list[tuple[int, int]]()
    assert decide(question, gate, lambda *told: seen.append(told)) == decide(question, gate)
    assert seen[-1] == (2000, 2000), "all rows, two slices, the floors"
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_the_same_model_is_not_worse_and_not_better() -> None:
    same, _ = _two((1.0, 1.0))
    assert _ask(same, same, Gate(margin=0)).claim == "not worse"
    assert _ask(same, same, Gate(margin=0)).passed
    assert not _ask(same, same, Gate(rule="superior")).passed


def test_too_few_rows_decide_nothing_whatever_the_models_are() -> None:
    weak, strong = _two((0.5, 3.0), rows=499)
    found = _ask(weak, strong, Gate(floors={"roc_auc": 0.5}))
    assert not found.passed
    assert [check.name for check in found.checks] == ["rows"]
    assert "499 rows" in found.checks[0].said
    assert found.contrast is None


def test_too_few_blocks_decide_nothing_either() -> None:
    weak, strong = _two((0.5, 3.0))
    for count, enough in ((9, False), (10, True)):
        question = Question(strong, weak, {}, np.arange(3000) % count, "roc_auc", 100)
        assert decide(question, Gate()).passed == enough


def test_without_a_champion_the_floors_alone_decide() -> None:
    _, model = _two((1.0, 1.0))
    area = float(roc_auc_score(model.truth, model.scores))
    assert _ask(None, model, Gate(floors={"roc_auc": area - 0.05})).passed
    found = _ask(None, model, Gate(floors={"roc_auc": area - 0.001}))
    assert not found.passed, "the value is above the floor, its bound is not"
    assert found.kind == "first"
    assert found.floors[0].value == pytest.approx(area)
    assert found.floors[0].bound < area - 0.001
    assert not _ask(None, model, Gate(floors={"brier": 0.01})).passed, "a loss has a ceiling"


def test_floors_bind_a_challenger_that_beats_the_champion() -> None:
    weak, strong = _two((0.5, 1.0))
    found = _ask(weak, strong, Gate(floors={"roc_auc": 0.95}))
    assert found.claim == "better"
    assert not found.passed


def test_a_slice_that_is_ruined_refuses_a_model_that_is_better_over_all() -> None:
    weak, strong = _two((1.0, 1.6), rows=6000)
    place = np.arange(6000) % 10
    ruined = strong.scores.copy()
    ruined[place == 3] = 1 - ruined[place == 3]
    bad = strong.asked(ruined)
    assert _ask(weak, strong, Gate(), ring=place).passed
    found = _ask(weak, bad, Gate(), ring=place)
    assert found.claim in ("better", "not worse")
    assert not found.passed
    assert [one.value for one in found.slices if not one.passed] == ["3"]
    assert "ring=3" in next(check.said for check in found.checks if check.name == "slices")


def test_proof_is_asked_of_every_slice_and_small_ones_are_counted() -> None:
    first, other = _two((1.0, 1.0), rows=2050)
    place = np.minimum(np.arange(2050) // 500, 4)
    harm = _ask(first, other, Gate(margin=0.2), part=place)
    proof = _ask(first, other, Gate(margin=0.2, slice_rule="proof", slice_margin=0.01), part=place)
    assert (len(harm.slices), harm.small) == (4, 1)
    assert harm.passed
    assert not proof.passed, "500 rows cannot show so small a margin"


def test_holm_is_what_it_is_defined_to_be() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@pytest.mark.parametrize("metric", ["rmse", "mae", "r2"])
def test_a_regression_is_decided_in_shares_of_the_champions_error(metric: Any) -> None:
    rng = np.random.default_rng(3)
    truth = 1000 + 50 * rng.normal(size=2000)
    sides = [
        Scored("regression", truth, truth + scale * rng.normal(size=2000)) for scale in (10, 8)
    ]
    found = _ask(sides[0], sides[1], Gate(metric=metric, rule="superior"))
    assert found.passed
    assert found.contrast is not None
    assert found.contrast.is_relative == (metric != "r2")
    if metric == "rmse":
        assert found.contrast.gain == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize("metric", ["brier", "accuracy", "log_loss", "roc_auc_ovr", "f1_macro"])
def test_several_classes_are_decided(metric: Any) -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(3, size=2000)

    def model(strength: float) -> Scored:
        raw = np.exp(strength * np.eye(3)[truth] + rng.normal(size=(2000, 3)))
        return Scored("multiclass", truth, raw / raw.sum(axis=1, keepdims=True), ("a", "b", "c"))

    weak, strong = model(0.5), model(1.5)
    assert _ask(weak, strong, Gate(metric=metric, rule="superior", draws=300)).passed
    assert not _ask(strong, weak, Gate(metric=metric, draws=300)).passed


def test_delong_agrees_with_the_bootstrap_and_counts_ties_half() -> None:
    first, other = _two((1.0, 1.2), rows=2000)
    coarse = first.asked(np.round(first.scores, 1)), other.asked(np.round(other.scores, 1))
    pair = Pair(*coarse, Plan(draws=2000))
    exact, drawn = (contrast(pair, "roc_auc", test, 0.05) for test in ("delong", "bootstrap"))
    areas = [roc_auc_score(side.truth, side.scores) for side in coarse]
    assert exact.gain == pytest.approx(areas[1] - areas[0])
    assert exact.error == pytest.approx(drawn.error, rel=0.1)
    assert exact.low == pytest.approx(drawn.low, abs=0.1 * exact.error)


def test_tangos_score_is_mcnemars_at_zero_and_gives_the_published_interval() -> None:
    assert tango(9, 3, 40, 0.0) == pytest.approx(6 / 12**0.5)
    # The example of Fagerland, Lydersen and Laake (2014): 1 and 7 of 21 pairs are discordant.
    grid = np.linspace(-0.999, 0.999, 20_001)
    kept = [d for d in grid if abs(tango(1, 7, 21, float(d))) <= 1.959964]
    assert (kept[0], kept[-1]) == pytest.approx((-0.517, -0.026), abs=0.001)
