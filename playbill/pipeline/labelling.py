"""Joins what the server said with what turned out to be true: a labelled table of the contract.

The table has the form of data/prepared/train.parquet. A request has no key and no time of its own:
the key is the prediction's identifier, the time is when it was made (UTC).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from playbill.contract.column import Column, columns, inputs
from playbill.contract.outcome import Outcome, outcome
from playbill.errors import DataError, UsageError
from playbill.evaluation.quarantine import Finding, examine, signs
from playbill.prediction.feedback import Truth, truths
from playbill.prediction.log import moment_of
from playbill.prediction.lookup import locate

if TYPE_CHECKING:
    import pandas as pd

    from playbill.config.schema import Contract, Params

SEALED = "hmac-sha256:"  # what stands for a personal value in the log
EVER = 1e12  # seconds; segments of any age are searched
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Joined:
    """A labelled table, and what did not get into it.

    Attributes:
        table: Rows that are believed, sorted by prediction.
        batches: What was found of each batch.
        unknown: Truths whose prediction no log has, or that another model made.
        contradicting: Truths that contradict each other.
        left_out: Columns that no request has, or that are personal and so not in the log.
    """

    table: "pd.DataFrame"
    batches: dict[str, Finding]
    unknown: int
    contradicting: int
    left_out: tuple[str, ...]

    @property
    def held(self) -> int:
        """Rows of batches that are not believed."""
        return sum(one.rows for one in self.batches.values() if not one.believed)


def join(
    params: "Params", logs: Sequence[str], files: Sequence[Path], release: Sequence[str] = ()
) -> Joined:
    """Return the labelled table of prediction logs and feedback.

    Args:
        params: The project's; its contract describes the table.
        logs: Folders or URLs of prediction logs.
        files: Files of feedback.
        release: Batches that are believed whatever is found of them.

    Raises:
        DataError: A log or a file cannot be read, or nothing of theirs belongs together.
        UsageError: A batch to release is not there.
    """
    said, contradicting = _agreed(truths(files))
    records = locate(said, logs, segment_seconds=EVER)
    mine = {
        name: one for name, one in records.items()
        if one.get("model") == params.name and name in said
    }  # fmt: skip
    if not mine:
        raise DataError(
            f"of {len(said)} truths none is of a prediction of {params.name} in the log",
            where=", ".join(logs),
            expected="the log of the server that took the feedback",
        )
    batches: dict[str, list[str]] = {}
    for name in sorted(mine):
        batches.setdefault(said[name].batch, []).append(name)
    if strange := sorted(set(release) - set(batches)):
        raise UsageError(
            f"there is no batch {strange[0]!r}", where="--release",
            expected=", ".join(sorted(batches)),
        )  # fmt: skip
    missing = _personal(params.contract, mine.values())
    frames = {
        batch: _table(params.contract, [(mine[n], said[n]) for n in names], missing)
        for batch, names in batches.items()
    }
    findings = _findings(params, batches, mine, said)
    findings = {
        batch: _with_contract(params.contract, frames[batch], found, missing)
        for batch, found in findings.items()
    }
    for batch in release:
        findings[batch] = replace(findings[batch], believed=True)
    believed = [name for name, found in findings.items() if found.believed]
    table = _concatenated([frames[name] for name in believed], params.contract)
    known = next(iter(frames.values()))
    left_out = tuple(name for name in params.contract.schema_["columns"] if name not in known)
    return Joined(table, findings, len(said) - len(mine), contradicting, left_out)


def _agreed(found: Any) -> tuple[dict[str, Truth], int]:
    """Return truths by prediction, those left out of which several files say different things."""
    said: dict[str, Truth] = {}
    bad: set[str] = set()
    for truth in found:
        earlier = said.setdefault(truth.prediction_id, truth)
        if earlier.value != truth.value:
            bad.add(truth.prediction_id)
    return {name: truth for name, truth in said.items() if name not in bad}, len(bad)


def _personal(contract: "Contract", records: Any) -> tuple[str, ...]:
    personal = [column.name for column in inputs(contract) if column.personal]
    rows = [record["row"] for record in records] if personal else []
    return tuple(
        name for name in personal
        if any(name not in row or str(row[name]).startswith(SEALED) for row in rows)
    )  # fmt: skip


def _table(
    contract: "Contract", pairs: Sequence[tuple[Record, Truth]], missing: Sequence[str]
) -> "pd.DataFrame":
    import pandas as pd

    asked = {column.name for column in inputs(contract)}
    made: dict[str, pd.Series] = {}
    for column in columns(contract):
        if column.name in missing:
            continue
        read = _reader(contract, column, asked)
        if read is not None:
            values = [read(record, truth) for record, truth in pairs]
            dtype = contract.schema_["columns"][column.name]["dtype"]
            made[column.name] = _series(values, column, str(dtype))
    return pd.DataFrame(made)


def _reader(
    contract: "Contract", column: Column, asked: set[str]
) -> Callable[[Record, Truth], Any] | None:
    """Return what gives a column's value; None for one that a request does not have."""
    name = column.name
    if name == contract.target:
        return lambda _, truth: truth.value
    if name in asked:
        return lambda record, _: record["row"].get(name)
    if name == contract.key:
        if column.kind == "integer":  # 63 bits that are drawn by chance or by the clock
            return lambda record, _: int(record["prediction_id"].replace("-", ""), 16) % 2**63
        return lambda record, _: record["prediction_id"]
    if name == contract.role("time"):
        return lambda record, _: moment_of(record["prediction_id"])
    return None


