"""Whether a challenger may take the champion's place: pure, arrays and a policy in, a decision out.

Every claim is one-sided at the declared error. Non-inferiority and superiority of the deciding
metric are read off one bound, and floors are asked of bounds too, never of noisy values. The slices
are corrected among each other (Holm 1979) if any of them can refuse; if all must be proven, each is
tested at the full error (an intersection-union test: Berger 1982).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from playbill.config.metric import HIGHER_IS_BETTER, Metric
from playbill.evaluation.bootstrap import Part, Plan, draw
from playbill.evaluation.contrast import Contrast, Pair, contrast
from playbill.evaluation.metrics import statistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.config.decision import Gate
    from playbill.evaluation.scored import Scored

SEED = 20_130_101  # fixed: evidence can be computed again
FEW = 10  # blocks; with fewer no bound keeps its error
Progress = Callable[[int, int], None]
Claim = Literal["better", "not worse", "worse", "unclear"]


@dataclass(frozen=True)
class Check:
    """One thing that the gate asks, and the answer."""

    name: Literal["rows", "metric", "slices", "floors", "privacy"]
    passed: bool
    said: str


@dataclass(frozen=True)
class SliceContrast:
    """One slice.

    Attributes:
        column: Its column.
        value: The value that its rows have.
        contrast: Both models on these rows.
        adjusted: The p-value of "not worse by more than the margin", corrected among the slices.
        passed: Whether it stands in nobody's way.
    """

    column: str
    value: str
    contrast: Contrast
    adjusted: float
    passed: bool


@dataclass(frozen=True)
class Floor:
    """A metric's worst acceptable value, and what the challenger has.

    Attributes:
        metric: The metric.
        limit: The declared value.
        value: The challenger's.
        bound: How bad it may really be: one-sided, at the declared error.
        passed: Whether the bound is no worse than the limit.
    """

    metric: Metric
    limit: float
    value: float
    bound: float
    passed: bool


@dataclass(frozen=True)
class Decision:
    """What the gate says and why.

    Attributes:
        kind: `contest`; or `first`: there is no champion, so the floors alone decide.
        passed: The answer.
        claim: What may be said of the challenger; None if nothing was compared.
        checks: What was asked.
        contrast: Both models by the deciding metric.
        slices: Both models on every slice with enough rows.
        small: Slices that were left out, for too few rows or because the metric is undefined.
        floors: The floors.
        rows: How many rows were compared.
        blocks: How many of them are independent: blocks, or rows.
        detectable: True gain that would be claimed in the declared share of such runs.
        passing: How often a model that is just as good would be found non-inferior.
    """

    kind: Literal["contest", "first"]
    passed: bool
    claim: Claim | None
    checks: tuple[Check, ...]
    contrast: Contrast | None
    slices: tuple[SliceContrast, ...]
    small: int
    floors: tuple[Floor, ...]
    rows: int
    blocks: int
    detectable: float | None
    passing: float | None


@dataclass(frozen=True)
class Question:
    """What is to be decided, on which rows.

    Attributes:
        challenger: What the challenger said of the rows, and what is true.
        champion: What the champion said of the same rows; None: there is none.
        slices: Each row's value by column.
        blocks: Position of each row's block, (n,); None: each row is its own.
        metric: The deciding metric.
        slice_rows: Slices with fewer rows are left out.
        refused: Rows that are not among these, as a model's contract refuses them.
        k: Rows in the smallest group of the challenger's rows that have equal quasi-identifiers;
            None: nobody counted them.
    """

    challenger: "Scored"
    champion: "Scored | None"
    slices: Mapping[str, "NDArray[Any]"]
    blocks: "NDArray[np.int64] | None"
    metric: Metric
    slice_rows: int
    refused: int = 0
    k: int | None = None


def decide(question: Question, gate: "Gate", progress: Progress | None = None) -> Decision:
    """Answer a question by a policy; `progress` is told the draws that are done, and all."""
    advance = _counted(question, gate, progress) if progress else None
    plan = Plan(blocks=question.blocks, draws=gate.draws, seed=SEED, advance=advance)
    rows, blocks = len(question.challenger), plan.of(len(question.challenger))
    checks = [_enough(rows, blocks, gate, by_block=question.blocks is not None)]
    checks += _few_refused(question.refused, rows, gate)
    checks += _anonymous(question.k, gate)
    found: Contrast | None = None
    slices: tuple[SliceContrast, ...] = ()
    floors: tuple[Floor, ...] = ()
    small = 0
    if all(check.passed for check in checks):
        if question.champion is not None:
            pair = Pair(question.champion, question.challenger, plan)
            found = contrast(pair, question.metric, gate.test, gate.alpha)
            checks.append(_rule(found, gate))
            slices, small = compare_slices(pair, question, gate)
            checks += _no_harm(slices, gate)
        floors = tuple(_floors(question.challenger, plan, gate))
        checks.append(_floored(floors))
    is_defined = found is not None and found.is_defined
    return Decision(
        kind="first" if question.champion is None else "contest",
        passed=all(check.passed for check in checks),
        claim=claim(found, gate.margin) if found else None,
        checks=tuple(checks),
        contrast=found,
        slices=slices,
        small=small,
        floors=floors,
        rows=rows,
        blocks=blocks,
        detectable=found.detectable(gate.alpha, gate.power) if found and is_defined else None,
        passing=found.chance_of_passing(gate.margin, gate.alpha) if found and is_defined else None,
    )


def _counted(question: Question, gate: "Gate", progress: Progress) -> Callable[[int], None]:
    """Return what a plan tells its draws, so that they are counted against all there may be."""
    parts = 1 + sum(len(np.unique(values)) for values in question.slices.values())
    total, done = gate.draws * (parts + bool(gate.floors)), 0

    def advance(draws: int) -> None:
        nonlocal done
        done += draws
        progress(done, total)

    return advance


def claim(found: Contrast, margin: float) -> Claim:
    """Return what a contrast allows to say; `unclear` if it is neither shown nor ruled out."""
    if found.low > 0:
        return "better"
    if found.low > -margin or (found.low == found.high == 0):
        return "not worse"
    return "worse" if found.high < -margin else "unclear"


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for the family-wise error (Holm 1979), in the given order."""
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, largest = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = largest
    return adjusted


