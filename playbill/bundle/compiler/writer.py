"""Collects the arrays of a compiled model under unique names."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Writer:
    """The arrays of one file; `put` gives the name under which the description points to one."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}

    def put(self, name: str, values: Any, dtype: Any = np.float64) -> str:
        """Keep an array and return its name, made unique by a number."""
        unique = f"{name}.{len(self.arrays):04d}"
        self.arrays[unique] = np.ascontiguousarray(values, dtype=dtype)
        return unique
