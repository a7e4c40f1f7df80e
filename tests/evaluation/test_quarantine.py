"""Batches of labels: honest ones pass, whatever became of the model; those that disagree do not."""

import numpy as np
import pytest

from playbill.config.decision import Feedback
from playbill.evaluation.quarantine import examine, signs

POLICY = Feedback()


def labels(
    draw: np.random.Generator, rows: int, shift: float = 0.0, *, flipped: bool = False
) -> "np.ndarray":
    """Return the signs of a calibrated model whose world has moved by `shift`."""
    chance = draw.beta(0.8, 1.2, rows)
    truth = (draw.random(rows) < np.clip(chance + shift, 0, 1)).astype(float)
    return signs(1 - truth if flipped else truth, chance, calibrated=True)


def test_no_honest_batch_is_held_back_more_often_than_declared() -> None:
    draw = np.random.default_rng(1)
    held = 0
    for _ in range(300):
        batches = {f"b{number}": labels(draw, 60) for number in range(5)}
        found = examine(batches, POLICY, calibrated=True)
        held += any(not one.believed for one in found.values())
    assert held / 300 <= POLICY.alpha + 0.01


def test_a_batch_of_flipped_labels_is_held_back_and_the_others_are_not() -> None:
    draw = np.random.default_rng(2)
    batches = {f"b{number}": labels(draw, 300) for number in range(4)}
    batches["poisoned"] = labels(draw, 200, flipped=True)
    found = examine(batches, POLICY, calibrated=True)
    assert [name for name, one in found.items() if not one.believed] == ["poisoned"]
    assert "the other batches" in found["poisoned"].reason


def test_a_model_that_became_wrong_everywhere_does_not_hold_the_labels_back_that_say_so() -> None:
    draw = np.random.default_rng(3)
    batches = {f"b{number}": labels(draw, 500, shift=0.4) for number in range(3)}
    found = examine(batches, POLICY, calibrated=True)
    assert all(one.believed for one in found.values())


def test_a_batch_that_stands_alone_is_compared_with_the_models_calibration() -> None:
    draw = np.random.default_rng(4)
    honest = examine({"a": labels(draw, 500)}, POLICY, calibrated=True)["a"]
    strange = examine({"a": labels(draw, 500, shift=0.4)}, POLICY, calibrated=True)["a"]
    assert (honest.believed, strange.believed) == (True, False)
    assert strange.compared == "the model's calibration"


@pytest.mark.parametrize(("rows", "calibrated"), [(29, True), (500, False)])
def test_what_cannot_be_compared_is_said_to_be_compared_with_nothing(
    rows: int, *, calibrated: bool
) -> None:
    values = labels(np.random.default_rng(5), rows, flipped=True)
    found = examine({"a": values}, POLICY, calibrated=calibrated)["a"]
    assert (found.compared, found.believed, found.score) == ("nothing", True, None)


def test_labels_that_do_not_vary_are_judged_too() -> None:
    found = examine({"a": np.full((40, 2), 0.9)}, POLICY, calibrated=True)["a"]
    assert not found.believed
    assert examine({"a": np.zeros((40, 2))}, POLICY, calibrated=True)["a"].believed


def test_a_batch_of_numbers_that_are_off_is_held_back() -> None:
    draw = np.random.default_rng(6)
    batches = {
        name: signs(draw.normal(shift, 1, 300), np.zeros(300), calibrated=False)
        for name, shift in (("a", 0.0), ("b", 0.0), ("c", 0.0), ("off", 1.5))
    }
    found = examine(batches, POLICY, calibrated=False)
    assert not found["off"].believed


def test_of_two_batches_that_differ_the_one_that_the_model_speaks_against_is_held_back() -> None:
    draw = np.random.default_rng(7)
    batches = {"honest": labels(draw, 200), "strange": labels(draw, 200, shift=0.6)}
    found = examine(batches, POLICY, calibrated=True)
    assert {name: one.believed for name, one in found.items()} == {
        "honest": True, "strange": False,
    }  # fmt: skip