def compare_slices(
    pair: Pair, question: Question, gate: "Gate"
) -> tuple[tuple[SliceContrast, ...], int]:
    """Return both models on each slice with enough rows, and how many slices were left out."""
    measured: list[tuple[str, str, Contrast]] = []
    small = 0
    for column, values in question.slices.items():
        names, place = np.unique(values, return_inverse=True)
        for position, name in enumerate(names):
            rows = np.flatnonzero(place == position)
            part = pair.take(rows)
            if len(rows) >= question.slice_rows and part.units >= min(FEW, pair.units):
                found = contrast(part, question.metric, gate.test, gate.alpha)
                if found.is_defined:
                    measured.append((column, str(name), found))
                    continue
            small += 1
    adjusted = holm([found.chance_of_harm(gate.slice_margin) for _, _, found in measured])
    slices = tuple(
        SliceContrast(column, value, found, p, _may_pass(found, p, gate))
        for (column, value, found), p in zip(measured, adjusted, strict=True)
    )
    return slices, small


def _may_pass(found: Contrast, adjusted: float, gate: "Gate") -> bool:
    if gate.slice_rule == "proof":
        return claim(found, gate.slice_margin) in ("better", "not worse")
    return adjusted >= gate.alpha


def _enough(rows: int, blocks: int, gate: "Gate", *, by_block: bool) -> Check:
    said = f"{rows:,} rows that neither model was trained on, at least {gate.minimum_rows:,} asked"
    if by_block:
        said += f"; in {blocks:,} blocks, at least {FEW} asked"
    return Check("rows", rows >= gate.minimum_rows and (not by_block or blocks >= FEW), said)


def _few_refused(refused: int, rows: int, gate: "Gate") -> Iterator[Check]:
    """Ask that the rows which a model cannot read are few: what it cannot read, it cannot serve."""
    if refused:
        share = refused / (refused + rows)
        said = f"a contract refuses {refused:,} rows, {share:.2%}, at most {gate.max_refused:.2%}"
        yield Check("rows", share <= gate.max_refused, said)


def _anonymous(k: int | None, gate: "Gate") -> Iterator[Check]:
    if gate.k_anonymity is not None:
        found = "nobody counted them" if k is None else f"the smallest group has {k:,}"
        said = f"rows with equal quasi-identifiers: {found}, at least {gate.k_anonymity:,} asked"
        yield Check("privacy", k is not None and k >= gate.k_anonymity, said)


def _rule(found: Contrast, gate: "Gate") -> Check:
    if not found.is_defined:
        return Check("metric", passed=False, said=f"{found.metric} is not defined on these rows")
    said = claim(found, gate.margin)
    fine = ("better",) if gate.rule == "superior" else ("better", "not worse")
    goal = "better" if gate.rule == "superior" else f"not worse by more than {gate.margin:g}"
    goal += " of the champion's" if found.is_relative and gate.rule != "superior" else ""
    bound = (
        f"gain {found.gain:+.4f}, at least {found.low:+.4f} with {1 - gate.alpha:.0%} confidence"
    )
    answer = (
        "shown" if said in fine else "the opposite is shown" if said == "worse" else "not shown"
    )
    return Check("metric", said in fine, f"{found.metric} {goal}: {answer} ({bound})")


def _no_harm(slices: Sequence[SliceContrast], gate: "Gate") -> Iterator[Check]:
    if not slices:
        return
    bad = [one for one in slices if not one.passed]
    named = ", ".join(f"{one.column}={one.value} {one.contrast.gain:+.4f}" for one in bad[:3])
    named += f" and {len(bad) - 3} more" if len(bad) > 3 else ""  # noqa: PLR2004 (three are named)
    how = "shown to be" if gate.slice_rule == "harm" else "not shown not to be"
    said = f"{len(bad)} of {len(slices)} slices {how} worse by more than {gate.slice_margin:g}"
    yield Check("slices", not bad, said + (f": {named}" if bad else ""))


def _floors(challenger: "Scored", plan: Plan, gate: "Gate") -> Iterator[Floor]:
    if not gate.floors:
        return
    whole = statistic(challenger)
    points = whole.values()
    (drawn,) = draw([Part(whole)], plan, len(challenger))
    for metric, limit in gate.floors.items():
        better_high = metric in HIGHER_IS_BETTER
        known = drawn[metric][np.isfinite(drawn[metric])]
        share = gate.alpha if better_high else 1 - gate.alpha
        bound = float(np.quantile(known, share)) if len(known) else float("nan")
        passed = bound >= limit if better_high else bound <= limit
        yield Floor(metric, limit, points[metric], bound, passed)


def _floored(floors: Sequence[Floor]) -> Check:
    if not floors:
        return Check("floors", passed=True, said="no floor is declared")
    bad = [one for one in floors if not one.passed]
    if not bad:
        return Check("floors", passed=True, said=f"all {len(floors)} are kept")
    said = "; ".join(
        f"{one.metric} {one.value:.4f} may be as bad as {one.bound:.4f}, limit {one.limit:g}"
        for one in bad
    )
    return Check("floors", passed=False, said=said)
