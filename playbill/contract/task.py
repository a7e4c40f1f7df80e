"""What kind of answer the contract asks for: a class of two, one of several, or a number.

The one place that says what a target, a model's answer and a row of predictions look like for each
task, so that training, evaluation, parity and the server cannot differ. A model's answer is
float64 and of the form that `Runtime.predict` gives:

- binary: shape (n,), the probability of the positive class;
- multiclass: shape (n, k), a column for each class of the contract, in its sorted order;
- regression: shape (n,), the predicted value.
"""

from typing import TYPE_CHECKING, Any

from playbill.contract.outcome import BINARY, Outcome, as_dict, from_dict, outcome
from playbill.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = (  # what is asked, and what it means for a table: one import for both
    "BINARY",
    "PREDICTION",
    "PROBABILITY",
    "Outcome",
    "answers_of",
    "as_dict",
    "as_target",
    "as_target_column",
    "columns",
    "from_dict",
    "labels",
    "outcome",
    "score",
)

PROBABILITY = "probability"
PREDICTION = "prediction"


def as_target(values: "pd.Series", asked: Outcome) -> "pd.Series":
    """Return a target column as models learn it and predictions.parquet holds it.

    Args:
        values: The target as the contract's table has it, without missing values.
        asked: What the contract asks for.

    Returns:
        binary: int64, 1 for the positive class; multiclass: the labels, str or int64;
        regression: float64.

    Raises:
        DataError: A value is no class of the contract, or no finite number.
    """
    import numpy as np

    if asked.task == "regression":
        numbers = values.astype("float64")
        _refuse(~np.isfinite(numbers.to_numpy()), values, "a finite number")
        return numbers
    _refuse(~values.isin(asked.classes).to_numpy(), values, _named(asked))
    if asked.task == "binary":
        return (values == asked.positive).astype("int64")
    is_text = isinstance(asked.classes[0], str)
    return values.astype(object if is_text else "int64")


def as_target_column(values: "pa.ChunkedArray", asked: Outcome, *, name: str) -> "pa.ChunkedArray":
    """Return the same of a column as Arrow has it; its length is that of `values`.

    Args:
        values: The target without missing values.
        asked: What the contract asks for.
        name: The column's name, for errors.

    Raises:
        DataError: A value is no class of the contract, or no finite number.
    """
    import pyarrow as pa

    try:
        found = _plain_target(values, asked)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        found = None
    if found is None:  # some value is none of the contract, or of another kind than its classes
        series = values.to_pandas().rename(name)
        return pa.chunked_array([pa.array(as_target(series, asked), from_pandas=True)])
    return found


def _plain_target(values: "pa.ChunkedArray", asked: Outcome) -> "pa.ChunkedArray | None":
    import pyarrow as pa
    import pyarrow.compute as pc

    kinds = pa.types
    if kinds.is_boolean(values.type):
        values = values.cast(pa.int64())
    is_number = kinds.is_integer(values.type) or kinds.is_floating(values.type)
    if asked.task == "regression":
        numbers = values.cast(pa.float64()) if is_number else None
        return numbers if numbers is not None and pc.all(pc.is_finite(numbers)).as_py() else None
    if is_number == isinstance(asked.classes[0], str):
        return None
    classes = pa.array([c if isinstance(c, str) else int(c) for c in asked.classes])
    classes = classes.cast(values.type)
    if not pc.all(pc.is_in(values, value_set=classes)).as_py():
        return None
    if asked.task == "binary":
        positive = classes[asked.classes.index(asked.positive)]
        return pc.equal(values, positive).cast(pa.int64())
    return values if isinstance(asked.classes[0], str) else values.cast(pa.int64())


def labels(answers: "NDArray[np.float64]", asked: Outcome, threshold: float) -> "NDArray[Any]":
    """Return what an answer predicts, as `as_target` writes a target.

    A multiclass model predicts the most probable class, of equal ones the first.
    """
    import numpy as np

    if asked.task == "binary":
        return np.asarray(answers >= threshold).astype(np.int64)
    if asked.task == "regression":
        return answers
    is_text = isinstance(asked.classes[0], str)
    names = np.array(asked.classes, dtype=object if is_text else np.int64)
    return np.asarray(names[answers.argmax(axis=1)])


def columns(
    answers: "NDArray[np.float64]", asked: Outcome, threshold: float
) -> "dict[str, NDArray[Any]]":
    """Return what predictions.parquet holds of a model's answers, by column name.

    binary: `probability` and `prediction`; multiclass: `probability_<class>` for each class and
    `prediction`; regression: `prediction`.
    """
    predicted = {PREDICTION: labels(answers, asked, threshold)}
    if asked.task == "regression":
        return predicted
    if asked.task == "binary":
        return {PROBABILITY: answers, **predicted}
    chances = {f"{PROBABILITY}_{c}": answers[:, i] for i, c in enumerate(asked.classes)}
    return {**chances, **predicted}


def answers_of(predictions: "pd.DataFrame", asked: Outcome) -> "NDArray[np.float64]":
    """Return the model's answers that `columns` wrote into a table of predictions.

    Raises:
        DataError: The table is of another task.
    """
    import numpy as np

    names = {
        "binary": [PROBABILITY],
        "multiclass": [f"{PROBABILITY}_{name}" for name in asked.classes],
        "regression": [PREDICTION],
    }[asked.task]
    if missing := [name for name in names if name not in predictions]:
        raise DataError(
            f"the predictions have no column `{missing[0]}`",
            expected=f"the predictions of a {asked.task} model",
            run="dvc repro",
        )
    found = predictions[names].to_numpy(dtype=np.float64)
    return np.asarray(found if asked.task == "multiclass" else found[:, 0])


def score(answers: "NDArray[np.float64]", asked: Outcome) -> "NDArray[np.float64]":
    """Return one number for each answer, by which drift of the answers is watched.

    The probability of the positive class, the value, or how sure a multiclass model is.
    """
    import numpy as np

    return np.asarray(answers.max(axis=1)) if asked.task == "multiclass" else answers


def _named(asked: Outcome) -> str:
    return f"one of {list(asked.classes)}"


def _refuse(bad: "NDArray[np.bool_]", values: "pd.Series", expected: str) -> None:
    if bad.any():
        raise DataError(
            f"the target `{values.name}` holds `{str(values.iloc[int(bad.argmax())])[:60]}`",
            where=f"contract.columns.{values.name}",
            expected=expected,
        )
