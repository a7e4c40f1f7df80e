"""The verdict on new rows: which columns drifted, how far, and whether that is more than chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.drift import bins, periods
from playbill.drift.comparison import (
    FIRST_DRAWS,
    compare,
    detectable,
    holm,
    limit_of_draws,
    seed_of,
)
from playbill.drift.direct import estimate_direct
from playbill.drift.pairs import PairDrift, check_pairs
from playbill.drift.performance import Estimate, estimate
from playbill.drift.profile import read_profile
from playbill.drift.realised import Labelled, Realised, knows_truth, look_back
from playbill.drift.result import Basis, Bin, ColumnDrift, DriftReport, Verdict
from playbill.drift.strata import against_same_periods
from playbill.drift.tally import Tally

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from playbill.config.schema import Drift

NAMED = 5  # columns that a sentence lists
UNKNOWN_LIMIT = 10  # unknown categories that a report names


def check(
    profile: Mapping[str, Any],
    frame: "pd.DataFrame",
    policy: "Drift",
    *,
    scores: "Sequence[float] | NDArray[np.float64] | None" = None,
    truth: "NDArray[np.float64] | None" = None,
) -> DriftReport:
    """Compare rows with the reference profile; see `judge`.

    Args:
        profile: What `build_profile` returned.
        frame: The new rows; their order does not matter. `unit: period` goes by their time column,
            or, where they have none, by their number.
        policy: Level, minimum effect, minimum rows, draws and seed; bins are the profile's.
        scores: Predicted probabilities of the rows; checked when the profile has a score section.
        truth: 1 where a row turned out positive, 0 where not, NaN where it is not known.

    Raises:
        DataError: A profiled column is missing or holds values of another kind.
        BundleError: The profile is not one.
    """
    tally = Tally(read_profile(profile, where="reference profile"), policy)
    tally.add(frame, scores, truth)
    return judge(tally, policy)


def judge(tally: Tally, policy: "Drift") -> DriftReport:
    """Return the verdict on rows that were counted.

    A column or a pair has drifted when its adjusted p-value is at most `policy.alpha` and its
    effect at least `policy.minimum_effect`. The level is that of all `policy.checks` reports:
    they share it equally, and in each of them columns and pairs by halves. Other columns than the
    profiled ones are not looked at.
    """
    profile = tally.profile
    counted = [_counted(tally, name) for name in tally.sections]
    reference_rows = int(profile["rows"])
    enough = min(tally.rows, reference_rows) >= policy.minimum_rows
    joint = bool(len(tally.pairs))
    truth = _truth(tally) if enough else None
    usual = _windows(tally, counted, policy)
    # Bonferroni's division: it holds however the checks of a stream depend on each other.
    families = (1 + joint + (truth is not None)) * policy.checks
    tests = (
        _by_windows(counted, usual, policy.checks) if usual else _by_rows(counted, policy, families)
    )
    columns = [
        _judged(one, test, policy, enough=enough) for one, test in zip(counted, tests, strict=True)
    ]
    columns.sort(key=_rank)
    alone = {column.name for column in columns if column.drifted}
    paired = (
        check_pairs(profile["pairs"], tally.pairs, policy, families=families, explained=alone)
        if joint and enough
        else ()
    )
    known = look_back(profile["performance"], truth, policy, families=families) if truth else None
    sizes = tally.rows, reference_rows
    estimates = _estimates(tally, policy) if enough else ()
    verdict, reason = _verdict(columns, paired, known, sizes, policy, usual)
    return DriftReport(
        verdict=verdict,
        reason=reason,
        rows=tally.rows,
        reference_rows=reference_rows,
        alpha=policy.alpha,
        checks=policy.checks,
        minimum_effect=policy.minimum_effect,
        minimum_rows=policy.minimum_rows,
        basis=_basis(usual),
        windows=usual.count if usual else 0,
        periods=usual.length if usual else 0,
        detectable=None if usual else _detectable(counted, tally.rows, policy, families),
        columns=tuple(columns),
        measure=_measure(policy, estimates),
        minimum_loss=policy.minimum_loss,
        estimates=estimates,
        realised=known,
        pairs=paired,
    )


def _truth(tally: Tally) -> Labelled | None:
    """Return the labelled rows if there are enough and the reference's truth is known too."""
    found = tally.labelled
    if found is None or not found.enough() or not knows_truth(tally.profile.get("performance")):
        return None
    return found


@dataclass(frozen=True)
class _Counted:
    """A column of the profile: its bins on both sides, and what the reference does not know."""

    name: str
    section: Mapping[str, Any]
    bins: tuple[Bin, ...]
    unknown: tuple[tuple[str, int], ...]

    def reference(self) -> "NDArray[np.int64]":
        return np.array([one.reference for one in self.bins], dtype=np.int64)

    def current(self) -> "NDArray[np.int64]":
        return np.array([one.current for one in self.bins], dtype=np.int64)

    def shares(self) -> dict[str, float]:
        missing = self.bins[-1]
        before = sum(one.reference for one in self.bins)
        after = sum(one.current for one in self.bins)
        return {
            "missing_before": missing.reference / before if before else 0.0,
            "missing_after": missing.current / after if after else 0.0,
        }


@dataclass(frozen=True)
class _Test:
    statistic: float
    distance: float
    effect: float
    p_value: float
    adjusted: float


