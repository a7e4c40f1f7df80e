"""Which part of a Pipeline raised, told as a mistake of conf/ and not as another library's code.

A traceback out of scikit-learn names none of the keys that a user wrote. What raised is run again
part by part, so finding it costs time only where something failed.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playbill.errors import FitError, PlaybillError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_LONGEST = 300  # characters of what the library said
_SHOWN = 5  # columns
_UNKNOWN = "unknown categor"  # as scikit-learn's encoders say it
TRANSFORMERS = "transformers that take these columns"


@dataclass(frozen=True)
class Fault:
    """Where a Pipeline broke.

    Attributes:
        where: The key of conf/.
        who: The class that raised.
        expected: What would have been right.
    """

    where: str
    who: str
    expected: str


def fit_error(
    pipeline: Any, rows: "pd.DataFrame", target: "NDArray[Any]", error: Exception
) -> PlaybillError:
    """Return the error to raise for what `fit` raised.

    Args:
        pipeline: The Pipeline, fitted or not.
        rows: What it was to learn from.
        target: The truth of the rows.
        error: What it raised.
    """
    from sklearn.base import clone

    if isinstance(error, PlaybillError):
        return error
    found = _find(pipeline, getattr(pipeline[0], "transformers", []), rows, error,
                  lambda step, seen: clone(step).fit_transform(seen, target))  # fmt: skip
    return _as_error(found, "the training rows", error)


def predict_error(pipeline: Any, rows: "pd.DataFrame", error: Exception) -> PlaybillError:
    """Return the error to raise for what a fitted Pipeline raised when it was asked."""
    if isinstance(error, PlaybillError):
        return error
    parts = getattr(pipeline[0], "transformers_", [])
    found = _find(pipeline, parts, rows, error, lambda step, seen: step.transform(seen))
    return _as_error(found, "rows that it did not learn from", error)


def _as_error(fault: Fault, rows: str, error: Exception) -> FitError:
    return FitError(
        f"{fault.who} refuses {rows}: {brief(error)}",
        where=fault.where,
        expected=fault.expected,
        run="mend the line, then `dvc repro`; with PLAYBILL_TRACEBACK=1 it shows the traceback",
    )


def brief(error: Exception) -> str:
    """Return what an exception says as one line; its class too, unless it is a plain refusal."""
    text = " ".join(str(error).split())
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    name = type(error).__name__
    return text if type(error) is ValueError and text else f"{name}: {text}" if text else name


def _find(
    pipeline: Any,
    parts: Any,
    rows: "pd.DataFrame",
    error: Exception,
    run: "Callable[[Any, Any], Any]",
) -> Fault:
    import numpy as np

    texts, gaps = [], []
    for group, steps, columns in parts:
        if isinstance(steps, str) and group == "remainder":
            continue
        seen: Any = rows[list(columns)]
        for index, step in _steps(steps):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    seen = run(step, seen)
            except Exception as again:  # noqa: BLE001 - it raised before, and is told
                where = f"feature.groups.{group}.steps.{index}"
                return Fault(where, type(step).__name__, _right(again))
        values = seen.toarray() if hasattr(seen, "toarray") else np.asarray(seen)
        if values.dtype.kind not in "fiub" and not _is_numeric(values):
            words = [name for name in columns if rows[name].dtype.kind not in "fiub"]
            texts.append((group, words or list(columns)))
        elif values.dtype.kind == "f" and np.isnan(values).any():
            gaps += [name for name in columns if rows[name].isna().any()] or [group]
    return _of_model(pipeline, error, texts, gaps)


def _steps(steps: Any) -> Iterator[tuple[int, Any]]:
    if not isinstance(steps, str) and hasattr(steps, "steps"):
        yield from ((index, step) for index, (_, step) in enumerate(steps.steps))


def _is_numeric(values: "NDArray[Any]") -> bool:
    import numpy as np

    try:
        np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return True


def _right(error: Exception) -> str:
    if _UNKNOWN in str(error).lower():
        return "an encoder that takes values it never saw, as `handle_unknown: ignore` says it"
    return TRANSFORMERS


def _of_model(pipeline: Any, error: Exception, texts: list[Any], gaps: list[str]) -> Fault:
    who = type(pipeline[-1]).__name__
    if texts:
        group, columns = texts[0]
        expected = (
            f"numbers: {_listed(columns)} reach the model as texts; an encoder among the steps, "
            "as sklearn.preprocessing.OneHotEncoder"
        )
        return Fault(f"feature.groups.{group}.steps", who, expected)
    if gaps and "nan" in str(error).lower():
        expected = (
            f"a sklearn.impute.SimpleImputer for {_listed(gaps)} in conf/feature, or a model that "
            "takes missing values, as `model: boosting`"
        )
        return Fault("model._target_", who, expected)
    return Fault("model._target_", who, "a model that takes these rows with these parameters")


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
