"""What a classifier really got on new rows, once their truth is known: no estimate, a comparison.

Moved inputs are not needed for a loss: when the same scores stop to mean what they meant (concept
drift), only the truth can show it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.drift.comparison import CHUNK_CELLS, draw_null, limit_of_draws, seed_of
from playbill.drift.performance import (
    DRAWS,
    MEASURES,
    Estimate,
    FineBins,
    as_estimate,
    fine_bins,
    measures,
)
from playbill.drift.sequential import Watched, watch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.config.schema import Drift

FEWEST = 20  # labelled rows of each class that a measure takes
# What of the level goes to the hold-out's mean loss, which is known from finitely many rows.
BOUND_SHARE = 0.2
LABELLING = frozenset({"accuracy", "precision", "recall", "f1"})  # measures of labels, not scores


@dataclass(frozen=True)
class ConceptDrift:
    """Whether the same scores still mean the same."""

    drifted: bool
    """Never under `unit: period`: the test takes rows for independent."""
    effect: float
    """Mean change of the share of positives among rows of one score, sampling taken off."""
    p_value: float
    adjusted_p_value: float
    """After the division of the level among the families of the report."""


@dataclass(frozen=True)
class Labelled:
    """New rows whose truth is known, in the order of time.

    Attributes:
        scores: Predicted probabilities, float64 of shape (rows,).
        positive: The truth, bool of shape (rows,).
        period: Number of each row's period, int64 of shape (rows,); None where rows are compared.
    """

    scores: "NDArray[np.float64]"
    positive: "NDArray[np.bool_]"
    period: "NDArray[np.int64] | None"

    def enough(self) -> bool:
        """Say whether there are rows enough of both classes."""
        positives = int(self.positive.sum())
        return min(positives, len(self.positive) - positives) >= FEWEST


@dataclass(frozen=True)
class Realised:
    """What the truth of new rows says."""

    rows: int
    """New rows whose truth is known."""
    measures: tuple[Estimate, ...]
    """What each measure was on them, beside the hold-out, in the form of the estimates."""
    concept: ConceptDrift
    watched: Watched
    """A bet, label after label, that the loss grew."""


def look_back(
    section: Mapping[str, Any], found: Labelled, policy: "Drift", *, families: int
) -> Realised:
    """Return all that labelled rows say; see the functions below."""
    return Realised(
        rows=len(found.positive),
        measures=realised(section, found, seed=policy.seed),
        concept=concept_drift(section, found, policy, families=families),
        watched=watch_loss(section, found, policy),
    )


def knows_truth(section: Mapping[str, Any] | None) -> bool:
    """Say whether `performance` of a profile holds the hold-out's truth; older ones lack it."""
    return section is not None and "positives" in section["fine"] and "edges" in section


def realised(section: Mapping[str, Any], found: Labelled, *, seed: int) -> tuple[Estimate, ...]:
    """Return the measures on labelled rows beside those of the hold-out.

    The intervals are of the bootstrap (B. Efron, Annals of Statistics 7, 1979): both sides are
    drawn anew `DRAWS` times, as counts of positives and negatives by score.

    Args:
        section: What `profile_performance` returned.
        found: The labelled rows.
        seed: Seed of the draws.
    """
    new, known = fine_bins(found.scores, found.positive), section["fine"]
    sides = {
        "reference": FineBins(
            np.asarray(known["scores"], dtype=np.float64),
            np.asarray(known["rows"], dtype=np.int64),
            np.asarray(known["positives"], dtype=np.int64),
        ),
        "new": new,
    }
    rng, threshold = np.random.default_rng(seed), float(section["threshold"])
    exact, drawn = {}, {}
    for side, one in sides.items():
        exact[side] = measures(one.scores, one.positives[None], one.rows, threshold)
        cells = np.concatenate([one.positives, one.rows - one.positives])
        again = rng.multinomial(int(one.rows.sum()), cells / one.rows.sum(), size=DRAWS)
        hits, strays = again[:, : len(one.rows)], again[:, len(one.rows) :]
        drawn[side] = measures(one.scores, hits, hits + strays, threshold)
    return tuple(
        as_estimate(
            name,
            {side: float(exact[side][name][0]) for side in sides},
            {side: drawn[side][name] for side in sides},
        )
        for name in MEASURES
    )


