"""The difference of two models on the same rows: how large, how sure, by which paired test.

`gain` is always the challenger's advantage: positive is better, whatever the metric's direction.
"""

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.config.decision import RELATIVE, Test
from playbill.config.metric import HIGHER_IS_BETTER, Metric
from playbill.evaluation.bootstrap import DEFINED, Part, Plan, Statistic, draw
from playbill.evaluation.metrics import statistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.evaluation.scored import Scored

    Numbers = NDArray[np.float64]

_NORMAL = NormalDist()
_BISECTIONS = 60  # halves an interval of length 2 below the spacing of doubles


@dataclass(frozen=True)
class Pair:
    """Two models' answers about the same n rows, and how those are drawn.

    Attributes:
        champion: What is true and what the champion said.
        challenger: The same rows with what the challenger said.
        plan: Blocks, number of draws and seed of the bootstrap.
    """

    champion: "Scored"
    challenger: "Scored"
    plan: Plan

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.challenger)

    @property
    def units(self) -> int:
        """The number of blocks that are drawn; of rows if each is drawn by itself."""
        return self.plan.of(len(self))

    def take(self, rows: "NDArray[Any]") -> "Pair":
        """Return the pair on some of the rows."""
        return Pair(self.champion.take(rows), self.challenger.take(rows), self.plan.take(rows))


@dataclass(frozen=True)
class Contrast:
    """A metric of two models on the same rows.

    Attributes:
        metric: The metric.
        rows: How many rows.
        champion: The champion's value.
        challenger: The challenger's.
        gain: How much better the challenger is; a share of the champion's value if `relative`.
        low: Lower one-sided bound of the gain at the declared error.
        high: Upper one-sided bound.
        error: Standard error of the gain.
        freedom: Degrees of freedom of the error, blocks less one; None: as many as rows.
    """

    metric: Metric
    rows: int
    champion: float
    challenger: float
    gain: float
    low: float
    high: float
    error: float
    freedom: int | None = None

    @property
    def is_relative(self) -> bool:
        """Say whether gain, bounds and error are shares of the champion's value."""
        return self.metric in RELATIVE

    @property
    def is_defined(self) -> bool:
        """Say whether these rows have the metric: an area needs both classes."""
        return bool(np.isfinite([self.gain, self.low, self.high, self.error]).all())

    def chance_of_harm(self, margin: float) -> float:
        """Return the p-value of "not worse by more than `margin`"; small means harm is shown."""
        if self.error == 0:
            return 1.0 if self.gain >= -margin else 0.0
        return below((self.gain + margin) / self.error, self.freedom)

    def detectable(self, alpha: float, power: float) -> float:
        """Return the true gain that would be claimed in the share `power` of such runs."""
        return (quantile(1 - alpha, self.freedom) + quantile(power, self.freedom)) * self.error

    def chance_of_passing(self, margin: float, alpha: float) -> float:
        """Return how often a model that is just as good would be found non-inferior."""
        if self.error == 0:
            return float(margin > 0)
        return below(margin / self.error - quantile(1 - alpha, self.freedom), self.freedom)


def quantile(share: float, freedom: int | None = None) -> float:
    """Return the quantile of Student's distribution; of the normal one without `freedom`."""
    if freedom is None:
        return _NORMAL.inv_cdf(share)
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


def below(value: float, freedom: int | None = None) -> float:
    """Return the share of Student's distribution, or of the normal one, below a value."""
    if freedom is None:
        return _NORMAL.cdf(value)
    from scipy.special import stdtr

    return float(stdtr(freedom, value))


def contrast(pair: Pair, metric: Metric, test: Test, alpha: float) -> Contrast:
    """Compare two models by one metric.

    Args:
        pair: What both said of the same rows.
        metric: The metric.
        test: bootstrap (percentiles, of blocks Student's), delong (areas) or mcnemar (accuracy).
        alpha: Error of each one-sided bound.
    """
    sides = [only(statistic(side), metric) for side in (pair.champion, pair.challenger)]
    before, after = (side.values()[metric] for side in sides)
    gain = float(gains(np.array(before), np.array(after), metric))
    if not np.isfinite(gain):
        bounds = (float("nan"),) * 3
    elif test == "delong":
        bounds = _areas(pair, alpha)
    elif test == "mcnemar":
        bounds = _shares(pair, alpha)
    else:
        first, other = draw([Part(side) for side in sides], pair.plan, len(pair))
        drawn = gains(first[metric], other[metric], metric)
        if pair.plan.blocks is not None:
            bounds = by_blocks(gain, drawn, alpha, pair.units)
            return Contrast(metric, len(pair), before, after, gain, *bounds, pair.units - 1)
        bounds = spread(drawn, alpha)
    return Contrast(metric, len(pair), before, after, gain, *bounds)


def only(whole: Statistic, metric: str) -> Statistic:
    """Return a statistic without the metrics that need an order of the rows, but for one."""
    return replace(whole, ranked={n: f for n, f in whole.ranked.items() if n == metric})


