"""A classifier whose scores are corrected by what came true on rows that it did not learn from.

scikit-learn's CalibratedClassifierCV does the correcting. It is fitted on scores that are there
already, those of the folds of `validation`, because it would fit the model on folds of its own once
more, and inside the Pipeline on features that were fitted on all rows. With k-fold or stratified
folds the result is that of `CalibratedClassifierCV(pipeline, cv=folds, ensemble=False)`.
"""

from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator, ClassifierMixin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Scores(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Stands for the classifier whose scores are given in place of features.

    Args:
        classes: The classes, sorted.
    """

    def __init__(self, classes: Any = None) -> None:
        self.classes = classes

    def fit(self, scores: Any, target: Any = None) -> "Scores":
        """Learn nothing."""
        del scores, target
        self.classes_ = self.classes
        return self

    def predict(self, scores: "NDArray[np.float64]") -> Any:
        """Return the class with the greatest score; calibration wants it to be there."""
        found = self.decision_function(scores)
        return self.classes_[(found > 0).astype(int) if found.ndim == 1 else found.argmax(axis=1)]

    def decision_function(self, scores: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Return the scores: of two classes shape (n,), of more (n, k)."""
        return scores[:, 0] if scores.shape[1] == 1 else scores


class CalibratedModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # as above
    """A fitted classifier and the correction of its scores; both were fitted before.

    Args:
        estimator: The fitted classifier.
        calibrator: A CalibratedClassifierCV that was fitted on `scores_of` other rows.
    """

    def __init__(self, estimator: Any = None, calibrator: Any = None) -> None:
        self.estimator = estimator
        self.calibrator = calibrator

    def fit(self, rows: Any, target: Any) -> "CalibratedModel":
        """Refuse: the parts were fitted apart, on rows that must not be the same."""
        raise NotImplementedError

    @property
    def classes_(self) -> Any:
        """The classes, sorted."""
        return self.estimator.classes_

    def __sklearn_is_fitted__(self) -> bool:
        """Say yes: it is made of fitted parts."""
        return True

    def predict_proba(self, rows: Any) -> "NDArray[np.float64]":
        """Return the corrected probability of each class, shape (n, k)."""
        found: NDArray[np.float64] = self.calibrator.predict_proba(scores_of(self.estimator, rows))
        return found

    def predict(self, rows: Any) -> Any:
        """Return the most probable class."""
        return self.classes_[self.predict_proba(rows).argmax(axis=1)]


def scores_of(estimator: Any, rows: Any) -> "NDArray[np.float64]":
    """Return what is calibrated: the decision function, else the probabilities.

    Returns:
        Shape (n, 1) of two classes, (n, k) of more.
    """
    import numpy as np

    if hasattr(estimator, "decision_function"):
        found = np.asarray(estimator.decision_function(rows), dtype=np.float64)
    else:
        found = np.asarray(estimator.predict_proba(rows), dtype=np.float64)
        found = found[:, 1] if found.shape[1] == 2 else found  # noqa: PLR2004 - two classes
    return found.reshape(len(found), -1)


def fit_calibrator(
    scores: "NDArray[np.float64]", target: "NDArray[Any]", classes: "NDArray[Any]", method: str
) -> Any:
    """Return the CalibratedClassifierCV that maps scores to probabilities.

    Args:
        scores: As `scores_of`, of rows that the classifier did not learn from.
        target: What came true, shape (n,).
        classes: The classifier's classes, sorted.
        method: `sigmoid` or `isotonic`.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    frozen = FrozenEstimator(Scores(classes).fit(scores))
    return CalibratedClassifierCV(frozen, method=method, ensemble=False).fit(scores, target)
