"""The interface behind which a model answers, and the table of its implementations.

Implementations are imported by name when a bundle needs them, so that what uses this module does
not come to depend on their libraries.
"""

import importlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast

from playbill.bundle import manifest
from playbill.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

# Kind by the module that has it; each has `open_model(files, trusted) -> Runtime`.
KINDS = {
    "numpy": "playbill.bundle.runtime.numpy",
    "onnx": "playbill.bundle.runtime.onnx",
    "skops": "playbill.bundle.runtime.skops",
}


class Runtime(Protocol):
    """A model that is ready to answer.

    Attributes:
        quick: Whether a row takes microseconds, so that an event loop may wait for it.
    """

    quick: bool

    def predict(self, columns: Mapping[str, Sequence[object]]) -> "NDArray[np.float64]":
        """Return the model's answer to each row, float64.

        Args:
            columns: Values by input column, all of one length; None for a missing value.

        Returns:
            binary: shape (n,), the probability of the positive class; multiclass: (n, k), a column
            for each class in sorted order; regression: (n,).

        Raises:
            DataError: A column is missing or a value is not of its kind.
        """
        ...

    def predict_rows(self, rows: Sequence[Sequence[object]]) -> "NDArray[np.float64]":
        """Return the model's answer to validated rows, as `predict` does, by a shorter way.

        Args:
            rows: For each row one value for each input of the contract, in its order; finite
                numbers, whole ones of 64 bits, texts, booleans, times; None for a missing one.

        Raises:
            DataError: The model has no answer to a value.
        """
        ...

    def predict_row(self, values: Sequence[object]) -> float | list[float]:
        """Return the model's answer to one row: a number, or one for each class (multiclass).

        Equal to what `predict` says of the row, by a shorter way where there is one.

        Args:
            values: One value for each input of the contract, in its order; None for a missing one.

        Raises:
            DataError: A value is not of its kind.
        """
        ...


# The server text with what conf's `allow:` names: types that a model file may hold.
TRUSTED = "trusted.json"


def open_bundle(bundle: "Path") -> tuple[manifest.Manifest, dict[str, bytes], Runtime]:
    """Verify a bundle; return its manifest, the files of its model layer and its runtime.

    Which types the model may hold is read from the server's reviewed text, never from the model.

    Raises:
        BundleError: A file is not what the manifest says, or the runtime refuses the model.
    """
    listed, contents = manifest.load_all(bundle)
    files = manifest.model_layer(contents)
    trusted = tuple(str(each) for each in json.loads(contents.get(f"server/{TRUSTED}", b"[]")))
    return listed, files, open_runtime(listed.runtime, files, trusted)


def open_runtime(kind: str, files: Mapping[str, bytes], trusted: Sequence[str] = ()) -> Runtime:
    """Return the runtime of a kind for the files of a model layer.

    Args:
        kind: The runtime's kind.
        files: The model layer, verified.
        trusted: Types that its files may hold beyond the reviewed ones: names, or prefixes that
            end with a dot.

    Raises:
        BundleError: The kind is unknown, its libraries are missing, or it refuses the files.
    """
    if kind not in KINDS:
        raise BundleError(
            f"the runtime `{kind[:40]}` is not known here",
            expected=f"one of {', '.join(sorted(KINDS))}",
            run="use the version of Playbill that made the bundle",
        )
    try:
        module = importlib.import_module(KINDS[kind])
    except ImportError as error:
        raise BundleError(
            f"the runtime `{kind}` cannot be imported: {error}",
            expected="the packages of the bundle's requirements.txt",
            run="pip install -r requirements.txt",
        ) from error
    return cast("Runtime", module.open_model(files, trusted))