def gains(before: "Numbers", after: "Numbers", metric: Metric) -> "Numbers":
    """Return how much better `after` is, as a share of `before` for a metric without a scale."""
    gap = after - before if metric in HIGHER_IS_BETTER else before - after
    if metric not in RELATIVE:
        return gap
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(gap == 0, 0.0, gap / np.abs(before))


def spread(drawn: "Numbers", alpha: float) -> tuple[float, float, float]:
    """Return both one-sided percentile bounds of the draws and their standard deviation."""
    known = drawn[np.isfinite(drawn)]  # a draw without two classes has no area
    if len(known) < DEFINED * len(drawn):
        return (float("nan"),) * 3
    low, high = np.quantile(known, [alpha, 1 - alpha])
    return float(low), float(high), float(known.std(ddof=1))


def by_blocks(
    gain: float, drawn: "Numbers", alpha: float, blocks: int
) -> tuple[float, float, float]:
    """Return both one-sided bounds and the standard error where few blocks were drawn.

    Percentiles of a cluster bootstrap are too narrow for few clusters; Student's distribution with
    one degree of freedom less than clusters, and the error widened by the lost one, keep the
    declared share (Cameron, Gelbach and Miller 2008; tests/evaluation/test_gate_error.py).
    """
    _, _, error = spread(drawn, alpha)
    if blocks <= 1:
        return (float("nan"),) * 3
    error *= (blocks / (blocks - 1)) ** 0.5
    reach = quantile(1 - alpha, blocks - 1) * error
    return gain - reach, gain + reach, error


def _areas(pair: Pair, alpha: float) -> tuple[float, float, float]:
    positive = pair.champion.truth == 1
    gain, error = delong(positive, pair.champion.scores, pair.challenger.scores)
    reach = quantile(1 - alpha) * error
    return gain - reach, gain + reach, error


def delong(
    positive: "NDArray[np.bool_]", first: "Numbers", other: "Numbers"
) -> tuple[float, float]:
    """Return the difference of two areas (other - first) on the same rows, and its standard error.

    DeLong, DeLong and Clarke-Pearson (1988): the variance of the placement values' differences.
    NaN where a class has fewer than two rows.
    """
    if min(positive.sum(), (~positive).sum()) <= 1:
        return float("nan"), float("nan")
    sides = zip(_placements(positive, first), _placements(positive, other), strict=True)
    above, below = (b - a for a, b in sides)
    variance = above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below)
    return float(above.mean()), float(variance) ** 0.5


def _placements(positive: "NDArray[np.bool_]", score: "Numbers") -> "tuple[Numbers, Numbers]":
    """Return of each positive the share of negatives it beats, and the same seen from the other."""
    above, below = score[positive], score[~positive]
    lows, highs = np.sort(below), np.sort(above)
    wins = np.searchsorted(lows, above, "left") + np.searchsorted(lows, above, "right")
    losses = np.searchsorted(highs, below, "left") + np.searchsorted(highs, below, "right")
    return wins / (2 * len(below)), 1 - losses / (2 * len(above))


def _shares(pair: Pair, alpha: float) -> tuple[float, float, float]:
    right = [side.labels() == side.truth for side in (pair.champion, pair.challenger)]
    won, lost = int((right[1] & ~right[0]).sum()), int((right[0] & ~right[1]).sum())
    rows, z = len(pair), quantile(1 - alpha)
    error = max((won + lost) / rows - ((won - lost) / rows) ** 2, 0.0) ** 0.5 / rows**0.5
    return _tango_bound(won, lost, rows, z), -_tango_bound(lost, won, rows, z), error


def tango(won: int, lost: int, rows: int, difference: float) -> float:
    """Return the score statistic of a difference of paired shares (Tango 1998).

    At difference 0 it is McNemar's, (won - lost) / sqrt(won + lost); it also holds for a margin,
    for which McNemar's test has no form.

    Args:
        won: Rows that the challenger alone has right.
        lost: Rows that the champion alone has right.
        rows: All rows.
        difference: The difference (challenger - champion) that is tested.
    """
    b = -won - lost + (2 * rows - won + lost) * difference
    c = -lost * difference * (1 - difference)
    share = (max(b * b - 8 * rows * c, 0.0) ** 0.5 - b) / (4 * rows)
    variance = rows * (2 * share + difference * (1 - difference))
    gap = won - lost - rows * difference
    if variance <= 0:
        return 0.0 if gap == 0 else float(np.copysign(np.inf, gap))
    return float(gap / variance**0.5)


def _tango_bound(won: int, lost: int, rows: int, z: float) -> float:
    """Return the smallest difference that the score test does not refuse from below."""
    low, high = -1.0, (won - lost) / rows
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if tango(won, lost, rows, middle) > z:
            low = middle
        else:
            high = middle
    return high
