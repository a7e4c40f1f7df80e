"""The fitted Pipeline itself as runtime: slower than the others, and never different.

Rows pass through the same `as_model_frame` as in training.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from playbill.bundle.runtime.carried import carry
from playbill.contract import task
from playbill.contract.column import Column, from_dict
from playbill.contract.frame import as_model_frame
from playbill.contract.task import Outcome
from playbill.errors import BundleError
from playbill.model.estimator import answer
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
        asked: What the contract asks for.
    """

    quick = False

    def __init__(self, pipeline: Any, inputs: Sequence[Column], asked: Outcome) -> None:
        self._pipeline = pipeline
        self._inputs = tuple(inputs)
        self._asked = asked

    def predict(self, columns: Mapping[str, Sequence[object]]) -> "NDArray[np.float64]":
        """Return the answer to each row, in the task's form."""
        frame, asked = as_model_frame(columns, self._inputs), self._asked
        return answer(self._pipeline, frame, task=asked.task, classes=asked.classes)

    def predict_rows(self, rows: Sequence[Sequence[object]]) -> "NDArray[np.float64]":
        """Return the answer to each row."""
        columns = zip(*rows, strict=True)
        return self.predict({c.name: list(v) for c, v in zip(self._inputs, columns, strict=True)})

    def predict_row(self, values: Sequence[object]) -> float | list[float]:
        """Return the answer to one row."""
        columns = {c.name: [value] for c, value in zip(self._inputs, values, strict=True)}
        answer: float | list[float] = self.predict(columns)[0].tolist()
        return answer


def open_model(files: Mapping[str, bytes], trusted: Sequence[str] = ()) -> SkopsRuntime:
    """Return the runtime for the files of a model layer.

    The project's own modules that the Pipeline needs are imported from the layer itself.

    Args:
        files: The model layer, verified.
        trusted: Types that the Pipeline may hold beyond the reviewed ones.

    Raises:
        BundleError: A file is missing or holds what is not trusted.
    """
    if missing := sorted({PIPELINE, CONTRACT} - set(files)):
        raise BundleError(f"the model layer has no {', '.join(missing)}")
    contract = json.loads(files[CONTRACT])
    inputs = [from_dict(each) for each in contract["inputs"]]
    carry(files)
    pipeline = load(files[PIPELINE], trusted=trusted)
    return SkopsRuntime(pipeline, inputs, task.from_dict(contract))
