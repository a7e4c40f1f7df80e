"""The two-sample test on the binned counts of one column, and the correction for many columns.

Nothing here knows what a column is: tables of counts go in, p-values come out.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENOUGH_EXCEEDANCES = 20  # a p-value with this many draws above it needs no more draws
DRAWS_PER_LEVEL = 10  # draws that must fit under the smallest level of Holm's procedure
HYPERGEOMETRIC_LIMIT = 10**9  # NumPy's bound on the rows of one table
POWER = 0.8
FIRST_DRAWS = 200  # most columns and pairs are plainly alike after so many
# A chi-square whose p-value is so many times below the smallest that draws could tell.
PLAIN = 0.01
STEP = 8  # draws grow by it between two looks
PLAIN_EXPECTED = 5  # rows of every bin on the smaller side, for which that can be said
CHUNK_CELLS = 2_000_000  # of a drawn table: 16 MB


@dataclass(frozen=True)
class Comparison:
    """Two rows of counts compared: statistic, effect size and Monte Carlo p-value."""

    statistic: float
    distance: float
    effect: float
    p_value: float
    sampling: float = 0.0
    """Mean square of the distance that sampling alone gives."""


def compare(
    reference: "NDArray[np.int64]",
    current: "NDArray[np.int64]",
    *,
    draws: int,
    limit: int,
    seed: Sequence[int],
    first: int | None = None,
) -> Comparison:
    """Test whether two rows of counts are samples of one distribution.

    The statistic is Pearson's chi-square of the 2 x bins table. Its null distribution is not
    taken from a table: if nothing changed, every way of dealing the pooled rows into `reference`
    and `current` is equally likely, so that the current counts are multivariate hypergeometric
    given the pooled ones (Fisher's conditioning on both margins; Patefield 1981 for drawing such
    tables). The p-value is (1 + draws at least as extreme) / (1 + draws), which keeps its level
    exactly for any number of draws and rows (Davison and Hinkley 1997, section 4.2; Phipson and
    Smyth 2010). Small counts, empty bins and very unequal sizes need no exception.

    Draws stop at `first`, if given, or at `draws` when at least 20 of them are above the observed
    value; a column that may matter goes on to `limit`. The p-value after such a stage is above
    20 / draws, so stopping there cannot make a small one (the idea of Besag and Clifford 1991).
    On the way it looks again whenever the draws have grown eightfold. Nor does it go on where every
    bin expects five rows and the asymptotic p-value is a hundred times below the smallest that
    `limit` draws could tell: p is then what it would be if none of them came near.

    The distance is total variation, half the sum of |share - share|: the share of rows that would
    have to move. Sampling alone makes it positive, so `effect` takes the mean square distance of
    the draws off: sqrt(distance^2 - mean(drawn distance^2)), or 0.
    """
    rows_reference, rows_current = int(reference.sum()), int(current.sum())
    if not rows_reference or not rows_current:
        return Comparison(0.0, 0.0, 0.0, 1.0)
    pooled = reference + current
    used = pooled > 0
    pooled, observed = pooled[used], current[used]
    scale = 1 / rows_reference + 1 / rows_current
    statistic, distance = (
        float(x[0]) for x in _measure(observed[None], pooled, rows_current, scale)
    )
    rng = np.random.default_rng(list(seed))
    last = max(draws, limit)
    plain = _plain(statistic, pooled, min(rows_reference, rows_current), PLAIN / (1 + last))
    null = draw_null(
        lambda size: _measure(_deal(rng, pooled, rows_current, size), pooled, rows_current, scale),
        statistic,
        [min(first or draws, draws), *([] if plain else looks(draws, last))],
        at_once=max(1, CHUNK_CELLS // pooled.size),
    )
    effect = max(distance**2 - null.sampling, 0.0) ** 0.5
    p_value = 1 / (1 + last) if plain else null.p_value
    return Comparison(statistic, distance, effect, p_value, null.sampling)


@dataclass(frozen=True)
class Null:
    """What drawing from the null distribution said.

    Attributes:
        p_value: (1 + draws at least as extreme) / (1 + draws).
        sampling: Mean square of the drawn distances.
    """

    p_value: float
    sampling: float


def draw_null(
    draw: Callable[[int], tuple["NDArray[np.float64]", "NDArray[np.float64]"]],
    statistic: float,
    stages: Sequence[int],
    *,
    at_once: int,
) -> Null:
    """Draw until a stage leaves no doubt that the observed statistic is an ordinary one.

    Args:
        draw: Returns so many statistics and distances of the null, both of shape (draws,).
        statistic: The observed one.
        stages: Draws after which to look, rising; 20 at least as extreme are enough.
        at_once: Most draws that fit into memory.
    """
    # A tie is as extreme as the observed value: rounding must not break it.
    bound = statistic * (1 - 1e-9)
    above, squares, done = 0, 0.0, 0
    for target in stages:
        while done < target:
            size = min(target - done, at_once)
            statistics, distances = draw(size)
            above += int((statistics >= bound).sum())
            squares += float((distances**2).sum())
            done += size
        if above >= ENOUGH_EXCEEDANCES:
            break
    return Null((1 + above) / (1 + done), squares / done)


def looks(draws: int, last: int) -> list[int]:
    """Return after how many draws to look: `draws`, then each time eight times as many."""
    found = [draws]
    while found[-1] < last:
        found.append(min(found[-1] * STEP, last))
    return found


def _plain(statistic: float, pooled: "NDArray[np.int64]", smaller: int, bound: float) -> bool:
    """Say whether the counts differ beyond any doubt, so that drawing would only confirm it."""
    from scipy.special import chdtrc

    if pooled.min() * (smaller / pooled.sum()) < PLAIN_EXPECTED:
        return False
    return bool(chdtrc(max(pooled.size - 1, 1), statistic) < bound)


def _measure(
    drawn: "NDArray[np.int64]", pooled: "NDArray[np.int64]", rows_current: int, scale: float
) -> tuple["NDArray[np.float64]", "NDArray[np.float64]"]:
    """Return chi-square and total variation distance of each row of drawn current counts.

    With the margins fixed both follow from the excess of the current counts over their share of
    the pooled ones: shares differ by excess * (1/reference rows + 1/current rows).
    """
    excess = drawn - pooled * (rows_current / pooled.sum())
    # sum over both rows of excess^2/expected, where expected is pooled times the row's share
    chi = (excess**2 / pooled).sum(axis=1) * pooled.sum() * scale
    return chi, np.abs(excess).sum(axis=1) * (scale / 2)


def _deal(
    rng: np.random.Generator, pooled: "NDArray[np.int64]", rows_current: int, size: int
) -> "NDArray[np.int64]":
    """Draw `size` tables of current counts, given the pooled ones."""
    total = int(pooled.sum())
    if total < HYPERGEOMETRIC_LIMIT:
        # Drawing the smaller side is the same draw and cheaper.
        if rows_current > total // 2:
            dealt = rng.multivariate_hypergeometric(
                pooled, total - rows_current, size=size, method="marginals"
            )
            return np.asarray(pooled - dealt, dtype=np.int64)
        dealt = rng.multivariate_hypergeometric(pooled, rows_current, size=size, method="marginals")
        return np.asarray(dealt, dtype=np.int64)
    # Beyond a billion rows a normal vector of the same mean and covariance is the same to all
    # digits that matter.
    share = pooled / total
    noise = rng.standard_normal((size, share.size)) * np.sqrt(share)
    noise -= share * noise.sum(axis=1, keepdims=True)
    spread = (rows_current * ((total - rows_current) / total)) ** 0.5
    return np.asarray(np.rint(pooled * (rows_current / total) + noise * spread), dtype=np.int64)


def detectable(
    reference: int, current: int, *, bins: int, level: float, power: float = POWER
) -> float | None:
    """Return the total variation distance that the test sees with `power`; None: not even 1.

    A distance d that half of the bins gain and the others lose, in proportion, makes Pearson's
    statistic non-central with n (2d)^2, where 1/n = 1/reference + 1/current (Cohen 1988, chapter 7:
    the effect size w is then 2d). The chi-square is approximate; the test itself does not use it.

    Args:
        reference: Rows of the reference.
        current: New rows.
        bins: Bins of the column.
        level: Level of the single test, after the division among columns.
        power: Chance to see it.
    """
    from scipy.special import chdtri, chndtr

    if not reference or not current:
        return None
    freedom = max(bins - 1, 1)
    bound = float(chdtri(freedom, level))
    size = 4 / (1 / reference + 1 / current)
    low, high = 0.0, 1.0
    if 1 - chndtr(bound, freedom, size) < power:
        return None
    for _ in range(40):
        middle = (low + high) / 2
        seen = 1 - float(chndtr(bound, freedom, size * middle**2))
        low, high = (low, middle) if seen >= power else (middle, high)
    return high


def limit_of_draws(columns: int, alpha: float, draws: int) -> int:
    """Return the draws after which the smallest possible p-value is well below alpha / columns."""
    return max(draws, ceil(DRAWS_PER_LEVEL * columns / alpha))


def seed_of(seed: int, name: str) -> tuple[int, int]:
    """Return the seed of one column: neither its position nor its neighbours matter."""
    return seed, zlib.crc32(name.encode())


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values: the chance of any false alarm stays below alpha.

    It holds for columns that depend on each other in any way, which a profile of single columns
    cannot know, and is never weaker than Bonferroni's division (Holm 1979).
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [1.0] * len(p_values)
    floor = 0.0
    for rank, index in enumerate(order):
        floor = max(floor, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = floor
    return adjusted
