"""New rows from the prediction log: what the server was asked, and what it answered.

The log leaves personal columns out, or holds a keyed HMAC of them, so they cannot be compared.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbill.errors import DataError
from playbill.prediction import log as prediction_log

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Logged:
    """Rows of a log.

    Attributes:
        rows: The rows that the server was asked about, a column for each input that was logged.
        scores: The probability that was answered, float64 of shape (rows,); None unless each record
            has one.
        models: The digests of the models that answered, sorted.
    """

    rows: pd.DataFrame
    scores: "NDArray[np.float64] | None"
    models: tuple[str, ...]


def read_log(place: str, span: tuple[date, date] | None, time_column: str | None) -> Logged:
    """Return the rows that were predicted in a span of days (UTC; all if None).

    Args:
        place: Folder of the segments, or a URL that fsspec opens.
        span: First day, and the first day that is no longer of interest.
        time_column: Column of the reference's time; where rows do not have it, the moment of the
            prediction stands in its place.

    Raises:
        DataError: The log cannot be read or has no record of that span.
    """
    bounds = None if span is None else tuple(_midnight(day) for day in span)
    found = [
        record
        for record in prediction_log.records(place)
        if bounds is None or bounds[0] <= record["time"] < bounds[1]
    ]
    if not found:
        when = "" if span is None else f" from {span[0]} to {span[1]}"
        raise DataError(
            f"the log has no prediction{when}",
            where=place,
            expected="segments predictions-*.jsonl with a record of each answer",
            run="name the folder or the URL to which the server logs: playbill serve --log",
        )
    rows = pd.DataFrame.from_records([record["row"] for record in found])
    if time_column and time_column not in rows:
        rows[time_column] = pd.to_datetime([record["time"] for record in found], utc=True)
    said = [record.get("probability") for record in found]
    known = all(isinstance(one, float) for one in said)
    return Logged(
        rows=rows,
        scores=np.asarray(said, dtype=np.float64) if known else None,
        models=tuple(sorted({str(record.get("model_digest")) for record in found})),
    )


def without(profile: "Mapping[str, Any]", names: "Collection[str]") -> dict[str, Any]:
    """Return a reference profile that does not watch these columns.

    Raises:
        DataError: Nothing would be left to watch.
    """
    columns = {name: each for name, each in profile["columns"].items() if name not in names}
    if not columns:
        raise DataError(
            "the log holds no column of the reference that could be compared",
            where=", ".join(sorted(names)),
            expected="an input that the contract does not call personal",
        )
    pairs = [each for each in profile.get("pairs", []) if not {*each["columns"]} & {*names}]
    return {**profile, "columns": columns, **({"pairs": pairs} if "pairs" in profile else {})}


def _midnight(day: date) -> str:
    return datetime.combine(day, time(), UTC).strftime("%Y-%m-%dT%H:%M:%S")