def concept_drift(
    section: Mapping[str, Any], found: Labelled, policy: "Drift", *, families: int
) -> ConceptDrift:
    """Test whether rows of the same score are positive as often as they were on the hold-out.

    The statistic is the sum of Pearson's chi-squares of truth against side over the bins of the
    reliability curve. If nothing changed, the positives of a bin fall on the new rows as any deal
    of them would, so that the null is drawn from hypergeometric laws, bin by bin (the exact test of
    conditional independence; A. Agresti, *Categorical Data Analysis*, section 6.7).

    Args:
        section: What `profile_performance` returned.
        found: The labelled rows.
        policy: Level, minimum effect, draws and seed.
        families: How many families of tests share the level, this one included.
    """
    edges = np.asarray(section["edges"], dtype=np.float64)
    place = np.searchsorted(edges, found.scores, side="left")
    before = np.asarray([section["rows"], section["positives"]], dtype=np.int64)
    new = np.bincount(place, minlength=before.shape[1])
    hits = np.bincount(place[found.positive], minlength=before.shape[1])
    used = (new > 0) & (before[0] > 0)
    rows, good = before[:, used], new[used]
    observed = hits[used]
    pooled, truths = rows[0] + good, rows[1] + observed
    statistic, effect = _apart(observed[None], good, pooled, truths)
    rng = np.random.default_rng(list(seed_of(policy.seed, "(truth)")))
    null = draw_null(
        lambda size: _apart(
            rng.hypergeometric(truths, pooled - truths, good, size=(size, good.size)),
            good,
            pooled,
            truths,
        ),
        float(statistic[0]),
        [policy.draws, limit_of_draws(families, policy.alpha, policy.draws)],
        at_once=max(1, CHUNK_CELLS // good.size),
    )
    beyond = max(float(effect[0]) ** 2 - null.sampling, 0.0) ** 0.5
    adjusted = min(1.0, families * null.p_value)
    drifted = adjusted <= policy.alpha and beyond >= policy.minimum_effect
    return ConceptDrift(drifted and policy.unit == "row", beyond, null.p_value, adjusted)


def _apart(
    hits: "NDArray[np.int64]",
    rows: "NDArray[np.int64]",
    pooled: "NDArray[np.int64]",
    truths: "NDArray[np.int64]",
) -> tuple["NDArray[np.float64]", "NDArray[np.float64]"]:
    """Return the summed chi-square and the mean change of the share of positives, shape (tables,).

    Args:
        hits: Positive new rows by bin, shape (tables, bins).
        rows: New rows by bin.
        pooled: Rows of both sides by bin.
        truths: Positive rows of both sides by bin.
    """
    share, before = truths / pooled, pooled - rows
    excess = hits - rows * share
    spread = rows * before / pooled * share * (1 - share)
    chi = np.divide(excess**2, spread, out=np.zeros(excess.shape), where=spread > 0)
    change = np.abs(excess) * pooled / (rows * before)
    return chi.sum(axis=1), (change * (rows / rows.sum())).sum(axis=1)


def watch_loss(section: Mapping[str, Any], found: Labelled, policy: "Drift") -> Watched:
    """Bet that the loss grew, row by row or, where time ties rows together, period by period.

    The loss of a row is its squared error (its part of the Brier score), or whether its label is
    wrong where `drift.measure` is one of labels. The bound is the upper limit of the hold-out's
    mean loss, at a fifth of alpha; the bets have the rest.

    Args:
        section: What `profile_performance` returned.
        found: The labelled rows.
        policy: Level and measure.
    """
    from scipy.special import ndtri

    threshold = float(section["threshold"]) if policy.measure in LABELLING else None
    known = section["fine"]
    level = np.asarray(known["scores"], dtype=np.float64)
    counts, hits = (np.asarray(known[key], dtype=np.float64) for key in ("rows", "positives"))
    nothing = np.zeros(len(level), dtype=np.bool_)
    bad, good = _loss(level, nothing, threshold), _loss(level, ~nothing, threshold)
    rows = counts.sum()
    mean = float(((counts - hits) * bad + hits * good).sum() / rows)
    square = float(((counts - hits) * bad**2 + hits * good**2).sum() / rows)
    error = (max(square - mean**2, 0.0) / rows) ** 0.5
    alpha = policy.alpha / policy.checks
    bound = mean + float(ndtri(1 - BOUND_SHARE * alpha)) * error
    losses = _loss(found.scores, found.positive, threshold)
    if found.period is not None:
        _, place = np.unique(found.period, return_inverse=True)
        losses = np.bincount(place, weights=losses) / np.bincount(place)
    return watch(losses, bound, alpha=(1 - BOUND_SHARE) * alpha)


def _loss(
    scores: "NDArray[np.float64]", positive: "NDArray[np.bool_]", threshold: float | None
) -> "NDArray[np.float64]":
    """Return the loss of each row, from 0 to 1; of its label where a threshold is given."""
    if threshold is not None:
        return np.asarray((scores >= threshold) != positive, dtype=np.float64)
    return np.asarray((positive - scores) ** 2, dtype=np.float64)
