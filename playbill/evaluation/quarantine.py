"""Does a batch of labels fit what the others say of like predictions?

Compared are means over rows of which the model's own probabilities expect zero (see `signs`), so
that a batch of hard cases is no worse than one of easy ones; and a model that has become wrong is
wrong in every batch: labels that are held back are those that disagree with the other labels, not
with the model. A batch that stands alone is compared with that zero, for there is nothing else.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from playbill.config.decision import Feedback

SIGNS = 2  # what is compared of each row
TINY = 1e-9
Compared = Literal["the other batches", "the model's calibration", "nothing"]


@dataclass(frozen=True)
class Finding:
    """What was found of a batch.

    Attributes:
        rows: Labels that it has.
        difference: Mean of the sign that differs most, less that of what it was compared with.
        score: By how many standard errors it is more than is allowed.
        compared: What it was compared with.
        believed: Whether it may be used.
        reason: Why not; empty if it may.
    """

    rows: int
    difference: float | None
    score: float | None
    compared: Compared
    believed: bool
    reason: str = ""


def signs(
    truth: "NDArray[np.float64]", predicted: "NDArray[np.float64]", *, calibrated: bool
) -> "NDArray[np.float64]":
    """Return what is compared, a row each: float64 of shape (rows, 2).

    With a truth t (did it happen?) and its probability p: t - p, which shows a class that is
    claimed too often, and (t - p)(1 - 2p), the Brier score less what p expects of it, which shows
    labels that were exchanged. Of a number: t - p and |t - p|, both in standard deviations.

    Args:
        truth: 1.0 or 0.0, or the number that was predicted; shape (rows,).
        predicted: Its probability, or the predicted number; shape (rows,).
        calibrated: Whether they are probabilities.
    """
    residual = truth - predicted
    second = residual * (1 - 2 * predicted) if calibrated else np.abs(residual)
    return np.column_stack([residual, second])


def examine(
    residuals: "Mapping[str, NDArray[np.float64]]", policy: "Feedback", *, calibrated: bool
) -> dict[str, Finding]:
    """Return what is found of each batch.

    A one-sided z-test of "the difference is at most `difference`", Bonferroni over the batches
    and signs, so that with the chance `1 - alpha` no batch that differs by less is held back. The
    batch that differs most is held back first, and the others are compared without it; of two that
    differ from each other alone, the one that the model's calibration speaks against.

    Args:
        residuals: What `signs` gives, by batch.
        policy: evaluation.feedback.
        calibrated: Whether they are expected to be zero on average if the model is right.
    """
    tested = {n: each for n, each in residuals.items() if len(each) >= policy.minimum_rows}
    level = policy.alpha / max(1, SIGNS * len(tested))
    small = {n: each for n, each in residuals.items() if n not in tested}
    found = {
        n: Finding(len(each), None, None, "nothing", believed=True) for n, each in small.items()
    }
    while tested:
        pool = {**tested, **small}
        now = {n: _finding(n, pool, policy, level, calibrated=calibrated) for n in tested}
        worst = max(now, key=lambda n: _order(now[n], tested[n]))
        if now[worst].believed:
            return {n: (found | now)[n] for n in residuals}
        found[worst] = now[worst]
        del tested[worst]
    return {n: found[n] for n in residuals}


def _order(finding: Finding, values: "NDArray[np.float64]") -> tuple[float, float]:
    score = -1e9 if finding.score is None else round(finding.score, 6)
    return score, float(np.abs(values.mean(axis=0)).max())


def _finding(
    name: str,
    pool: "Mapping[str, NDArray[np.float64]]",
    policy: "Feedback",
    level: float,
    *,
    calibrated: bool,
) -> Finding:
    """Return what is found of a batch beside the others of the pool, by its worse sign."""
    own = pool[name]
    rest = np.concatenate([np.empty((0, SIGNS)), *(v for n, v in pool.items() if n != name)])
    compared: Compared = "the other batches"
    if len(rest) < policy.minimum_rows:
        if not calibrated:
            return Finding(len(own), None, None, "nothing", believed=True)
        compared, rest = "the model's calibration", np.zeros((0, SIGNS))
    middle = rest.mean(axis=0) if len(rest) else np.zeros(SIGNS)
    spread = own.var(axis=0, ddof=1) / len(own)
    spread += rest.var(axis=0, ddof=1) / len(rest) if len(rest) else 0.0
    differences = own.mean(axis=0) - middle
    # Labels that do not vary at all have no spread; a difference is then beyond any doubt.
    scores = (np.abs(differences) - policy.difference) / np.maximum(np.sqrt(spread), TINY)
    worse = int(scores.argmax())
    score, difference = float(scores[worse]), float(differences[worse])
    believed = 1 - NormalDist().cdf(score) >= level
    allowed = f"of which {policy.difference:g} is allowed"
    reason = "" if believed else f"it differs by {difference:+.3f} from {compared}, {allowed}"
    return Finding(len(own), difference, score, compared, believed, reason)
