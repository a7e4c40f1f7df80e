"""The verdict on new rows: which columns drifted, how far, and whether that is more than chance."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from playbill.drift import bins, periods
from playbill.drift.comparison import compare, detectable, holm, limit_of_draws, seed_of
from playbill.drift.pairs import PairDrift, check_pairs
from playbill.drift.performance import Estimate, estimate
from playbill.drift.profile import SCORE, read_profile
from playbill.drift.strata import against_same_periods, strata
from playbill.errors import BundleError, DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.config.schema import Drift

Verdict = Literal["drift", "no drift", "inconclusive"]
Basis = Literal["rows", "windows", "design effect", "same periods"]
REPORT_VERSION = 2
NAMED = 5  # columns that a sentence lists
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
    """After the correction for all tests of the report."""
    importance: float | None
    """How much the model loses when the column is shuffled; None if it is not known."""
    missing_before: float
    missing_after: float
    unknown: tuple[tuple[str, int], ...]
    """Values that the reference does not know, and their rows; the commonest few."""
    unknown_values: int
    unknown_rows: int
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class DriftReport:
    """The verdict and the columns behind it, those whose drift matters most to the model first."""

    verdict: Verdict
    reason: str
    rows: int
    reference_rows: int
    alpha: float
    minimum_effect: float
    minimum_rows: int
    basis: Basis
    """What is usual: chance draws of rows; the reference's windows; where the new rows span too
    many periods for that, how much its periods differ; or the reference rows of their periods."""
    windows: int
    """How many windows of the reference the new rows were compared with."""
    periods: int
    """How many periods the new rows span; 0 where single rows are drawn."""
    detectable: float | None
    """With `rows`: the effect that these rows show with 80 % power, in any one column."""
    columns: tuple[ColumnDrift, ...]
    measure: str
    """The measure whose estimated loss says whether it matters."""
    minimum_loss: float
    estimates: tuple[Estimate, ...]
    """What a binary model's measures are expected to be on the new rows; empty if unknown."""
    pairs: tuple[PairDrift, ...]
    """Columns counted two by two, the farthest drifted first; empty unless rows are drawn."""

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        """The columns that drifted."""
        return tuple(column for column in self.columns if column.drifted)

    @property
    def estimate(self) -> Estimate | None:
        """The estimate of the measure that decides whether it matters, if there is one."""
        return next((one for one in self.estimates if one.measure == self.measure), None)

    @property
    def matters(self) -> bool | None:
        """Whether the whole interval of the estimated loss lies above the smallest that matters."""
        found = self.estimate
        return None if found is None else found.loss_low > self.minimum_loss

    @property
    def drifted_pairs(self) -> tuple[PairDrift, ...]:
        """The pairs that drifted though neither of their columns did."""
        return tuple(pair for pair in self.pairs if pair.drifted)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, keys in a fixed order."""
        return {"format_version": REPORT_VERSION, **asdict(self), "matters": self.matters}


def check(
    profile: Mapping[str, Any],
    frame: pd.DataFrame,
    policy: "Drift",
    *,
    scores: "Sequence[float] | NDArray[np.float64] | None" = None,
) -> DriftReport:
    """Compare rows with the reference profile.

    A column or a pair has drifted when its adjusted p-value is at most `policy.alpha` and its
    effect at least `policy.minimum_effect`. The level is that of the whole report: columns and
    pairs share it by halves. Other columns than the profiled ones are not looked at.

    Args:
        profile: What `build_profile` returned.
        frame: The new rows; their order does not matter. `unit: period` goes by their time column,
            or, where they have none, by their number.
        policy: Level, minimum effect, minimum rows, draws and seed; bins are the profile's.
        scores: Predicted probabilities of the rows; checked when the profile has a score section.

    Raises:
        DataError: A profiled column is missing or holds values of another kind.
        BundleError: The profile is not one.
    """
    profile = read_profile(profile, where="reference profile")
    counted = _counted(profile, frame, scores)
    reference_rows = int(profile["rows"])
    enough = min(len(frame), reference_rows) >= policy.minimum_rows
    by_period = policy.unit == "period"
    joint = policy.joint and not by_period and bool(profile.get("pairs"))
    usual = _windows(profile, frame, counted, policy.alpha) if by_period else None
    tests = _by_windows(counted, usual) if usual else _by_rows(counted, policy, 1 + joint)
    columns = [
        _judged(one, test, policy, enough=enough) for one, test in zip(counted, tests, strict=True)
    ]
    columns.sort(key=_rank)
    alone = {column.name for column in columns if column.drifted}
    paired = (
        check_pairs(
            profile, {one.name: one.where for one in counted}, policy, families=2, explained=alone
        )
        if joint and enough
        else ()
    )
    verdict, reason = _verdict(columns, paired, len(frame), reference_rows, policy, usual)
    return DriftReport(
        verdict=verdict,
        reason=reason,
        rows=len(frame),
        reference_rows=reference_rows,
        alpha=policy.alpha,
        minimum_effect=policy.minimum_effect,
        minimum_rows=policy.minimum_rows,
        basis=_basis(usual),
        windows=usual.count if usual else 0,
        periods=usual.length if usual else 0,
        detectable=None if usual else _detectable(counted, len(frame), policy, 1 + joint),
        columns=tuple(columns),
        measure=policy.measure,
        minimum_loss=policy.minimum_loss,
        estimates=_estimates(profile, scores, policy) if enough else (),
        pairs=paired,
    )


@dataclass(frozen=True)
class _Watched:
    """A column of the profile with the new rows counted into its bins."""

    name: str
    section: Mapping[str, Any]
    where: "NDArray[np.int64]"
    found: "_Counted"

    def reference(self) -> "NDArray[np.int64]":
        return np.array([one.reference for one in self.found.bins], dtype=np.int64)

    def current(self) -> "NDArray[np.int64]":
        return np.array([one.current for one in self.found.bins], dtype=np.int64)


@dataclass(frozen=True)
class _Test:
    statistic: float
    distance: float
    effect: float
    p_value: float
    adjusted: float


def _judged(one: _Watched, test: _Test, policy: "Drift", *, enough: bool) -> ColumnDrift:
    """Return what was found in a column; with too few rows nothing has drifted."""
    significant = test.adjusted <= policy.alpha and test.effect >= policy.minimum_effect
    return ColumnDrift(
        name=one.name,
        kind=one.section["kind"],
        drifted=enough and significant,
        effect=test.effect,
        distance=test.distance,
        statistic=test.statistic,
        p_value=test.p_value,
        adjusted_p_value=test.adjusted,
        importance=one.section.get("importance"),
        **one.found.shares(),
        unknown=one.found.unknown[:UNKNOWN_LIMIT],
        unknown_values=len(one.found.unknown),
        unknown_rows=sum(count for _, count in one.found.unknown),
        bins=one.found.bins,
    )


def _rank(column: ColumnDrift) -> tuple[bool, float, float, float, str]:
    """Drifted ones first, then by what their drift can do to the model: effect times importance."""
    weight = column.effect * max(column.importance or 0.0, 0.0)
    return not column.drifted, -weight, -column.effect, column.p_value, column.name


def _counted(
    profile: Mapping[str, Any],
    frame: pd.DataFrame,
    scores: "Sequence[float] | NDArray[np.float64] | None",
) -> list[_Watched]:
    """Return every column that is watched with its counts, the score last."""
    watched = [
        (name, section, _column(frame, name)) for name, section in profile["columns"].items()
    ]
    if scores is not None and "score" in profile:
        values = pd.Series(np.asarray(scores, dtype=np.float64), name=SCORE)
        watched.append((SCORE, profile["score"], values))
    found = []
    for name, section, series in watched:
        where = bins.place(series, section)
        found.append(_Watched(name, section, where, _count(series, section, where)))
    return found


def _by_rows(counted: Sequence[_Watched], policy: "Drift", families: int) -> list[_Test]:
    """Test each column against chance draws of single rows; Holm's correction for all of them."""
    limit = limit_of_draws(families * len(counted), policy.alpha, policy.draws)
    compared = [
        compare(
            one.reference(),
            one.current(),
            draws=policy.draws,
            limit=limit,
            seed=seed_of(policy.seed, one.name),
        )
        for one in counted
    ]
    adjusted = holm([one.p_value for one in compared])
    return [
        _Test(one.statistic, one.distance, one.effect, one.p_value, min(1.0, families * p))
        for one, p in zip(compared, adjusted, strict=True)
    ]


