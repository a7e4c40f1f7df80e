"""Direct loss estimation: what a regressor or a model of many classes loses, before its truth.

A second model learns on the hold-out how large the loss of a row is, and says what it is on new
rows. It is additive over the profile's bins, so its mean over any rows follows from their counts
alone: it lies in the profile as a few hundred numbers, needs no row, and adds up over batches.

What it can see is that rows moved to where the model was worse on the hold-out. Limits: where two
columns together make rows hard no sum shows it; a place that the hold-out lacks counts as an
average one; and that inputs change their meaning only the truth can tell.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.config.metric import LOWER_IS_BETTER
from playbill.drift import bins
from playbill.drift.performance import Estimate
from playbill.drift.profile import SCORE

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

PENALTY = 30.0  # rows of average loss that every bin gets besides its own (ridge)
GROUPS = 10  # parts of the hold-out, each left out once (jackknife)
DIGITS = 6
# Student's t with GROUPS - 1 degrees of freedom, 95 %: the spread is known from 10 parts.
WIDTH = 2.262
SMALLEST = 40  # rows of a hold-out that is worth a second model
MEANS = {"mae": "mae", "rmse": "mse", "accuracy": "error", "log_loss": "log_loss"}


def losses_of_values(answers: "NDArray[np.float64]", truth: "NDArray[np.float64]") -> Any:
    """Return the losses of a regressor's rows by name, each float64 of shape (rows,)."""
    gap = np.asarray(answers, dtype=np.float64) - truth
    return {"mae": np.abs(gap), "mse": gap**2}


def losses_of_classes(chances: "NDArray[np.float64]", truth: "NDArray[np.int64]") -> Any:
    """Return the losses of a classifier's rows by name, each float64 of shape (rows,).

    Args:
        chances: Probability of each class, float64 of shape (rows, classes).
        truth: Place of the true class, int64 of shape (rows,).
    """
    given = np.take_along_axis(chances, truth[:, None], axis=1)[:, 0]
    floor = np.finfo(np.float64).eps
    return {
        "error": (chances.argmax(axis=1) != truth).astype(np.float64),
        "log_loss": -np.log(np.clip(given, floor, 1.0)),
    }


def profile_direct(
    profile: Mapping[str, Any],
    frame: "pd.DataFrame",
    scores: "NDArray[np.float64]",
    losses: Mapping[str, "NDArray[np.float64]"],
) -> dict[str, Any] | None:
    """Return the second model of each loss, fitted on the hold-out; None if that is too small.

    Ridge regression of the loss on the rows' bins, those of the answer among them. The idea is that
    of direct loss estimation in NannyML's documentation; the additive form is ours. Uncertainty:
    delete-a-group jackknife (P. Kott, Journal of Official Statistics 17, 2001) with groups of
    neighbouring rows, which a hold-out in the order of time needs.

    Args:
        profile: What `build_profile` returned, scores included.
        frame: The hold-out's inputs, in the order of time if it has one.
        scores: Of the same rows, one number each, float64 of shape (rows,).
        losses: By name, of the same rows.
    """
    import pandas as pd

    if len(frame) < SMALLEST:
        return None
    names = [name for name in profile["columns"] if name in frame]
    places = {name: bins.place(frame[name], profile["columns"][name]) for name in names}
    sizes = [bins.size(profile["columns"][name]) for name in names]
    if section := profile.get("score"):
        names.append(SCORE)
        places[SCORE] = bins.place(pd.Series(scores, name=SCORE), section)
        sizes.append(bins.size(section))
    offsets = np.cumsum([0, *sizes])
    design = np.zeros((len(frame), offsets[-1]), dtype=np.float64)
    for name, start in zip(names, offsets[:-1], strict=True):
        design[np.arange(len(frame)), start + places[name]] = 1.0
    parts = np.arange(len(frame)) * GROUPS // len(frame)
    fitted = [_fit(design[keep], losses, keep) for keep in _kept(parts)]
    return {
        "columns": names,
        "rows": len(frame),
        "shares": [_rounded(one["shares"]) for one in fitted],
        "losses": {
            name: {
                "mean": [float(one["mean"][name]) for one in fitted],
                "weights": [_rounded(one["weights"][name]) for one in fitted],
                "variance": float(np.var(losses[name])),
            }
            for name in losses
        },
    }


