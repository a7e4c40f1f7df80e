"""Predicts the rows of a file or of a table with a bundle, in chunks."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.bundle.refusal import outside, refuse_outside
from playbill.bundle.runtime.base import open_bundle
from playbill.bundle.table import CHUNK_ROWS, check_format, chunks, columns_of, writing
from playbill.contract import task
from playbill.contract.column import Column, from_dict
from playbill.contract.task import Outcome, labels
from playbill.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Advance = Callable[[float], None]


@dataclass(frozen=True)
class Summary:
    """What was predicted, and by which model.

    Attributes:
        rows: How many rows.
        task: The model's task.
        positive: Rows labelled positive; None unless the task is binary.
        mean_probability: Mean probability of the positive class; None unless the task is binary.
        threshold: Probability from which on a row is positive; None unless the task is binary.
        predicted: Rows by predicted class (multiclass), or mean, least and largest value
            (regression); empty for a binary task.
        model: Name of the model.
        model_digest: Identity of its layer of the bundle.
    """

    rows: int
    task: str
    positive: int | None
    mean_probability: float | None
    threshold: float | None
    predicted: dict[str, float]
    model: str
    model_digest: str


@dataclass(frozen=True)
class _Contract:
    key: str
    threshold: float
    inputs: tuple[Column, ...]
    asked: Outcome


@dataclass
class _Tally:
    """What is counted of the answers while the rows pass."""

    asked: Outcome
    threshold: float
    rows: int = 0
    positive: int = 0
    total: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    least: float = float("inf")
    largest: float = float("-inf")

    def add(self, answers: "NDArray[np.float64]", said: "NDArray[Any]") -> None:
        self.rows += len(answers)
        if self.asked.task == "multiclass":
            for name in said.tolist():
                self.counts[str(name)] = self.counts.get(str(name), 0) + 1
            return
        self.total += float(answers.sum())
        self.positive += int((answers >= self.threshold).sum())
        self.least = min(self.least, float(answers.min()))
        self.largest = max(self.largest, float(answers.max()))

    def summary(self, model: str, digest: str) -> Summary:
        task, mean = self.asked.task, self.total / self.rows
        predicted: dict[str, float] = {}
        if task == "regression":
            predicted = {"mean": mean, "min": self.least, "max": self.largest}
        if task == "multiclass":
            predicted = {str(name): self.counts.get(str(name), 0) for name in self.asked.classes}
        binary = task == "binary"
        return Summary(
            rows=self.rows,
            task=task,
            positive=self.positive if binary else None,
            mean_probability=mean if binary else None,
            threshold=self.threshold if binary else None,
            predicted=predicted,
            model=model,
            model_digest=digest,
        )


def predict_file(
    bundle: Path, source: Path, target: Path, *, advance: Advance = lambda _: None
) -> Summary:
    """Write key, probability and label of each row of `source` to `target`.

    Of a multiclass model the probability of each class and the label; of a regression the value.

    Args:
        bundle: The bundle; it is verified first.
        source: Rows by column name, .csv, .csv.gz or .parquet; columns beside the contract's
            inputs and key are not read.
        target: .csv or .parquet; it appears only when every row was predicted.
        advance: Called with the share that is done, from 0 to 1.

    Raises:
        UsageError: A file's ending says another format.
        DataError: The file cannot be read, lacks a column or holds what the contract refuses.
        BundleError: The bundle is refused.
    """
    check_format(source)
    check_format(target)
    listed, files, runtime = open_bundle(bundle)
    contract = _read_contract(files)
    tally = _Tally(contract.asked, contract.threshold)
    with writing(target) as write, _single_thread():
        for chunk, done in chunks(source, contract.inputs, contract.key):
            answers = _predict(runtime.predict, chunk, contract, source, tally.rows)
            said = labels(answers, contract.asked, contract.threshold)
            write(_answers(chunk, contract, tally.rows, answers, said))
            tally.add(answers, said)
            advance(done)
        if not tally.rows:
            raise DataError(f"{source} holds no rows", where=str(source), expected="at least one")
    return tally.summary(listed.name, listed.model_digest)


def answer_rows(bundle: Path, rows: "pd.DataFrame") -> "NDArray[np.float64]":
    """Return a model's answers about a table: (n,), or (n, classes) of a multiclass model.

    Args:
        bundle: The bundle; it is verified first.
        rows: A table with the contract's inputs.

    Raises:
        DataError: A column is missing, or a value is one that the contract refuses.
        BundleError: The bundle is refused.
    """
    import numpy as np

    _, files, runtime = open_bundle(bundle)
    contract = _read_contract(files)
    columns_of(list(rows.columns), contract.inputs, contract.key, "the rows")
    refuse_outside(rows, contract.inputs)
    pieces = [rows.iloc[at : at + CHUNK_ROWS] for at in range(0, len(rows), CHUNK_ROWS)] or [rows]
    predict: Any = runtime.predict
    with _single_thread():
        parts = [predict({c.name: each[c.name] for c in contract.inputs}) for each in pieces]
    return np.concatenate(parts)


def scorer(bundle: Path) -> "Callable[[pd.DataFrame], NDArray[np.float64]]":
    """Return what scores tables with the contract's inputs, one number a row; see `task.score`.

    Values beyond the contract's bounds are scored too. The scorer raises `DataError` where a column
    is missing or holds a value of another kind.

    Args:
        bundle: The bundle; it is verified first.

    Raises:
        BundleError: The bundle is refused.
    """
    _, files, runtime = open_bundle(bundle)
    contract = _read_contract(files)

    def score(rows: "pd.DataFrame") -> "NDArray[np.float64]":
        columns = columns_of(list(rows.columns), contract.inputs, contract.key, "the rows")
        with _single_thread():
            answers = runtime.predict({n: rows[n].to_list() for n in columns if n != contract.key})
        return task.score(answers, contract.asked)

    return score


def refused_rows(bundle: Path, rows: "pd.DataFrame") -> "tuple[NDArray[np.bool_], dict[str, int]]":
    """Return which rows a bundle would refuse for their values, and how many for which reason.

    Args:
        bundle: The bundle; it is verified first.
        rows: A table with the contract's inputs.

    Raises:
        DataError: A column is missing.
        BundleError: The bundle is refused.
    """
    import numpy as np

    _, files, _ = open_bundle(bundle)
    contract = _read_contract(files)
    columns_of(list(rows.columns), contract.inputs, contract.key, "the rows")
    refused, reasons = np.zeros(len(rows), dtype=bool), dict[str, int]()
    for wrong, column, how, _ in outside(rows, contract.inputs):
        if count := int(wrong.sum()):
            reasons[f"{column.name} {how}"] = count
            refused |= wrong.to_numpy(dtype=bool)
    return refused, reasons


def _read_contract(files: dict[str, bytes]) -> _Contract:
    plain = json.loads(files["contract.json"])
    inputs = tuple(from_dict(each) for each in plain["inputs"])
    return _Contract(plain["key"], plain["threshold"], inputs, task.from_dict(plain))


def _predict(
    predict: "Callable[[Any], NDArray[np.float64]]",
    chunk: "pd.DataFrame",
    contract: _Contract,
    source: Path,
    before: int,
) -> "NDArray[np.float64]":
    """Predict a chunk; an error says which rows of the file it is about."""
    try:
        refuse_outside(chunk, contract.inputs)
        return predict({column.name: chunk[column.name] for column in contract.inputs})
    except DataError as error:
        place = f"{source.name}, after row {before:,}" if before else source.name
        raise DataError(
            error.what,
            where=f"{place}: {error.where}",
            expected=error.expected,
            run="correct the value or leave out the row: the server would refuse it too",
        ) from error


def _answers(
    chunk: "pd.DataFrame",
    contract: _Contract,
    before: int,
    answers: "NDArray[np.float64]",
    said: "NDArray[Any]",
) -> "pd.DataFrame":
    import pandas as pd

    key, asked = contract.key, contract.asked
    name = key if key in chunk else "row"
    first = chunk[key].to_numpy() if key in chunk else range(before + 1, before + len(chunk) + 1)
    if asked.task == "regression":
        return pd.DataFrame({name: first, "value": answers})
    if asked.task == "binary":
        return pd.DataFrame({name: first, task.PROBABILITY: answers, "label": said == 1})
    chances = {f"{task.PROBABILITY}_{c}": answers[:, i] for i, c in enumerate(asked.classes)}
    return pd.DataFrame({name: first, **chances, "label": said})


@contextmanager
def _single_thread() -> Iterator[None]:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
