"""One row through the transformers without arrays of length one: a request's short way."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.bundle.runtime.cells import refused, seconds
from playbill.bundle.runtime.preparation import Preparation, Table, operate, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class RowPreparation:
    """Does what `Preparation.matrix` does, for one row of plain values.

    Args:
        preparation: The blocks.
        kinds: The contract's kind of each input.
        lookups: Codes by text for each text column, by its place.
    """

    def __init__(
        self,
        preparation: Preparation,
        kinds: Sequence[str],
        lookups: Mapping[int, Mapping[Any, int]],
    ) -> None:
        self._names = preparation.names
        self._blank = np.zeros((1, preparation.width))
        self._tables = [(table, lookups[table.source]) for table in preparation.tables]
        self._scalars = [
            ([(int(s), _number(kinds[int(s)])) for s in block.sources], block.out, block.operations)
            for block in preparation.scalars
        ]
        self._steps = [
            (step, _number(kinds[step.source]), step.keys.tolist()) for step in preparation.steps
        ]

    def matrix(self, values: Sequence[Any]) -> "Floats":
        """Return the estimator's input, shape (1, width).

        Raises:
            DataError: A transformer of the Pipeline refuses a value.
        """
        x = self._blank.copy()
        row = x[0]
        for table, lookup in self._tables:
            code = lookup.get(values[table.source], len(lookup) - 1)
            self._put(row, table, code)
        for sources, out, operations in self._scalars:
            raw = np.array([number(values[source]) for source, number in sources])
            row[out] = operate(operations, raw) if operations else raw
        for step, number, keys in self._steps:
            value = number(values[step.source])
            if step.operations:
                value = float(operate(step.operations, np.array([value]))[0])
            code = piece(value, keys, step.mode)
            if step.bad[code]:
                raise refused(self._names[step.source], 0, "one that the model takes")
            row[step.out] = step.values[code]
        return x

    def _put(self, row: "Floats", table: Table, code: int) -> None:
        if table.bad[code]:
            raise refused(self._names[table.source], 0, "one that the model takes")
        row[table.out] = table.values[code]


def _number(kind: str) -> "Callable[[Any], float]":
    return seconds if kind == "datetime" else _plain


def _plain(value: Any) -> float:
    return math.nan if value is None else float(value)
