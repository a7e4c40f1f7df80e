"""One column of the table on its way through the fitted transformers, as a function of one input.

A text column's domain is finite: every word that a transformer knows, any other word, a missing
one. So its function is a table, whatever the transformers are. A number's function is a chain of
elementwise operations, which may end in a table too, by key or by interval.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.bundle.runtime.joined import Joined
from playbill.bundle.runtime.preparation import Operation, operate, pieces
from playbill.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

UNKNOWN = "\0 no category has this name"
# Operations that never make the greater of two numbers the smaller; a logarithm or a root does,
# where it leaves its domain.
RISING = frozenset(
    {"fill", "missing", "subtract", "add", "clip", "float32", "cbrt", "exp", "expm1"}
)
RISING_IF_POSITIVE = frozenset({"divide", "multiply"})


@dataclass(frozen=True)
class Break:
    """Where a number's chain ends in a table; see `playbill.bundle.runtime.preparation.pieces`."""

    keys: "Floats"
    mode: str


class Columns:
    """The columns that a compiled model reads: the contract's inputs, and texts joined of them.

    Args:
        inputs: How many columns the contract has.
        words: Every text that a transformer knows.
    """

    def __init__(self, inputs: int, words: "Sequence[str]") -> None:
        self.inputs = inputs
        self.words = list(words)
        self.joined: list[Joined] = []

    def place(self, joined: Joined) -> int:
        """Return the place of a joined column, which is added if it is not there yet."""
        if joined not in self.joined:
            self.joined.append(joined)
        return self.inputs + self.joined.index(joined)

    def text(self, place: int) -> "Feature":
        """Return a text column as it comes."""
        values = np.empty(len(self.words) + 2, dtype=object)
        values[:] = [*self.words, UNKNOWN, np.nan]
        return Feature(place, text=True, values=values, columns=self)


@dataclass(frozen=True)
class Feature:
    """A column of the table at some place of the Pipeline.

    Attributes:
        source: Place of its input among the contract's.
        text: Whether that input is a text.
        operations: What happened to a number, its parameters of shape (), or arrays that features
            have in common.
        turn: Where the number became one of finitely many, if it did.
        values: Value by code of a text's domain or of `turn`; object dtype as long as it is text.
        bad: Codes that a transformer refused.
        columns: Of a text: where columns are joined.
    """

    source: int
    text: bool
    operations: tuple[Operation, ...] = ()
    turn: Break | None = None
    values: "NDArray[Any] | None" = None
    bad: "NDArray[np.bool_] | None" = None
    columns: Columns | None = field(default=None, compare=False, repr=False)

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers at this place."""
        return self.values is None or self.values.dtype.kind == "f"

    def is_raw(self) -> bool:
        """Say whether a text is as it came, but for a missing one."""
        if self.columns is None or self.values is None or self._refused().any():
            return False
        return bool(self.values[:-1].tolist() == [*self.columns.words, UNKNOWN])

    def then(self, name: str, *parameters: "float | Floats") -> "Feature":
        """Return the feature after one more elementwise operation.

        Raises:
            UnsupportedError: It is still text.
        """
        if not self.numeric:
            raise UnsupportedError(f"`{name}` of a text column")
        step: Operation = (name, tuple(np.asarray(each, dtype=np.float64) for each in parameters))
        if self.values is None:
            return replace(self, operations=(*self.operations, step))
        return replace(self, values=operate([step], self.values))

    def turned(self, turn: Break, values: "Floats", bad: "NDArray[np.bool_]") -> "Feature":
        """Return the feature of a number after it met a table."""
        if self.values is None:
            return replace(self, turn=turn, values=values, bad=bad)
        codes = pieces(self.values, turn.keys, turn.mode)
        return replace(self, values=values[codes], bad=self._refused() | bad[codes])

    def mapped(self, values: "NDArray[Any]", bad: "NDArray[np.bool_]") -> "Feature":
        """Return the feature with another value for each code of its finite domain."""
        return replace(self, values=values, bad=self._refused() | bad)

    def _refused(self) -> "NDArray[np.bool_]":
        assert self.values is not None
        return self.bad if self.bad is not None else np.zeros(len(self.values), dtype=bool)

    def prefix(self, x: "Floats") -> "Floats":
        """Return the operations' result for raw numbers, shape (n,)."""
        return operate(self.operations, x)

    def evaluate(self, x: "Floats") -> "Floats":
        """Return the values of a number's feature for raw numbers, shape (n,)."""
        found = self.prefix(x)
        if self.turn is None:
            return found
        assert self.values is not None
        result: Floats = self.values[pieces(found, self.turn.keys, self.turn.mode)]
        return result

    def refuses(self, x: "Floats") -> "NDArray[np.bool_]":
        """Say for raw numbers, shape (n,), whether a transformer refuses them."""
        if self.turn is None or self.bad is None:
            return np.zeros(len(x), dtype=bool)
        found: NDArray[np.bool_] = self.bad[pieces(self.prefix(x), self.turn.keys, self.turn.mode)]
        return found

    def is_rising(self) -> bool:
        """Say whether the operations keep the order of numbers."""
        return all(
            name in RISING or (name in RISING_IF_POSITIVE and parameters[0] > 0)
            for name, parameters in self.operations
        )


def select(features: "Sequence[Feature]", places: "Sequence[int]") -> list[Feature]:
    """Return the features at these places."""
    return [features[place] for place in places]
