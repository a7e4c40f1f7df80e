"""Linear models in NumPy, with scikit-learn's own product."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from playbill.bundle.runtime.link import LINKS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Linear:
    """A linear function and a link.

    Attributes:
        coefficients: Shape (width, outputs).
        intercept: Shape (outputs,).
        link: Name of the function from the sum to the prediction.
    """

    coefficients: "Floats"
    intercept: "Floats"
    link: str

    def batch(self, x: "Floats") -> "Floats":
        """Return predictions, shape (n, outputs), for the estimator's matrix, shape (n, width)."""
        raw: Floats = x @ self.coefficients + self.intercept
        return LINKS[self.link](raw)