def _counted(tally: Tally, name: str) -> _Counted:
    """Return a column with its named bins; the last one is `missing`."""
    section, current = tally.sections[name], tally.counts[name].tolist()
    if "edges" in section:
        labels = bins.edge_labels(section["edges"])
        reference = [*section["counts"], section["missing"]]
    else:
        labels = [*section["categories"], bins.OTHER]
        reference = [*section["counts"], section["other"], section["missing"]]
    sides = zip([*labels, bins.MISSING], reference, current, strict=True)
    ranked = sorted(tally.unknown[name].items(), key=lambda item: (-item[1], item[0]))
    return _Counted(name, section, tuple(Bin(*side) for side in sides), tuple(ranked))


def _judged(one: _Counted, test: _Test, policy: "Drift", *, enough: bool) -> ColumnDrift:
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
        **one.shares(),
        unknown=one.unknown[:UNKNOWN_LIMIT],
        unknown_values=len(one.unknown),
        unknown_rows=sum(count for _, count in one.unknown),
        bins=one.bins,
    )


def _rank(column: ColumnDrift) -> tuple[bool, float, float, float, str]:
    """Drifted ones first, then by what their drift can do to the model: effect times importance."""
    weight = column.effect * max(column.importance or 0.0, 0.0)
    return not column.drifted, -weight, -column.effect, column.p_value, column.name


def _by_rows(counted: Sequence[_Counted], policy: "Drift", families: int) -> list[_Test]:
    """Test each column against chance draws of single rows; Holm's correction for all of them."""
    limit = limit_of_draws(families * len(counted), policy.alpha, policy.draws)
    compared = [
        compare(
            one.reference(),
            one.current(),
            draws=policy.draws,
            limit=limit,
            seed=seed_of(policy.seed, one.name),
            first=FIRST_DRAWS,
        )
        for one in counted
    ]
    adjusted = holm([one.p_value for one in compared])
    return [
        _Test(one.statistic, one.distance, one.effect, one.p_value, min(1.0, families * p))
        for one, p in zip(compared, adjusted, strict=True)
    ]


def _windows(tally: Tally, counted: Sequence[_Counted], policy: "Drift") -> periods.Windows | None:
    """Return the comparison with the reference's own windows; None where rows are compared."""
    if tally.periods is None:
        return None
    section, present = tally.periods.section, tally.periods.present
    if tally.periods.within is not None and tally.rows:
        return against_same_periods(section, tally.periods.within)
    current = {one.name: one.current().tolist() for one in counted}
    length = periods.length_of(section, present, tally.rows)
    return periods.against_windows(section, current, length, policy.alpha / policy.checks)


def _basis(usual: periods.Windows | None) -> Basis:
    if usual is None:
        return "rows"
    if usual.same_periods:
        return "same periods"
    return "windows" if usual.count else "design effect"


def _by_windows(counted: Sequence[_Counted], usual: periods.Windows, checks: int) -> list[_Test]:
    """Return the tests by name; what has no periods, as the score, is no cause of an alarm."""
    tests = []
    for one in counted:
        plain = compare(one.reference(), one.current(), draws=1, limit=1, seed=(0,))
        p, adjusted, effect = usual.of(one.name)
        told = min(1.0, checks * adjusted)
        tests.append(_Test(plain.statistic, plain.distance, effect, p, told))
    return tests


def _estimates(tally: Tally, policy: "Drift") -> tuple[Estimate, ...]:
    profile, scores = tally.profile, tally.scores
    if scores is None:
        return ()
    if section := profile.get("performance"):
        return estimate(section, scores, seed=policy.seed)
    direct = profile.get("direct")
    return () if direct is None else estimate_direct(direct, tally.counts)


def _measure(policy: "Drift", estimates: Sequence[Estimate]) -> str:
    """Return the measure that says whether it matters: the policy's, if such a model has it."""
    names = [one.measure for one in estimates]
    return policy.measure if policy.measure in names or not names else names[0]


def _detectable(
    counted: Sequence[_Counted], rows: int, policy: "Drift", families: int
) -> float | None:
    """Return the smallest effect that the column with the most bins shows with 80 % power."""
    if not counted or not rows:
        return None
    widest = max(counted, key=lambda one: len(one.bins))
    reference = int(widest.reference().sum())
    level = policy.alpha / (families * len(counted))
    found = detectable(reference, rows, bins=len(widest.bins), level=level)
    return None if found is None else max(found, policy.minimum_effect)


def _verdict(
    columns: Sequence[ColumnDrift],
    paired: Sequence[PairDrift],
    known: Realised | None,
    sizes: tuple[int, int],
    policy: "Drift",
    usual: periods.Windows | None,
) -> tuple[Verdict, str]:
    if min(sizes) < policy.minimum_rows:
        side = "new" if sizes[0] <= sizes[1] else "reference"
        return "inconclusive", (
            f"{min(sizes):,} {side} rows are fewer than the "
            f"{policy.minimum_rows:,} that a verdict needs"
        )
    names = [column.name for column in columns if column.drifted]
    both = [" and ".join(pair.columns) for pair in paired if pair.drifted]
    told = [f"{len(names)} of {len(columns)} columns: {_listed(names)}"] if names else []
    told += [f"{len(both)} of {len(paired)} pairs of columns: {_listed(both)}"] if both else []
    told += ["the same scores no longer mean the same"] if known and known.concept.drifted else []
    if told:
        return "drift", "; ".join(told)
    by_chance = usual is None or usual.same_periods
    than = "chance allows" if by_chance else "the reference's own periods do"
    return "no drift", f"none of {len(columns)} columns differs by more than {than}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if names[NAMED:] else "")
