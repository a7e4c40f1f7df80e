"""Two models by their losses on new rows, looked at after every truth: promote, keep, roll back.

Two bets at once (`playbill.drift.sequential`), each of half the declared error: that the challenger
loses less than the champion plus a margin, and that it loses more than the champion. Whichever
capital first reaches its limit decides. So under the null of either the chance that it ever decides
wrongly is half the error, however often one looks, if the differences are, given those before,
without a drift of their own (rows in random order, callers chosen by a hash).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from playbill.drift.sequential import Watched, watch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Decision = Literal["promote", "keep", "roll back"]
# Stakes for differences that are mostly small; one below 2 keeps the capital above zero.
BETS = ((0.05, 0.15), (0.1, 0.15), (0.2, 0.2), (0.4, 0.2), (0.8, 0.2), (1.6, 0.1))


@dataclass(frozen=True)
class Duel:
    """What came of it."""

    decision: Decision
    """`keep` as long as neither bet has won: go on as it is."""
    after: int | None
    """Differences after which it was decided."""
    differences: int
    mean: float
    """Mean loss of the challenger minus that of the champion."""
    better: Watched
    """The bet that the challenger loses less than the champion plus the margin."""
    worse: Watched
    """The bet that it loses more than the champion."""


def decide(differences: "NDArray[np.float64]", *, error: float, margin: float = 0.0) -> Duel:
    """Return what differences of losses say, in the order in which they became known.

    Args:
        differences: The challenger's loss minus the champion's, from -1 to 1, shape (n,).
        error: Chance to ever promote or roll back wrongly.
        margin: Mean difference that is still no harm.
    """
    worse = watch((1 + differences) / 2, 0.5, alpha=error / 2, bets=BETS)
    better = watch((1 - differences) / 2, (1 - margin) / 2, alpha=error / 2, bets=BETS)
    never = len(differences) + 1
    harm, good = worse.alarm or never, better.alarm or never
    decision: Decision = "keep"
    if min(harm, good) < never:
        decision = "roll back" if harm <= good else "promote"
    mean = float(differences.mean()) if len(differences) else 0.0
    after = None if decision == "keep" else min(harm, good)
    return Duel(decision, after, len(differences), mean, better, worse)


def paired(losses: "Iterable[tuple[bool, float]]") -> "NDArray[np.float64]":
    """Return differences of losses of two groups of callers, in the order of their truths.

    What one group had since the last difference is averaged, and set against the other's mean once
    there is a loss of both.

    Args:
        losses: Whether it is the challenger's, and the loss, from 0 to 1.
    """
    found: list[float] = []
    mine: list[float] = []
    other: list[float] = []
    for is_challenger, loss in losses:
        (mine if is_challenger else other).append(loss)
        if mine and other:
            found.append(sum(mine) / len(mine) - sum(other) / len(other))
            mine.clear()
            other.clear()
    return np.array(found, dtype=np.float64)
