"""The fitted Pipeline itself as runtime: slower than the others, and never different.

Rows pass through the same `as_model_frame` as in training.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playbill.contract.column import Column, from_dict
from playbill.contract.frame import as_model_frame
from playbill.errors import BundleError
from playbill.model.persistence import load

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIPELINE = "pipeline.skops"
CONTRACT = "contract.json"


class SkopsRuntime:
    """Answers with a scikit-learn Pipeline.

    Args:
        pipeline: The fitted Pipeline.
        inputs: The contract's input columns, in its order.
    """

    def __init__(self, pipeline: Any, inputs: Sequence[Column]) -> None:
        self._pipeline = pipeline
        self._inputs = tuple(inputs)

    def predict(self, columns: Mapping[str, Sequence[object]]) -> "NDArray[np.float64]":
        """Return the probability of the positive class for each row."""
        import numpy as np

        frame = as_model_frame(columns, self._inputs)
        return np.asarray(self._pipeline.predict_proba(frame)[:, 1], dtype=np.float64)


def open_model(files: Mapping[str, bytes]) -> SkopsRuntime:
    """Return the runtime for the files of a model layer.

    Raises:
        BundleError: A file is missing or holds what is not trusted.
    """
    if missing := sorted({PIPELINE, CONTRACT} - set(files)):
        raise BundleError(f"the model layer has no {', '.join(missing)}")
    contract = json.loads(files[CONTRACT])
    return SkopsRuntime(load(files[PIPELINE]), [from_dict(each) for each in contract["inputs"]])
