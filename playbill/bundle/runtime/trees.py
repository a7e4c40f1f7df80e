"""Ensembles of decision trees in NumPy: bit masks for small trees, a walk for large ones.

Both add the leaves in scikit-learn's order, one after the other, so the sums are equal to the bit.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.bundle.runtime.cells import refused, seconds, unanswered
from playbill.bundle.runtime.link import LINKS, SCALAR_LINKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CATEGORIES = 256  # of one column, at most: scikit-learn keeps them in a byte
CHUNK = 256  # rows whose masks stay in the processor's cache


@dataclass(frozen=True)
class Sum:
    """What happens to the leaves that a row reached.

    Attributes:
        base: Where the sum starts, shape (outputs,).
        divisor: By what it is divided in the end; 0 for not at all.
        link: Name of the function from the sum to the prediction.
    """

    base: "Floats"
    divisor: int
    link: str

    def single(self, leaves: "Floats") -> "Floats":
        """Return predictions, shape (n, 1), from leaves of shape (n, trees), which are used up."""
        leaves[:, :1] += self.base
        total = np.add.accumulate(leaves, axis=1)[:, -1:]
        return LINKS[self.link](total / self.divisor if self.divisor else total)

    def batch(self, leaves: "Floats") -> "Floats":
        """Return predictions, shape (n, outputs), from leaves of shape (n, trees, outputs)."""
        first = np.broadcast_to(self.base, (leaves.shape[0], 1, leaves.shape[2]))
        # `accumulate` adds in order; `sum` would add pairwise and round otherwise.
        total = np.add.accumulate(np.concatenate([first, leaves], axis=1), axis=1)[:, -1]
        return LINKS[self.link](total / self.divisor if self.divisor else total)


@dataclass(frozen=True)
class Source:
    """A raw column of a model of masks.

    Attributes:
        column: Its place among the contract's inputs.
        kind: The contract's kind.
        start: Code of its first interval or word in the table of masks.
        breaks: For numbers: intervals end with each of these, then comes the last; shape (b,).
        size: How many codes there are, the missing one (the last) included.
        bad: Codes, from 0, that the Pipeline refuses.
    """

    column: int
    kind: str
    start: int
    breaks: "Floats"
    size: int
    bad: frozenset[int]


class MaskedTrees:
    """Trees of at most 64 leaves, evaluated by bit masks.

    Each raw column's interval or word selects, in every tree, the leaves that are still possible;
    the columns' masks are joined by `and`, and the lowest bit left is the leaf: QuickScorer
    (Lucchese et al., SIGIR 2015), on raw columns instead of the Pipeline's features.

    Args:
        names: The contract's input columns, for errors.
        lookups: Codes by text for each text column, by its place.
        sources: The columns that a tree asks about.
        table: Masks, shape (codes, trees), unsigned.
        leaves: Values, shape (trees, leaves, outputs of a tree).
        total: What happens to the leaves.
    """

    def __init__(
        self,
        names: Sequence[str],
        lookups: dict[int, dict[Any, int]],
        sources: Sequence[Source],
        table: "NDArray[Any]",
        leaves: "Floats",
        total: Sum,
    ) -> None:
        self._names = names
        self._sources = sources
        self._table = table
        self._one = table.dtype.type(1)
        trees, stride, width = leaves.shape
        self._first = np.arange(trees, dtype=np.int64) * stride
        self._leaves = leaves.reshape(trees * stride, width)
        self._flat = np.ascontiguousarray(leaves).reshape(-1) if width == 1 else None
        self._total = total
        self._outputs = len(total.base)
        texts = [source for source in sources if source.kind == "text"]
        numbers = [source for source in sources if source.kind != "text"]
        self._in_row = [*texts, *numbers]
        self._texts = [_text_step(source, lookups[source.column]) for source in texts]
        self._numbers = [_number_step(source) for source in numbers]
        self._bad = frozenset(s.start + code for s in sources for code in s.bad)
        single = self._outputs == width == 1 and total.link in SCALAR_LINKS
        self._link: Callable[[float], float] | None = SCALAR_LINKS[total.link] if single else None
        self._base = float(total.base[0])

    def batch(self, columns: "Sequence[NDArray[Any]]") -> "Floats":
        """Return predictions, shape (n, outputs); see `Preparation.matrix` for the argument."""
        rows = len(columns[0]) if columns else 0
        codes = np.empty((len(self._sources), rows), dtype=np.int64)
        for place, source in enumerate(self._sources):
            codes[place] = self._codes(source, columns[source.column])
        parts = [self._chunk(codes[:, start : start + CHUNK]) for start in range(0, rows, CHUNK)]
        return np.concatenate(parts) if parts else np.empty((0, self._outputs))

    def row(self, values: Sequence[Any]) -> float | None:
        """Return the prediction of one row, None where it is not one number.

        Args:
            values: One value for each of the contract's inputs, as `predict` takes them.
        """
        if self._link is None or self._flat is None:
            return None
        codes = [get(values[column], unknown) for column, get, unknown in self._texts]
        for column, read, breaks, first, missing in self._numbers:
            value = values[column] if read is None else read(values[column])
            if value is None or value != value:  # noqa: PLR0124 - NaN
                codes.append(missing)
            else:
                codes.append(bisect_left(breaks, value) + first)
        if self._bad and not self._bad.isdisjoint(codes):
            self._refuse(codes)
        mask = np.bitwise_and.reduce(self._table.take(codes, axis=0), axis=0)
        places = np.bitwise_count(~mask & (mask - self._one)) + self._first
        leaves = self._flat.take(places)
        leaves[0] += self._base
        total = float(np.add.accumulate(leaves)[-1])
        return self._link(total / self._total.divisor if self._total.divisor else total)

    def _codes(self, source: Source, values: "NDArray[Any]") -> "NDArray[np.int64]":
        if source.kind == "text":
            codes = values
        else:
            codes = source.breaks.searchsorted(values)
            codes[np.isnan(values)] = source.size - 1
        for bad in source.bad:
            if (codes == bad).any():
                row = int((codes == bad).argmax())
                raise refused(self._names[source.column], row, "one that the model takes")
        return codes + source.start

    def _chunk(self, codes: "NDArray[np.int64]") -> "Floats":
        rows, table = codes.shape[1], self._table
        mask = np.full((rows, table.shape[1]), np.iinfo(table.dtype).max, dtype=table.dtype)
        each_mask = np.empty_like(mask)
        for each in codes:
            # "clip" writes straight into `out`; every code is within the table anyway.
            mask &= table.take(each, axis=0, out=each_mask, mode="clip")
        places = np.bitwise_count(~mask & (mask - self._one)) + self._first
        if self._flat is not None and self._outputs == 1:
            return self._total.single(self._flat.take(places))
        leaves = self._leaves.take(places, axis=0)
        return self._total.batch(leaves.reshape(rows, -1, self._outputs))

    def _refuse(self, codes: Sequence[int]) -> None:
        for source, code in zip(self._in_row, codes, strict=True):
            if code in self._bad:
                raise refused(self._names[source.column], 0, "one that the model takes")


def _text_step(
    source: Source, lookup: Mapping[Any, int]
) -> tuple[int, Callable[[Any, int], int], int]:
    """Return the place of a text column, what looks its codes up, and the code of the unknown."""
    codes = {word: source.start + code for word, code in lookup.items()}
    unknown = source.start + len(lookup) - 1  # the words, then any other, then the missing one
    return source.column, codes.get, unknown


def _number_step(
    source: Source,
) -> tuple[int, Callable[[Any], float] | None, list[float], int, int]:
    """Return the place of a column, what reads it, its breaks, its first and its missing code."""
    read = seconds if source.kind == "datetime" else None
    missing = source.start + source.size - 1
    return source.column, read, source.breaks.tolist(), source.start, missing


@dataclass(frozen=True)
class Nodes:
    """The nodes of all trees.

    Attributes:
        feature: Column of the matrix by node, shape (nodes,).
        threshold: Largest value that goes left, shape (nodes,).
        children: Left and right child by node, shape (2 * nodes,); a leaf's are the leaf itself.
        missing_right: Whether NaN goes right, shape (nodes,).
        split: Row of `categories` by node, -1 for a split by number, shape (nodes,).
        categories: Whether a category goes right, shape (splits, 257); the last one is missing.
        values: Value by node, shape (nodes, outputs of a tree).
        roots: First node by tree, shape (trees,).
        depth: Longest way from a root to a leaf.
    """

    feature: "NDArray[np.int64]"
    threshold: "Floats"
    children: "NDArray[np.int64]"
    missing_right: "NDArray[np.bool_]"
    split: "NDArray[np.int64]"
    categories: "NDArray[np.bool_]"
    values: "Floats"
    roots: "NDArray[np.int64]"
    depth: int


class WalkedTrees:
    """Trees of any size, walked all at once, level by level.

    Args:
        nodes: The trees.
        total: What happens to the leaves.
        refuses: Which values the estimator refuses: `missing`, `infinite`.
    """

    def __init__(self, nodes: Nodes, total: Sum, refuses: frozenset[str]) -> None:
        self._nodes = nodes
        self._total = total
        self._refuses = refuses

    def batch(self, x: "Floats") -> "Floats":
        """Return predictions, shape (n, outputs), for the estimator's matrix, shape (n, width)."""
        check_values(x, self._refuses)
        chunk = max(1, CHUNK * 64 // max(len(self._nodes.roots), 1))
        parts = [self._chunk(x[start : start + chunk]) for start in range(0, len(x), chunk)]
        return np.concatenate(parts) if parts else np.empty((0, len(self._total.base)))

    def _chunk(self, x: "Floats") -> "Floats":
        nodes = self._nodes
        rows = np.repeat(np.arange(len(x), dtype=np.int64) * x.shape[1], len(nodes.roots))
        node = np.tile(nodes.roots, len(x))
        flat = x.ravel()
        holes = bool(np.isnan(flat).any())
        codes = _category_codes(flat) if len(nodes.categories) else None
        for _ in range(nodes.depth):
            place = nodes.feature.take(node) + rows
            value = flat.take(place)
            right = value > nodes.threshold.take(node)
            if holes:
                right |= np.isnan(value) & nodes.missing_right.take(node)
            if codes is not None:
                split = nodes.split.take(node)
                right = np.where(split < 0, right, nodes.categories[split, codes.take(place)])
            node = nodes.children.take(2 * node + right)
        leaves = nodes.values.take(node, axis=0)
        return self._total.batch(leaves.reshape(len(x), -1, len(self._total.base)))


def check_values(x: "Floats", refuses: frozenset[str]) -> None:
    """Refuse what an estimator refuses of its matrix, shape (n, width).

    Raises:
        DataError: A value is `infinite` or `missing`, and that is refused.
    """
    if "infinite" in refuses and np.isinf(x).any():
        raise unanswered(np.isinf(x))
    if "missing" in refuses and np.isnan(x).any():
        raise unanswered(np.isnan(x))


def _category_codes(x: "Floats") -> "NDArray[np.int64]":
    """Return encoded categories as integers; what is none (NaN, negative) is the last code."""
    none = ~(x >= 0)
    return np.where(none, CATEGORIES, np.minimum(x, CATEGORIES)).astype(np.int64)
