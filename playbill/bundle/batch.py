"""Predicts the rows of a file with a bundle, in chunks: CSV or Parquet in, CSV or Parquet out."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from playbill.bundle.runtime.base import open_bundle
from playbill.config.nearest import nearest
from playbill.contract import task
from playbill.contract.column import Column, from_dict
from playbill.contract.task import Outcome, labels
from playbill.errors import DataError, UsageError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

CHUNK_ROWS = 50_000
CSV = (".csv", ".csv.gz")
PARQUET = (".parquet",)
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
    with _writing(target) as write, _single_thread():
        for chunk, done in _chunks(source, contract):
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
    _columns(list(rows.columns), contract, "the rows")
    _refuse_outside(rows, contract.inputs)
    chunks = [rows.iloc[at : at + CHUNK_ROWS] for at in range(0, len(rows), CHUNK_ROWS)] or [rows]
    predict: Any = runtime.predict
    with _single_thread():
        parts = [predict({c.name: each[c.name] for c in contract.inputs}) for each in chunks]
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
        columns = _columns(list(rows.columns), contract, "the rows")
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
    _columns(list(rows.columns), contract, "the rows")
    refused, reasons = np.zeros(len(rows), dtype=bool), dict[str, int]()
    for wrong, column, how, _ in _outside(rows, contract.inputs):
        if count := int(wrong.sum()):
            reasons[f"{column.name} {how}"] = count
            refused |= wrong.to_numpy(dtype=bool)
    return refused, reasons


def check_format(path: Path) -> None:
    """Refuse a file whose ending is not one that is read and written here.

    Raises:
        UsageError: It is neither CSV nor Parquet by its name.
    """
    if not path.name.endswith(CSV + PARQUET):
        raise UsageError(
            f"{path.name} is neither CSV nor Parquet by its ending",
            expected=f"one of {', '.join(CSV + PARQUET)}",
        )


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
        _refuse_outside(chunk, contract.inputs)
        return predict({column.name: chunk[column.name] for column in contract.inputs})
    except DataError as error:
        place = f"{source.name}, after row {before:,}" if before else source.name
        raise DataError(
            error.what,
            where=f"{place}: {error.where}",
            expected=error.expected,
            run="correct the value or leave out the row: the server would refuse it too",
        ) from error


def _refuse_outside(chunk: "pd.DataFrame", inputs: Sequence[Column]) -> None:
    """Refuse the first row that the server would refuse too."""
    for wrong, column, how, want in _outside(chunk, inputs):
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            value = str(chunk[column.name].iloc[row])[:60]
            shown = "" if how == "is missing" else f"`{value}` "
            raise DataError(
                f"{shown or 'a value '}in the column `{column.name}` {how}",
                where=f"column `{column.name}`, row {row + 1}",
                expected=want,
            )


def _outside(
    chunk: "pd.DataFrame", inputs: Sequence[Column]
) -> "Iterator[tuple[pd.Series, Column, str, str]]":
    """Yield which rows have a null, number or category outside of the contract, how, what fits."""
    import pandas as pd

    for column in inputs:
        values = chunk[column.name]
        missing = values.isna()
        if not column.nullable:
            yield missing, column, "is missing", "a value"
        if column.categories:
            wrong = ~missing & ~values.isin(column.categories)
            yield wrong, column, "is not allowed", f"one of {list(column.categories)}"
        if column.kind in {"number", "integer"}:
            numbers = pd.to_numeric(values, errors="coerce")
            low, high = column.minimum, column.maximum
            if low is not None:
                under = numbers <= low if column.exclusive_minimum else numbers < low
                yield under, column, "is too small", f"at least {low:g}"
            if high is not None:
                over = numbers >= high if column.exclusive_maximum else numbers > high
                yield over, column, "is too large", f"at most {high:g}"


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


def _chunks(source: Path, contract: _Contract) -> "Iterator[tuple[pd.DataFrame, float]]":
    """Yield the rows of a file in chunks, each with the share that was read."""
    import pandas as pd
    import pyarrow as pa

    read = _csv_chunks if source.name.endswith(CSV) else _parquet_chunks
    try:
        yield from read(source, contract)
    except FileNotFoundError as error:
        raise DataError(
            f"{source} does not exist",
            where=str(source),
            expected="a file with the rows",
            run="name a file that is there",
        ) from error
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pa.ArrowInvalid) as error:
        raise DataError(f"{source} cannot be read: {error}", where=str(source)) from error
    except pd.errors.EmptyDataError as error:
        raise DataError(
            f"{source} is empty", where=str(source), expected="a header and rows"
        ) from error


def _csv_chunks(source: Path, contract: _Contract) -> "Iterator[tuple[pd.DataFrame, float]]":
    import pandas as pd

    wanted = _columns(list(pd.read_csv(source, nrows=0).columns), contract, str(source))
    text = {c.name: str for c in contract.inputs if c.kind == "text"} | {contract.key: str}
    size = max(source.stat().st_size, 1)
    compression: Any = "gzip" if source.name.endswith(".gz") else None
    with source.open("rb") as handle:
        frames = pd.read_csv(
            handle,
            usecols=wanted,
            dtype={name: text[name] for name in wanted if name in text},
            chunksize=CHUNK_ROWS,
            compression=compression,
        )
        for frame in (each for each in frames if len(each)):
            yield frame, min(handle.tell() / size, 1.0)


def _parquet_chunks(source: Path, contract: _Contract) -> "Iterator[tuple[pd.DataFrame, float]]":
    import pyarrow.parquet as pq

    with source.open("rb") as handle, pq.ParquetFile(handle) as file:
        wanted = _columns(file.schema_arrow.names, contract, str(source))
        seen, count = 0, max(file.metadata.num_rows, 1)
        for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=wanted):
            seen += batch.num_rows
            yield batch.to_pandas(), seen / count


def _columns(names: Sequence[str], contract: _Contract, where: str) -> list[str]:
    """Return the columns to read, or say which are missing."""
    asked = [column.name for column in contract.inputs]
    missing = [name for name in asked if name not in names]
    if missing:
        others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise DataError(
            f"the column `{missing[0]}` is missing{others}",
            where=where,
            expected=nearest(missing[0], names),
            run="add the column, or name it as the contract does (models/*/server/openapi.json)",
        )
    return [name for name in names if name in {*asked, contract.key}]


@contextmanager
def _single_thread() -> Iterator[None]:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


@contextmanager
def _writing(target: Path) -> "Iterator[Callable[[pd.DataFrame], None]]":
    """Yield a function that appends rows; the file appears when all went well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    open_table = _csv_table if target.name.endswith(CSV) else _parquet_table
    try:
        with part.open("wb") as handle, open_table(handle, target) as write:
            yield write
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _csv_table(handle: IO[bytes], target: Path) -> "Iterator[Callable[[pd.DataFrame], None]]":
    import gzip
    from contextlib import ExitStack

    with ExitStack() as stack:
        out: Any = handle
        if target.name.endswith(".gz"):
            out = stack.enter_context(gzip.GzipFile("", "wb", fileobj=handle, mtime=0))
        started = False

        def write(frame: "pd.DataFrame") -> None:
            nonlocal started
            text = frame.to_csv(index=False, header=not started, lineterminator="\n")
            out.write(str(text).encode())
            started = True

        yield write


@contextmanager
def _parquet_table(handle: IO[bytes], _: Path) -> "Iterator[Callable[[pd.DataFrame], None]]":
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None

    def write(frame: "pd.DataFrame") -> None:
        nonlocal writer
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if writer is None:
            writer = pq.ParquetWriter(handle, table.schema, compression="zstd")
        writer.write_table(table.cast(writer.schema))

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
