"""Bets that may be looked at after every label."""

import numpy as np
import pytest

from playbill.drift.sequential import BLOCK, watch


def alarms(mean: float, losses: int, repeats: int, before: int = 0) -> list[int | None]:
    """Watch repeated series of losses 0 or 1 against a bound of 0.10."""
    rng = np.random.default_rng(int(1000 * mean))
    found = []
    for _ in range(repeats):
        series = np.concatenate([rng.random(before) < 0.1, rng.random(losses) < mean])
        found.append(watch(series.astype(np.float64), 0.1, alpha=0.05).alarm)
    return found


def test_a_loss_that_did_not_grow_alarms_no_more_often_than_alpha() -> None:
    """Looked at after each of 3,000 labels; a binomial of 400 and 0.05 exceeds 31 in 0.5 %."""
    assert sum(alarm is not None for alarm in alarms(0.10, 3000, 400)) <= 31


def test_a_loss_half_again_as_large_is_told_within_300_labels_in_the_median() -> None:
    delays = sorted(alarm or 10**9 for alarm in alarms(0.15, 3000, 200))
    assert delays[100] < 300
    assert delays[-1] < 3000


def test_a_change_after_a_long_quiet_time_is_told_too() -> None:
    late = sorted((alarm or 10**9) - 2000 for alarm in alarms(0.15, 3000, 60, before=2000))
    assert 0 < late[30] < 900


def test_losses_between_0_and_1_keep_the_level_too() -> None:
    rng = np.random.default_rng(5)
    found = [watch(rng.beta(0.5, 4.5, 1500), 0.1, alpha=0.05).alarm for _ in range(200)]
    assert sum(alarm is not None for alarm in found) <= 19


def test_a_smaller_loss_is_no_reason_for_an_alarm() -> None:
    watched = watch(np.zeros(5000), 0.1, alpha=0.05)
    assert (watched.alarm, watched.mean) == (None, 0.0)
    assert watched.capital <= 1.0


@pytest.mark.parametrize("bound", [0.0, 1e-9, 0.5, 0.999, 1.0])
def test_the_capital_is_a_number_whatever_the_bound(bound: float) -> None:
    for losses in (np.ones(20 * BLOCK), np.zeros(20 * BLOCK)):
        assert np.isfinite(watch(losses, bound, alpha=0.05).capital)


def test_nothing_to_watch_is_no_alarm() -> None:
    assert watch(np.zeros(0), 0.1, alpha=0.05).alarm is None