def _windows(
    profile: Mapping[str, Any], frame: pd.DataFrame, counted: Sequence[_Watched], alpha: float
) -> periods.Windows:
    """Return the comparison with the reference's own windows.

    Raises:
        BundleError: The profile was built without periods.
    """
    section = profile.get("periods")
    if section is None:
        raise BundleError(
            "the drift policy goes by periods and the bundle's profile has none",
            where="model/profile.json",
            expected="a profile that was built under `unit: period`",
            run="dvc repro (to package again), or `unit: row` in conf/drift",
        )
    if (within := strata(section, frame)) is not None:
        return against_same_periods(section, within, {one.name: one.where for one in counted})
    current = {one.name: one.current().tolist() for one in counted}
    length = periods.length_of(section, frame)
    return periods.against_windows(section, current, length, alpha)


def _basis(usual: periods.Windows | None) -> Basis:
    if usual is None:
        return "rows"
    if usual.same_periods:
        return "same periods"
    return "windows" if usual.count else "design effect"


def _by_windows(counted: Sequence[_Watched], usual: periods.Windows) -> list[_Test]:
    """Return the tests by name; what has no periods, as the score, is no cause of an alarm."""
    tests = []
    for one in counted:
        plain = compare(one.reference(), one.current(), draws=1, limit=1, seed=(0,))
        p, adjusted, effect = usual.of(one.name)
        tests.append(_Test(plain.statistic, plain.distance, effect, p, adjusted))
    return tests


