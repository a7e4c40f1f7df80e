"""A test of the loss that may be looked at after every label: betting against "not worse".

Whoever bets against a true statement does not grow rich. The null says that each loss, given those
before it, is `bound` at most in the mean. A bet of `stake` on the next loss multiplies the capital
by 1 + stake (loss - bound), whose mean is then 1 at most, so the chance that the capital ever
reaches 1/alpha is alpha at most, however often one looks (J. Ville 1939). Sources: I. Waudby-Smith
and A. Ramdas, JRSS B 86, 2024 (bounded means by betting); S. Shekhar and A. Ramdas, ICML 2023
(change detection); A. Podkopaev and A. Ramdas, ICLR 2022 (only harmful change).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Means, as multiples of the bound, against which each bet would be the best one, and their share of
# the first capital: half again as much is what one wants to hear of soon.
BETS = ((1.25, 0.2), (1.5, 0.6), (2.0, 0.15), (3.0, 0.05))
Bets = tuple[tuple[float, float], ...]
BLOCK = 250  # losses, after which a part of the capital that was kept back starts anew


@dataclass(frozen=True)
class Watched:
    """What came of watching a loss."""

    losses: int
    mean: float
    bound: float
    """The largest mean loss that is not called worse."""
    capital: float
    """The most that a first capital of 1 grew to; 1 over it is an anytime-valid p-value."""
    alarm: int | None
    """Losses after which it reached 1/alpha; None if it did not."""


def watch(
    losses: "NDArray[np.float64]", bound: float, *, alpha: float, bets: Bets | None = None
) -> Watched:
    """Watch losses in the order in which they became known.

    The capital is spread over several bets, and over moments to begin: half of it bets from the
    first loss on, 1/6 after one block, 1/12 after two and so on, so that a change is found too that
    comes after a long time without one. Any such spread is fair.

    Args:
        losses: Each from 0 to 1, float64 of shape (losses,).
        bound: Mean loss that the null allows, between 0 and 1.
        alpha: Chance to ever alarm although the null holds.
        bets: Stakes, each below 1/bound, and their shares; None: those of `BETS` for losses 0 or 1.
    """
    bound = float(np.clip(bound, 1e-6, 1 - 1e-6))
    stakes = _stakes(bound) if bets is None else np.array([stake for stake, _ in bets])
    share = np.array([part for _, part in bets or BETS])
    held, best, alarm = np.zeros(len(share)), 1.0, None
    for block, start in enumerate(range(0, len(losses), BLOCK)):
        held = held + share / ((block + 1) * (block + 2))
        kept_back = 1 / (block + 2)
        gain = 1 + stakes * (losses[start : start + BLOCK, None] - bound)
        run = np.cumprod(gain, axis=0) * held
        held = np.minimum(run[-1], 1e100)  # 3**250 more is still a number
        capital = run.sum(axis=1) + kept_back
        best = max(best, float(capital.max()))
        if alarm is None and (reached := capital >= 1 / alpha).any():
            alarm = start + int(reached.argmax()) + 1
    mean = float(losses.mean()) if len(losses) else 0.0
    return Watched(len(losses), mean, bound, best, alarm)


def _stakes(bound: float) -> "NDArray[np.float64]":
    """Return the stake of each bet: the best one if losses were 0 or 1 with that larger mean.

    A stake below 1/bound keeps the capital above zero.
    """
    means = np.minimum([bound * times for times, _ in BETS], (1 + bound) / 2)
    return np.asarray((means - bound) / (bound * (1 - bound)), dtype=np.float64)
