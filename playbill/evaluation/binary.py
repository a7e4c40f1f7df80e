"""Metrics of a binary task: of the probability of the positive class, and of the label from it."""

from typing import TYPE_CHECKING

import numpy as np

from playbill.evaluation.bootstrap import Drawn, Ranked, Statistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.evaluation.scored import Scored

CALIBRATION_BINS = 10
# What is added up over the rows, in this order; then each row's gap in its calibration bin.
SUMS = ("rows", "positive", "predicted", "hits", "right", "probability", "square", "loss")


def binary(scored: "Scored") -> Statistic:
    """Return the metrics of a binary scored.

    Precision, recall and F1 are 0 where their divisor is; the AUC of one class is NaN.
    """
    positive, scores = scored.truth == 1, scored.scores
    label = scores >= scored.threshold
    columns = [
        np.ones(len(scored)),
        positive,
        label,
        label & positive,
        label == positive,
        scores,
        np.square(scores - positive),
        scored.losses(),
    ]
    bins = bin_of(scores, CALIBRATION_BINS)[:, None] == np.arange(CALIBRATION_BINS)
    gaps = np.where(bins, (scores - positive)[:, None], 0.0)
    return Statistic(
        sums=np.column_stack([*columns, gaps]).astype(np.float64),
        combine=_combine,
        ranked={
            "roc_auc": Area(positive, scores),
            "average_precision": AveragePrecision(positive, scores),
        },
    )


def bin_of(scores: "NDArray[np.float64]", bins: int) -> "NDArray[np.int64]":
    """Return each probability's bin among bins of equal width; 1 is in the last one."""
    return np.clip((scores * bins).astype(np.int64), 0, bins - 1)


def _combine(totals: "NDArray[np.float64]") -> Drawn:
    total = dict(zip(SUMS, totals, strict=False))
    rows, hits = np.maximum(total["rows"], 1e-300), total["hits"]
    precision = hits / np.maximum(total["predicted"], 1)
    recall = hits / np.maximum(total["positive"], 1)
    both = precision + recall
    negative, quiet = rows - total["positive"], rows - total["predicted"]
    right_negative = total["right"] - hits
    missed = total["positive"] - hits
    spread = total["predicted"] * total["positive"] * quiet * negative
    agreed = hits * right_negative - (total["predicted"] - hits) * missed
    recalls = recall * (total["positive"] > 0) + right_negative / np.maximum(negative, 1)
    sides = (total["positive"] > 0) * 1 + (negative > 0)
    return {
        "positive_share": total["positive"] / rows,
        "predicted_positive_share": total["predicted"] / rows,
        "mean_probability": total["probability"] / rows,
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / np.where(both > 0, both, 1),
        "accuracy": total["right"] / rows,
        "balanced_accuracy": recalls / np.maximum(sides, 1),
        "matthews_corrcoef": agreed / np.sqrt(np.where(spread > 0, spread, np.inf)),
        "brier": total["square"] / rows,
        "log_loss": total["loss"] / rows,
        "calibration_error": np.abs(totals[len(SUMS) :]).sum(axis=0) / rows,
    }


class Area:
    """The area under the ROC curve: the chance that a positive row scores above a negative one.

    Rows count by weight, equal scores count half (Mann and Whitney 1947).
    """

    def __init__(self, positive: "NDArray[np.bool_]", scores: "NDArray[np.float64]") -> None:
        order = np.argsort(scores, kind="stable")
        self.positive, self.negative = order[positive[order]], order[~positive[order]]
        below, above = scores[self.negative], scores[self.positive]
        # Among the negatives in order: how many lie under each positive, and under or beside it.
        self.under = np.searchsorted(below, above, side="left")
        self.beside = np.searchsorted(below, above, side="right")

    def __call__(self, counts: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Return the area for counts (n, b); NaN where only one class was drawn."""
        won, stake = self._won(counts), counts[self.positive]
        wins = np.einsum("ib,ib->b", stake, won[self.under])
        wins += np.einsum("ib,ib->b", stake, won[self.beside])
        return _share(wins, stake.sum(axis=0) * won[-1])

    def by_block(self, blocks: "NDArray[np.int64]", size: int) -> Ranked:
        """Return the same for counts of `size` blocks (size, b): wins are added up once.

        The wins are a bilinear form of the counts, so a matrix of blocks by blocks is enough.
        """
        won = self._won((blocks[:, None] == np.arange(size)).astype(np.float64))
        each = won[self.under] + won[self.beside]
        home = blocks[self.positive]
        wins = np.stack([np.bincount(home, weights=row, minlength=size) for row in each.T], axis=1)
        positive = np.bincount(home, minlength=size).astype(np.float64)
        negative = np.bincount(blocks[self.negative], minlength=size).astype(np.float64)

        def rank(counts: "NDArray[np.float64]") -> "NDArray[np.float64]":
            total = np.einsum("g,gb->b", positive, counts) * np.einsum("g,gb->b", negative, counts)
            return _share(
                np.einsum("gb,gb->b", counts, np.einsum("gh,hb->gb", wins, counts)), total
            )

        return rank

    def _won(self, counts: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Return the weight of the first 0, 1, 2... negatives, (negatives + 1, b)."""
        won = np.zeros((len(self.negative) + 1, counts.shape[1]))
        np.cumsum(counts[self.negative], axis=0, out=won[1:])
        return won


def _share(wins: "NDArray[np.float64]", total: "NDArray[np.float64]") -> "NDArray[np.float64]":
    return np.where(total > 0, wins / np.where(total > 0, 2 * total, 1), np.nan)


class AveragePrecision:
    """The mean of the precision over the recall's steps, as scikit-learn's average precision."""

    def __init__(self, positive: "NDArray[np.bool_]", scores: "NDArray[np.float64]") -> None:
        self.order = np.argsort(-scores, kind="stable")
        ranked = scores[self.order]
        self.positive = positive[self.order]
        # The last row of each run of equal scores: a threshold takes all of a run or none.
        self.last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)[: len(ranked)]

    def __call__(self, counts: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Return the average precision for counts (n, b); NaN where no positive was drawn."""
        drawn = counts[self.order]
        alarms = np.cumsum(drawn, axis=0)[self.last]
        drawn[~self.positive] = 0
        hits = np.cumsum(drawn, axis=0)[self.last]
        step = np.diff(hits, axis=0, prepend=0)
        area = (step * hits / np.maximum(alarms, 1e-300)).sum(axis=0)
        total = hits[-1] if len(hits) else np.zeros(counts.shape[1])
        return np.where(total > 0, area / np.where(total > 0, total, 1), np.nan)