def _series(values: list[Any], column: Column, dtype: str) -> "pd.Series":
    import pandas as pd

    if column.kind == "datetime":
        if values and isinstance(values[0], float):
            times = pd.to_datetime(pd.Series(values), unit="s", utc=True)
        else:
            times = pd.to_datetime(pd.Series(values), utc=True, format="ISO8601")
        return times.dt.tz_localize(None).astype("datetime64[ns]")
    if column.kind == "text":
        return pd.Series(values, dtype="str")
    found: pd.Series = pd.Series(values, dtype=object)
    return found.astype(cast("Any", dtype))


def _findings(
    params: "Params",
    batches: Mapping[str, Sequence[str]],
    records: Mapping[str, Record],
    said: Mapping[str, Truth],
) -> dict[str, Finding]:
    import numpy as np

    asked = outcome(params.contract)
    calibrated = asked.task != "regression"
    pairs = {
        batch: np.array([_pair(records[n], said[n].value, asked) for n in names], float)
        for batch, names in batches.items()
    }
    spread = 1.0
    if not calibrated:  # a difference in standard deviations of what the model gets wrong
        wrong = np.concatenate([each[:, 0] - each[:, 1] for each in pairs.values()])
        spread = float(wrong.std()) or 1.0
    compared = {
        name: signs(each[:, 0] / spread, each[:, 1] / spread, calibrated=calibrated)
        for name, each in pairs.items()
    }
    return examine(compared, params.evaluation.feedback, calibrated=calibrated)


def _pair(record: Record, truth: Any, asked: Outcome) -> tuple[float, float]:
    """Return truth and prediction: of classes, whether one happened and its probability."""
    if asked.task == "regression":
        return float(truth), float(record["value"])
    named = asked.positive if asked.task == "binary" else record["label"]
    return float(truth == named), float(record["probability"])


def _with_contract(
    contract: "Contract", frame: "pd.DataFrame", found: Finding, missing: Sequence[str]
) -> Finding:
    """Hold a batch back whose rows break the contract as it is now."""
    from playbill.contract.validation import failures

    known = {
        name: spec for name, spec in contract.schema_["columns"].items()
        if name not in missing and name in frame
    }  # fmt: skip
    broken = failures(frame, {**contract.schema_, "columns": known}, name="feedback")
    if not broken:
        return found
    return replace(found, believed=False, reason=f"it breaks the contract: {broken[0]}")


def _concatenated(frames: "list[pd.DataFrame]", contract: "Contract") -> "pd.DataFrame":
    import pandas as pd

    if not frames:
        return pd.DataFrame()
    return pd.concat(frames).sort_values(contract.key, kind="stable", ignore_index=True)
