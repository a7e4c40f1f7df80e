"""The verdict on new rows: which columns drifted, how far, and whether that is more than chance."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from playbill.drift import bins
from playbill.drift.comparison import compare, holm, limit_of_draws, seed_of
from playbill.drift.profile import SCORE, read_profile
from playbill.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.config.schema import Drift

Verdict = Literal["drift", "no drift", "inconclusive"]
REPORT_VERSION = 1
UNKNOWN_LIMIT = 10  # unknown categories that a report names


@dataclass(frozen=True)
class Bin:
    """One bin of a column: its readable name and its rows on both sides."""

    label: str
    reference: int
    current: int


@dataclass(frozen=True)
class ColumnDrift:
    """What the check found in one column."""

    name: str
    kind: str
    drifted: bool
    effect: float
    """Total variation distance beyond what sampling alone gives, from 0 to 1."""
    distance: float
    """Total variation distance as observed."""
    statistic: float
    """Pearson's chi-square of the counts."""
    p_value: float
    adjusted_p_value: float
    """After Holm's correction for all columns of the report."""
    missing_before: float
    missing_after: float
    unknown: tuple[tuple[str, int], ...]
    """Values that the reference does not know, and their rows; the commonest few."""
    unknown_values: int
    unknown_rows: int
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class DriftReport:
    """The verdict and the columns behind it, the farthest drifted first."""

    verdict: Verdict
    reason: str
    rows: int
    reference_rows: int
    alpha: float
    minimum_effect: float
    minimum_rows: int
    columns: tuple[ColumnDrift, ...]

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        """The columns that drifted."""
        return tuple(column for column in self.columns if column.drifted)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, keys in a fixed order."""
        return {"format_version": REPORT_VERSION, **asdict(self)}


def check(
    profile: Mapping[str, Any],
    frame: pd.DataFrame,
    policy: "Drift",
    *,
    scores: "Sequence[float] | NDArray[np.float64] | None" = None,
) -> DriftReport:
    """Compare rows with the reference profile.

    A column has drifted when its adjusted p-value is at most `policy.alpha` and its effect at
    least `policy.minimum_effect`. Other columns than the profiled ones are not looked at.

    Args:
        profile: What `build_profile` returned.
        frame: The new rows; their order does not matter.
        policy: Level, minimum effect, minimum rows, draws and seed; bins are the profile's.
        scores: Predicted probabilities of the rows; checked when the profile has a score section.

    Raises:
        DataError: A profiled column is missing or holds values of another kind.
        BundleError: The profile is not one.
    """
    profile = read_profile(profile, where="reference profile")
    counted = _counted(profile, frame, scores)
    limit = limit_of_draws(len(counted), policy.alpha, policy.draws)
    compared = [
        compare(
            np.array([b.reference for b in found.bins], dtype=np.int64),
            np.array([b.current for b in found.bins], dtype=np.int64),
            draws=policy.draws,
            limit=limit,
            seed=seed_of(policy.seed, name),
        )
        for name, _, found in counted
    ]
    adjusted = holm([one.p_value for one in compared])
    reference_rows = int(profile["rows"])
    enough = min(len(frame), reference_rows) >= policy.minimum_rows
    columns = [
        ColumnDrift(
            name=name,
            kind=section["kind"],
            drifted=enough and p <= policy.alpha and one.effect >= policy.minimum_effect,
            effect=one.effect,
            distance=one.distance,
            statistic=one.statistic,
            p_value=one.p_value,
            adjusted_p_value=p,
            **found.shares(),
            unknown=found.unknown[:UNKNOWN_LIMIT],
            unknown_values=len(found.unknown),
            unknown_rows=sum(count for _, count in found.unknown),
            bins=found.bins,
        )
        for (name, section, found), one, p in zip(counted, compared, adjusted, strict=True)
    ]
    columns.sort(key=lambda c: (not c.drifted, -c.effect, c.p_value, c.name))
    verdict, reason = _verdict(columns, len(frame), reference_rows, policy)
    return DriftReport(
        verdict=verdict,
        reason=reason,
        rows=len(frame),
        reference_rows=reference_rows,
        alpha=policy.alpha,
        minimum_effect=policy.minimum_effect,
        minimum_rows=policy.minimum_rows,
        columns=tuple(columns),
    )


def _counted(
    profile: Mapping[str, Any],
    frame: pd.DataFrame,
    scores: "Sequence[float] | NDArray[np.float64] | None",
) -> list[tuple[str, Any, "_Counted"]]:
    """Return name, section and counts of every column that is watched, the score last."""
    watched = [
        (name, section, _column(frame, name)) for name, section in profile["columns"].items()
    ]
    if scores is not None and "score" in profile:
        values = pd.Series(np.asarray(scores, dtype=np.float64), name=SCORE)
        watched.append((SCORE, profile["score"], values))
    return [(name, section, _count(series, section)) for name, section, series in watched]


def _verdict(
    columns: Sequence[ColumnDrift], rows: int, reference_rows: int, policy: "Drift"
) -> tuple[Verdict, str]:
    if min(rows, reference_rows) < policy.minimum_rows:
        side = "new" if rows <= reference_rows else "reference"
        return "inconclusive", (
            f"{min(rows, reference_rows):,} {side} rows are fewer than the "
            f"{policy.minimum_rows:,} that a verdict needs"
        )
    names = [column.name for column in columns if column.drifted]
    if not names:
        return "no drift", f"none of {len(columns)} columns differs by more than chance allows"
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")  # noqa: PLR2004 - a sentence, not a list
    return "drift", f"{len(names)} of {len(columns)} columns: {shown}"


def _column(frame: pd.DataFrame, name: str) -> "pd.Series[Any]":
    if name in frame.columns:
        found = frame[name]
        if isinstance(found, pd.DataFrame):
            raise DataError(f"column {name!r} occurs {found.shape[1]} times in the rows")
        return found
    near = difflib.get_close_matches(name, [str(column) for column in frame.columns], n=1)
    raise DataError(
        f"column {name!r} of the reference profile is not in the rows",
        where=f"columns {', '.join(map(str, list(frame.columns)[:20]))}",
        expected=f"{name} (the nearest here is {near[0]})" if near else name,
    )


@dataclass(frozen=True)
class _Counted:
    bins: tuple[Bin, ...]
    unknown: tuple[tuple[str, int], ...]

    def shares(self) -> dict[str, float]:
        missing = self.bins[-1]
        before = sum(one.reference for one in self.bins)
        after = sum(one.current for one in self.bins)
        return {
            "missing_before": missing.reference / before if before else 0.0,
            "missing_after": missing.current / after if after else 0.0,
        }


def _count(series: "pd.Series[Any]", section: Mapping[str, Any]) -> _Counted:
    """Count the rows into the bins of the profile; the last bin is `missing`."""
    if section["kind"] in {"number", "integer"}:
        counts, missing = bins.count_numbers(bins.numbers(series), section["edges"])
        labels = bins.edge_labels(section["edges"])
        current, unknown = counts.tolist(), {}
        reference = list(section["counts"])
    else:
        found, missing = bins.tally(series, section["kind"])
        labels = [*section["categories"], bins.OTHER]
        named = [found.pop(name, 0) for name in section["categories"]]
        current = [*named, sum(found.values())]
        reference = [*section["counts"], section["other"]]
        # An incomplete profile cannot tell a rare value from an unknown one.
        unknown = {name: found[name] for name in found.keys() - set(section["known"])}
        unknown = unknown if section["complete"] else {}
    pairs = zip(
        [*labels, bins.MISSING], [*reference, section["missing"]], [*current, missing], strict=True
    )
    ranked = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))
    return _Counted(tuple(Bin(*pair) for pair in pairs), tuple(ranked))
