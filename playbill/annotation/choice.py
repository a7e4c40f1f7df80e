"""Chooses rows that are worth a label: by chance, by doubt, by how unlike the reference they are.

Rows that were drawn by chance come first, of all rows, so that they stay a simple random sample:
what is estimated from them is not biased by the others (active learning picks hard rows on purpose,
B. Settles, *Active Learning Literature Survey*, 2009, section 2: uncertainty sampling by margin).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from playbill.config.labelling import Annotation

Why = Literal["random", "drifted", "uncertain"]


@dataclass(frozen=True)
class Chosen:
    """A row to label.

    Attributes:
        row: Its number.
        why: What it was chosen for.
    """

    row: int
    why: Why


def choose(
    doubt: "NDArray[np.float64] | None",
    strangeness: "NDArray[np.float64] | None",
    rows: int,
    policy: "Annotation",
) -> list[Chosen]:
    """Return the rows to label, those drawn by chance first.

    Args:
        doubt: How uncertain the model is, float64 of shape (rows,), larger is more; None where it
            does not say (regression).
        strangeness: How much commoner a row's values are now, float64 of shape (rows,); None
            without a reference.
        rows: How many there are.
        policy: How many to choose, the shares, and the seed.
    """
    wanted = min(policy.rows, rows)
    order = np.random.default_rng(policy.seed).permutation(rows)
    shares = _counts(wanted, policy, doubt is not None, strangeness is not None)
    found = [Chosen(int(row), "random") for row in order[: shares["random"]]]
    taken = {each.row for each in found}
    ranked: Sequence[tuple[Why, NDArray[np.float64] | None]] = (
        ("drifted", strangeness),
        ("uncertain", doubt),
    )
    for why, measure in ranked:
        if measure is None:
            continue
        # Equal ones in the order of the draw, not of the log.
        by_worth = order[np.argsort(-measure[order], kind="stable")]
        best = [int(row) for row in by_worth if int(row) not in taken][: shares[why]]
        found += [Chosen(row, why) for row in best]
        taken |= set(best)
    return found


def doubts(
    task: str, probabilities: "NDArray[np.float64] | None", threshold: float
) -> "NDArray[np.float64] | None":
    """Return how uncertain each answer is, larger is more; None of a regression.

    Args:
        task: The contract's.
        probabilities: binary: of the positive class; multiclass: of the class that was answered;
            float64 of shape (rows,).
        threshold: Probability from which on a row is positive.
    """
    if task == "regression" or probabilities is None:
        return None
    return -np.abs(probabilities - threshold) if task == "binary" else 1.0 - probabilities


def _counts(wanted: int, policy: "Annotation", has_doubt: bool, has_drift: bool) -> dict[Why, int]:  # noqa: FBT001
    drifted = round(wanted * policy.drifted) if has_drift else 0
    random = round(wanted * policy.random)
    drifted = min(drifted, wanted - random)
    uncertain = wanted - random - drifted
    if not has_doubt:  # nothing says where the model doubts: chance takes its place
        random, uncertain = random + uncertain, 0
    return {"random": random, "drifted": drifted, "uncertain": uncertain}
