"""Takes feedback from a file, as strictly as the server takes it from a request."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config.nearest import nearest
from playbill.contract.outcome import outcome
from playbill.errors import ContractError, DataError
from playbill.prediction.feedback import Kept, Truth, keep
from playbill.prediction.log import is_identifier
from playbill.prediction.lookup import locate

if TYPE_CHECKING:
    import pandas as pd

    from playbill.config.schema import Contract, Params

IDENTIFIER = "prediction_id"
TRUTH = "truth"
LISTED = 5
EVER = 1e12  # seconds; segments of any age are searched
_SHOWN = 12


def take(params: "Params", file: Path, logs: Sequence[str], store: Path) -> Kept:
    """Add the truths of a CSV or Parquet file to a file of feedback: all of them, or none.

    Args:
        params: The project's; its contract types the truth.
        file: Columns `prediction_id` and `truth`, or the target's name instead.
        logs: Folders or URLs of prediction logs, in which every prediction must be found.
        store: The file that keeps feedback.

    Raises:
        DataError: The file or a log cannot be read, or a prediction is unknown.
        ContractError: A truth is not as the contract's target.
    """
    frame = _read(file)
    contract = params.contract
    column = TRUTH if TRUTH in frame else contract.target
    for name in (IDENTIFIER, column):
        if name not in frame:
            raise DataError(
                f"{file} has no column `{name}`", where=str(file),
                expected=nearest(name, map(str, frame.columns)),
            )  # fmt: skip
    names = frame[IDENTIFIER].tolist()
    _refuse(names, [not is_identifier(str(name)) for name in names], file, "no identifier")
    values = [_value(each, contract) for each in frame[column].tolist()]
    _refuse_wrong(values, frame[column].tolist(), file, contract)
    records = locate(names, logs, segment_seconds=EVER)
    strange = [records.get(name, {}).get("model") != params.name for name in names]
    _refuse(names, strange, file, f"no prediction of {params.name} in the log")
    kept = keep(store, _truths(names, values, file))
    if kept.contradicting:
        raise DataError(
            f"{len(kept.contradicting)} truths contradict what is known; nothing was taken",
            where=f"{file}: {kept.contradicting[0]}",
            expected="the same truth whenever a prediction is named",
        )
    return kept


def _truths(names: Sequence[str], values: Sequence[Any], file: Path) -> list[Truth]:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:_SHOWN]
    received = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    batch = f"{file.name} {digest}"
    return [
        Truth(name, value, received, file.name, batch)
        for name, value in zip(names, values, strict=True)
    ]


def _read(file: Path) -> "pd.DataFrame":
    from playbill.drift.rows import read_rows

    texts = {IDENTIFIER: {"kind": "text"}}
    return read_rows(file, {"columns": texts})


def _value(value: Any, contract: "Contract") -> Any:
    """Return a truth in the contract's terms, None if it is not as the target must be."""
    asked = outcome(contract)
    if asked.task != "regression":
        return next((each for each in asked.classes if str(each) == _plain(value)), None)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    from playbill.contract.column import columns

    target = next(each for each in columns(contract) if each.name == contract.target)
    low = float("-inf") if target.minimum is None else target.minimum
    high = float("inf") if target.maximum is None else target.maximum
    return number if low <= number <= high and abs(number) != float("inf") else None


def _plain(value: Any) -> str:
    """Return the text of a class: a CSV file has 1.0 for 1 if another row has none."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)


def _refuse_wrong(
    values: Sequence[Any], shown: Sequence[Any], file: Path, contract: "Contract"
) -> None:
    bad = [number for number, value in enumerate(values) if value is None]
    if bad:
        examples = ", ".join(f"`{str(shown[number])[:40]}`" for number in bad[:LISTED])
        raise ContractError(
            f"{len(bad)} truths are not as the target `{contract.target}`: {examples}",
            where=f"{file}, row {bad[0] + 1}",
            expected=str(list(outcome(contract).classes) or "a number within its range"),
        )


def _refuse(names: Sequence[str], bad: Sequence[bool], file: Path, what: str) -> None:
    rows = [number for number, strange in enumerate(bad) if strange]
    if rows:
        raise DataError(
            f"{len(rows)} rows name {what}: {str(names[rows[0]])[:60]}; nothing was taken",
            where=f"{file}, row {rows[0] + 1}",
            expected="the prediction_id of answers of this model",
        )
