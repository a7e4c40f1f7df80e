"""The reference profile: what drift checks need to know of the training rows, without the rows.

It holds bins and counts only and is bounded by the number of columns, not of rows. A part of the
rows chooses the bins and the others are counted: bins that are chosen from the very rows that are
counted make any later sample look different (the commonest categories of a sample are
over-represented in it, and the categories that it missed have a count of zero by construction).
With separate rows the counts are an honest sample, whatever the column looks like, and the test in
`playbill.drift.comparison` is exact. How many rows choose: `sample_size`.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from playbill.drift import bins, pairs, periods
from playbill.errors import BundleError, ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from playbill.config.schema import Drift
    from playbill.contract.column import Column

FORMAT_VERSION = 2
READABLE = {1, 2}  # 1 had neither pairs nor periods
SCORE = "(prediction)"
CHOOSING_SHARE = 20  # one row in so many chooses the bins
CHOOSING_ROWS_PER_BIN = 10  # but at least so many a bin, for quantiles that deserve the name
CHOOSING_LIMIT = 5000  # more rows do not make better bins
# A value earns a bin of its own when it came so often among the choosing rows. With one, every
# identifier would get a bin that only the choosing rows can fill, and rows that contain those (a
# part of the training rows, checked again) would look different.
CHOOSING_REPEATS = 3


def sample_size(rows: int, policy: "Drift") -> int:
    """Return how many of the reference rows choose the bins; the others are counted."""
    wanted = max(rows // CHOOSING_SHARE, CHOOSING_ROWS_PER_BIN * policy.bins)
    return min(wanted, rows // 2, CHOOSING_LIMIT)


def build_profile(
    frame: pd.DataFrame,
    columns: "Sequence[Column]",
    policy: "Drift",
    *,
    scores: "Sequence[float] | NDArray[np.float64] | None" = None,
    time: str | None = None,
) -> dict[str, Any]:
    """Return the profile of the reference rows as plain values for a JSON file.

    Args:
        frame: The rows that the model learned from.
        columns: What to watch; columns that hold times are left out, because time always moves.
        policy: Number of bins and categories, and the seed that picks the choosing rows.
        scores: Predicted probabilities of rows that the model did not learn from, if known.
        time: Column with the time of each row; `unit: period` needs it.

    Raises:
        ConfigError: The policy goes by periods and no column holds the time.
        DataError: No row, a missing column, or a value of the wrong kind.
    """
    if len(frame) < 2:  # noqa: PLR2004 - one row to choose, one to count
        raise DataError(f"{len(frame)} rows cannot be a reference", expected="at least 2 rows")
    profiled: dict[str, Any] = {}
    placed: dict[str, NDArray[np.int64]] = {}
    chooses = _choosing(len(frame), policy)
    for column in columns:
        if column.kind == "datetime":
            continue
        if column.name not in frame.columns:
            raise DataError(f"column {column.name!r} is not in the reference rows")
        profiled[column.name], placed[column.name] = _profile_column(
            frame[column.name], column.kind, chooses, policy, declared=column.categories
        )
    profile: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "rows": len(frame),
        "choosing_rows": int(chooses.sum()),
        "policy": policy.model_dump(mode="json", exclude={"policy"}),
        "columns": profiled,
    }
    if policy.joint:
        profile["pairs"] = pairs.profile_pairs(placed, profiled, chooses)
    if policy.unit == "period":
        profile["periods"] = _periods(frame, time, placed, profiled, ~chooses, policy)
    if scores is not None:
        series = pd.Series(np.asarray(scores, dtype=np.float64), name=SCORE)
        if len(series) < 2:  # noqa: PLR2004 - as above
            raise DataError(f"{len(series)} scores cannot be a reference")
        chosen = _choosing(len(series), policy)
        profile["score"], _ = _profile_column(series, "number", chosen, policy)
    return profile


def with_model(
    profile: "Mapping[str, Any]",
    *,
    performance: "Mapping[str, Any] | None" = None,
    importance: "Mapping[str, float] | None" = None,
    direct: "Mapping[str, Any] | None" = None,
) -> dict[str, Any]:
    """Return a profile with what is known of the model besides.

    Args:
        profile: What `build_profile` returned.
        performance: What `profile_performance` says of the hold-out, for a binary model.
        importance: How much the model loses when a column is shuffled, by column.
        direct: What `profile_direct` says of it, for a regressor or a model of many classes.
    """
    losses = importance or {}
    columns = {
        name: {**section, "importance": losses[name]} if name in losses else section
        for name, section in profile["columns"].items()
    }
    both = {"performance": performance, "direct": direct}
    known = {name: dict(each) for name, each in both.items() if each is not None}
    return {**profile, **known, "columns": columns}


def _periods(
    frame: pd.DataFrame,
    time: str | None,
    placed: "Mapping[str, NDArray[np.int64]]",
    profiled: "Mapping[str, Any]",
    counted: "NDArray[np.bool_]",
    policy: "Drift",
) -> dict[str, Any]:
    if time is None or time not in frame.columns:
        raise ConfigError(
            "the drift policy goes by periods, and no column holds the time of a row",
            where="conf/drift unit",
            expected="a column of the contract with the role `time`, or `unit: row`",
        )
    sizes = {name: bins.size(section) for name, section in profiled.items()}
    return periods.profile_periods(frame[time], placed, sizes, counted, policy)


def _choosing(rows: int, policy: "Drift") -> "NDArray[np.bool_]":
    picked = np.random.default_rng(policy.seed).choice(
        rows, size=sample_size(rows, policy), replace=False
    )
    mask = np.zeros(rows, dtype=np.bool_)
    mask[picked] = True
    return mask


def _profile_column(
    series: "pd.Series[Any]",
    kind: str,
    chooses: "NDArray[np.bool_]",
    policy: "Drift",
    *,
    declared: "Sequence[str] | None" = None,
) -> tuple[dict[str, Any], "NDArray[np.int64]"]:
    """Return a column's section and the bin of every row."""
    section: dict[str, Any] = {"kind": kind}
    if kind in {"number", "integer"}:
        section["edges"] = bins.choose_edges(bins.numbers(series)[chooses], policy.bins)
    else:
        section["categories"] = _categories(series[chooses], kind, policy, declared)
    where = bins.place(series, section)
    counts = [int(n) for n in np.bincount(where[~chooses], minlength=bins.size(section))]
    chosen = np.bincount(where[chooses], minlength=bins.size(section))[:-1]
    section["coarse"] = pairs.coarse_groups(chosen.tolist(), ordered="edges" in section)
    section["missing"] = counts.pop()
    if "edges" in section:
        return {**section, "counts": counts}, where
    section["other"] = counts.pop()
    counted, _ = bins.tally(series[~chooses], kind)
    others = {n: counted[n] for n in counted.keys() - set(section["categories"])}
    known = bins.choose_categories(others, max(policy.categories - len(section["categories"]), 0))
    # `known` are named for the report and counted in `other`
    return {
        **section,
        "counts": counts,
        "known": known,
        "complete": len(known) == len(others),
    }, where


def _categories(
    chosen_from: "pd.Series[Any]", kind: str, policy: "Drift", declared: "Sequence[str] | None"
) -> list[str]:
    """Return the values that get a bin: what is declared anyway, else the common ones."""
    if kind == "boolean":
        return ["false", "true"]
    if declared and len(declared) <= policy.categories:
        return list(declared)
    seen, _ = bins.tally(chosen_from, kind)
    often = {name: count for name, count in seen.items() if count >= CHOOSING_REPEATS}
    return bins.choose_categories(often, policy.categories)


def read_profile(value: Any, *, where: str) -> dict[str, Any]:
    """Return `value` when it is a profile of this format.

    Raises:
        BundleError: It is something else, or was written by a later version.
    """
    if not isinstance(value, dict) or not isinstance(value.get("columns"), dict):
        raise BundleError("this is not a reference profile", where=where)
    if value.get("format_version") not in READABLE:
        raise BundleError(
            f"reference profile of format {value.get('format_version')!r}",
            where=where,
            expected=f"format {FORMAT_VERSION} or older",
            run="package the model again with this version of playbill: dvc repro",
        )
    return value
