"""The trees of a compiled model in ONNX Runtime, in double precision; all else in NumPy.

For forests of large trees, which ONNX Runtime walks faster than NumPy does.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.bundle.runtime.link import LINKS
from playbill.bundle.runtime.numpy import NumpyRuntime, read_model
from playbill.bundle.runtime.trees import Sum, check_values
from playbill.errors import BundleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

INPUT = "x"
PROVIDERS = ["CPUExecutionProvider"]


class OnnxHead:
    """Trees or a linear function as an ONNX graph from the matrix to the sum.

    Args:
        content: The graph's file.
        total: What happens to the sum.
        refuses: Which values the estimator refuses: `missing`, `infinite`.
    """

    def __init__(self, content: bytes, total: Sum, refuses: frozenset[str]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(content, options, providers=PROVIDERS)
        self._total = total
        self._refuses = refuses

    def batch(self, x: "Floats") -> "Floats":
        """Return predictions, shape (n, outputs), for the estimator's matrix, shape (n, width)."""
        check_values(x, self._refuses)
        found = np.asarray(self._session.run(None, {INPUT: x})[0], dtype=np.float64)
        total = found + self._total.base
        divisor = self._total.divisor
        return LINKS[self._total.link](total / divisor if divisor else total)


def open_model(files: Mapping[str, bytes], trusted: Sequence[str] = ()) -> NumpyRuntime:
    """Return the runtime for the files of a model layer.

    Raises:
        BundleError: A file is missing, or is not what the stage `package` writes.
    """
    del trusted

    def head(plain: Mapping[str, Any], total: Sum) -> OnnxHead:
        refuses = frozenset(str(each) for each in plain["refuses"])
        try:
            return OnnxHead(files[str(plain["file"])], total, refuses)
        except Exception as error:  # ONNX Runtime's errors have no base of their own
            raise BundleError(f"the graph cannot be opened: {type(error).__name__}") from error

    return read_model(files, head)