def _estimates(
    profile: Mapping[str, Any],
    scores: "Sequence[float] | NDArray[np.float64] | None",
    policy: "Drift",
) -> tuple[Estimate, ...]:
    section = profile.get("performance")
    if section is None or scores is None:
        return ()
    return estimate(section, np.asarray(scores, dtype=np.float64), seed=policy.seed)


def _detectable(
    counted: Sequence[_Watched], rows: int, policy: "Drift", families: int
) -> float | None:
    """Return the smallest effect that the column with the most bins shows with 80 % power."""
    if not counted or not rows:
        return None
    widest = max(counted, key=lambda one: len(one.found.bins))
    reference = int(widest.reference().sum())
    level = policy.alpha / (families * len(counted))
    found = detectable(reference, rows, bins=len(widest.found.bins), level=level)
    return None if found is None else max(found, policy.minimum_effect)


def _verdict(
    columns: Sequence[ColumnDrift],
    paired: Sequence[PairDrift],
    rows: int,
    reference_rows: int,
    policy: "Drift",
    usual: periods.Windows | None,
) -> tuple[Verdict, str]:
    if min(rows, reference_rows) < policy.minimum_rows:
        side = "new" if rows <= reference_rows else "reference"
        return "inconclusive", (
            f"{min(rows, reference_rows):,} {side} rows are fewer than the "
            f"{policy.minimum_rows:,} that a verdict needs"
        )
    names = [column.name for column in columns if column.drifted]
    both = [" and ".join(pair.columns) for pair in paired if pair.drifted]
    told = [f"{len(names)} of {len(columns)} columns: {_listed(names)}"] if names else []
    told += [f"{len(both)} of {len(paired)} pairs of columns: {_listed(both)}"] if both else []
    if told:
        return "drift", "; ".join(told)
    by_chance = usual is None or usual.same_periods
    than = "chance allows" if by_chance else "the reference's own periods do"
    return "no drift", f"none of {len(columns)} columns differs by more than {than}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if names[NAMED:] else "")


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


def _count(
    series: "pd.Series[Any]", section: Mapping[str, Any], where: "NDArray[np.int64]"
) -> _Counted:
    """Count the rows into the bins of the profile; the last bin is `missing`."""
    current = np.bincount(where, minlength=bins.size(section)).tolist()
    if "edges" in section:
        labels = bins.edge_labels(section["edges"])
        reference, unknown = [*section["counts"], section["missing"]], {}
    else:
        labels = [*section["categories"], bins.OTHER]
        reference = [*section["counts"], section["other"], section["missing"]]
        # An incomplete profile cannot tell a rare value from an unknown one.
        unknown = _unknown(series, section) if section["complete"] else {}
    pairs = zip([*labels, bins.MISSING], reference, current, strict=True)
    ranked = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))
    return _Counted(tuple(Bin(*pair) for pair in pairs), tuple(ranked))


def _unknown(series: "pd.Series[Any]", section: Mapping[str, Any]) -> dict[str, int]:
    found, _ = bins.tally(series, section["kind"])
    return {n: found[n] for n in found.keys() - {*section["categories"], *section["known"]}}