def _kept(parts: "NDArray[np.int64]") -> list["NDArray[np.bool_]"]:
    """Return all rows first, then all but each part."""
    return [parts >= 0, *(parts != group for group in range(GROUPS))]


def _fit(
    design: "NDArray[np.float64]",
    losses: Mapping[str, "NDArray[np.float64]"],
    keep: "NDArray[np.bool_]",
) -> dict[str, Any]:
    """Return the shares of the bins and, by loss, its mean and a weight for each bin."""
    shares = design.mean(axis=0)
    # A column's weights are a deviation from the mean, so the intercept needs no penalty.
    gram = design.T @ design - len(design) * np.outer(shares, shares)
    gram[np.diag_indices_from(gram)] += PENALTY
    means = {name: float(each[keep].mean()) for name, each in losses.items()}
    weights = {
        name: np.linalg.solve(gram, design.T @ (each[keep] - means[name]))
        for name, each in losses.items()
    }
    return {"shares": shares, "mean": means, "weights": weights}


def _rounded(values: "NDArray[np.float64]") -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]


def estimate_direct(
    section: Mapping[str, Any],
    counts: Mapping[str, "NDArray[np.int64]"],
) -> tuple[Estimate, ...]:
    """Estimate the mean losses of new rows from the counts of their bins.

    Args:
        section: What `profile_direct` returned.
        counts: New rows by bin of each column and of the score, int64 of shape (bins,).
    """
    if any(name not in counts for name in section["columns"]):
        return ()
    rows = max(int(next(iter(counts.values())).sum()), 1)
    shares = np.concatenate([counts[name] for name in section["columns"]]) / rows
    found = []
    for measure, loss in MEANS.items():
        if loss not in section["losses"]:
            continue
        known = section["losses"][loss]
        apart = shares - np.asarray(section["shares"])
        moved = (apart * np.asarray(known["weights"])).sum(axis=1)
        before = np.asarray(known["mean"])
        found.append(
            _estimate(
                measure,
                before,
                np.maximum(before + moved, 0.0),
                (known["variance"] / rows, known["variance"] / section["rows"]),
            )
        )
    return tuple(found)


def _estimate(
    measure: str,
    before: "NDArray[np.float64]",
    after: "NDArray[np.float64]",
    sampling: tuple[float, float],
) -> Estimate:
    """Return a measure; the first of `before` and `after` is of all rows, the rest the jackknife.

    Args:
        measure: Its name, which says how it follows from a mean loss.
        before: Mean losses of the hold-out, float64 of shape (1 + groups,).
        after: Of the new rows, likewise.
        sampling: Variance of the mean loss of as many new rows and of the hold-out's.
    """
    sides = [_measured(measure, side) for side in (before, after)]
    sign = 1.0 if measure in LOWER_IS_BETTER else -1.0
    slope = _slope(measure, float(after[0]))
    noise = slope**2 * sampling[0]
    value, loss = float(sides[1][0]), sign * (sides[1] - sides[0])
    wide = WIDTH * (_jackknife(sides[1]) + noise) ** 0.5
    wide_loss = WIDTH * (_jackknife(loss) + noise) ** 0.5
    return Estimate(
        measure=measure,
        reference=float(sides[0][0]),
        value=value,
        low=max(value - wide, 0.0),
        high=value + wide,
        loss=float(loss[0]),
        loss_low=float(loss[0]) - wide_loss,
        loss_high=float(loss[0]) + wide_loss,
    )


def _measured(measure: str, mean: "NDArray[np.float64]") -> "NDArray[np.float64]":
    if measure == "rmse":
        return np.sqrt(mean)
    return np.asarray(1.0 - mean if measure == "accuracy" else mean)


def _slope(measure: str, mean: float) -> float:
    """Return how much the measure moves with its mean loss."""
    return 0.5 / max(mean, 1e-12) ** 0.5 if measure == "rmse" else 1.0


def _jackknife(values: "NDArray[np.float64]") -> float:
    parts = values[1:]
    return float((GROUPS - 1) / GROUPS * ((parts - parts.mean()) ** 2).sum())
