"""An ensemble of small trees as bit masks over the raw columns; see runtime/trees.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.bundle.compiler.fold import breaks_of, joined, samples
from playbill.errors import UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.bundle.compiler.ensemble import Ensemble, Tree
    from playbill.bundle.compiler.feature import Feature
    from playbill.bundle.compiler.writer import Writer

    Floats = NDArray[np.float64]

WORDS: Sequence[tuple[int, Any]] = (
    (8, np.uint8),
    (16, np.uint16),
    (32, np.uint32),
    (64, np.uint64),
)
# The largest numbers of single precision; what is rounded beyond them becomes infinite.
SINGLE = np.array([-np.inf, np.finfo(np.float32).max], dtype=np.float64)
LARGEST_TABLE = 2**27  # bytes; beyond it a walk is the smaller and the faster


@dataclass(frozen=True)
class _Column:
    """A raw column: for each of its codes the value of each feature made from it."""

    source: int
    breaks: "Floats"
    values: "dict[int, Floats]"
    bad: "NDArray[np.bool_]"


def write_masks(ensemble: "Ensemble", words: int, writer: "Writer") -> dict[str, Any]:
    """Return the description of the masks, their arrays put into `writer`.

    Args:
        ensemble: The trees.
        words: How many words each text column's domain has.
        writer: Where the arrays go.

    Raises:
        UnsupportedError: A tree has too many leaves, a feature cannot be folded, or the table
            would be too large.
    """
    leaves = [np.flatnonzero(tree.feature < 0) for tree in ensemble.trees]
    widest = max(len(each) for each in leaves)
    word = next((kind for size, kind in WORDS if widest <= size), None)
    if word is None:
        raise UnsupportedError(f"masks for {widest} leaves of a tree")
    every = [
        (_column(source, thresholds, ensemble, words), thresholds)
        for source, thresholds in sorted(asked(ensemble).items())
    ]
    columns = [
        column for column, thresholds in every
        if column.bad.any() or any(len(each) for each in thresholds.values())
    ]  # fmt: skip
    codes = sum(len(column.bad) for column in columns)
    if codes * len(ensemble.trees) * np.dtype(word).itemsize > LARGEST_TABLE:
        raise UnsupportedError(f"a table of masks for {codes} intervals")
    table = np.full((codes, len(ensemble.trees)), np.iinfo(word).max, dtype=word)
    values = np.zeros((len(ensemble.trees), widest, ensemble.trees[0].value.shape[1]))
    starts = np.cumsum([0, *(len(column.bad) for column in columns)])
    for place, tree in enumerate(ensemble.trees):
        order = _fill_masks(tree, table[:, place], columns, starts)
        values[place, : len(order)] = tree.value[order]
    sources = [
        {
            "column": column.source,
            "start": int(start),
            "breaks": writer.put("breaks", column.breaks),
            "size": len(column.bad),
            "bad": np.flatnonzero(column.bad).tolist(),
        }
        for column, start in zip(columns, starts[:-1], strict=True)
    ]
    return {
        "kind": "masks",
        "sources": sources,
        "table": writer.put("table", table, word),
        "leaves": writer.put("leaves", values),
        "total": write_total(ensemble, writer),
    }


def write_total(ensemble: "Ensemble", writer: "Writer") -> dict[str, Any]:
    """Return the description of what happens to the leaves."""
    base = writer.put("base", ensemble.base)
    return {"base": base, "divisor": ensemble.divisor, "link": ensemble.link}


def asked(ensemble: "Ensemble") -> "dict[int, dict[int, Floats]]":
    """Return the thresholds of each feature, by the raw column that the feature is made from."""
    feature = np.concatenate([tree.feature for tree in ensemble.trees])
    threshold = np.concatenate([tree.threshold for tree in ensemble.trees])
    found: dict[int, dict[int, Floats]] = {}
    for place, each in enumerate(ensemble.features):
        thresholds = np.unique(threshold[feature == place])
        found.setdefault(each.source, {})[place] = thresholds
    return found


def _column(source: int, asked: "dict[int, Floats]", ensemble: "Ensemble", words: int) -> _Column:
    mine = {place: ensemble.features[place] for place in asked}
    if next(iter(mine.values())).text:
        for each in mine.values():
            if not each.numeric or each.values is None:
                raise UnsupportedError("a text column that no transformer made a number of")
        breaks = np.empty(0)
        values = {place: np.asarray(each.values, dtype=np.float64) for place, each in mine.items()}
        bad = np.zeros(words, dtype=bool)
        for each in mine.values():
            bad |= each.bad if each.bad is not None else False
    else:
        breaks = joined([_breaks(each, asked[place], ensemble) for place, each in mine.items()])
        raw = samples(breaks)
        values = {place: each.evaluate(raw) for place, each in mine.items()}
        bad = np.zeros(len(raw), dtype=bool)
        for each in mine.values():
            bad |= each.refuses(raw)
    for numbers in values.values():
        bad |= np.isnan(numbers) & (not ensemble.takes_missing)
        bad |= np.isinf(numbers) & ensemble.single
    return _Column(source, breaks, values, bad)


def _breaks(feature: "Feature", thresholds: "Floats", ensemble: "Ensemble") -> "Floats":
    limits = SINGLE if ensemble.single and feature.turn is None else np.empty(0)
    return breaks_of(feature, np.concatenate([thresholds, limits]))


def _fill_masks(
    tree: "Tree", masks: "NDArray[Any]", columns: Sequence[_Column], starts: "NDArray[Any]"
) -> list[int]:
    """Clear in each code's mask the leaves that it excludes; return the leaves from left to right.

    Only a value that goes right clears anything: the leaves on the left. Of those that are left
    over, the leftmost is the one that the row reaches.
    """
    order, spans = _leaf_spans(tree)
    place = {feature: (column, start) for column, start in zip(columns, starts, strict=False)
             for feature in column.values}  # fmt: skip
    for node in np.flatnonzero(tree.feature >= 0).tolist():
        column, start = place[int(tree.feature[node])]
        goes_left = tree.goes_left(node, column.values[int(tree.feature[node])])
        first, last = spans[int(tree.left[node])]
        cleared = masks.dtype.type(~(((1 << (last - first)) - 1) << first) & _ones(masks))
        span = masks[start : start + len(goes_left)]
        span[~goes_left] &= cleared
    return order


def _ones(masks: "NDArray[Any]") -> int:
    return int(np.iinfo(masks.dtype).max)


def _leaf_spans(tree: "Tree") -> tuple[list[int], dict[int, tuple[int, int]]]:
    """Return the leaves from left to right, and which of them lie under each node."""
    order: list[int] = []
    spans: dict[int, tuple[int, int]] = {}
    starts: dict[int, int] = {}
    waiting = [0]
    while waiting:
        node = waiting[-1]
        if tree.feature[node] < 0:
            spans[node] = (len(order), len(order) + 1)
            order.append(node)
            waiting.pop()
        elif node not in starts:
            starts[node] = len(order)
            waiting.append(int(tree.left[node]))
        elif int(tree.right[node]) not in spans:
            waiting.append(int(tree.right[node]))
        else:
            spans[node] = (starts[node], len(order))
            waiting.pop()
    return order, spans
