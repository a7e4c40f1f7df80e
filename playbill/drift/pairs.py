"""Pairs of columns, counted together: what single columns cannot show.

A column that was shuffled, or a correlation that changed its sign, leaves every column's own
distribution as it was. So the profile also holds a coarse table of counts for pairs of columns, and
the check compares these tables as it compares columns. A table holds no row, and tables add up.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.drift.comparison import FIRST_DRAWS, compare, holm, limit_of_draws, seed_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.config.schema import Drift

GROUPS = 4  # groups of one column in a pair, the missing values not counted
SIZE = GROUPS + 1
PAIR_LIMIT = 300  # tables of a profile: all pairs of 25 columns, the strongest of more
WORTH_A_BLOCK = 3  # pairs; fewer are counted one by one
FITTING_STEPS = 20  # more move a distance by less than it is rounded to


@dataclass(frozen=True)
class PairDrift:
    """What the check found in two columns counted together."""

    columns: tuple[str, str]
    drifted: bool
    """Never where one of the columns drifted by itself, which would explain the pair."""
    effect: float
    """Total variation distance beyond what the single columns' moves and sampling explain."""
    p_value: float
    adjusted_p_value: float
    """After Holm's correction for all pairs, columns being the other family."""


def coarse_groups(counts: Sequence[int], *, ordered: bool) -> list[int]:
    """Return the coarse group of each bin, `missing` left out.

    Neighbouring bins of a number are joined to groups of about equal counts; of other columns the
    commonest values keep a group of their own and all others share the last.

    Args:
        counts: Rows by bin, of the rows that choose the bins.
        ordered: Whether neighbouring bins belong together, as those of numbers do.
    """
    if len(counts) <= GROUPS:
        return list(range(len(counts)))
    if not ordered:
        common = sorted(range(len(counts)), key=lambda index: (-counts[index], index))
        group = {index: g for g, index in enumerate(sorted(common[: GROUPS - 1]))}
        return [group.get(index, GROUPS - 1) for index in range(len(counts))]
    middle = np.cumsum(counts) - np.asarray(counts) / 2
    share = middle / max(sum(counts), 1)
    return [int(one) for one in np.minimum(share * GROUPS, GROUPS - 1)]


def profile_pairs(
    placed: Mapping[str, "NDArray[np.int64]"],
    sections: Mapping[str, Mapping[str, Any]],
    chooses: "NDArray[np.bool_]",
) -> list[dict[str, Any]]:
    """Return the table of each pair: its two columns and the counts of the rows that do not choose.

    Args:
        placed: The bin of every row by column, int64 of shape (rows,).
        sections: The columns' sections of the profile, with their coarse groups.
        chooses: The rows that chose the bins, bool of shape (rows,). Of more than `PAIR_LIMIT`
            pairs they also choose those whose columns hang together the most.
    """
    groups = {name: coded(where, sections[name]) for name, where in placed.items()}
    wanted = list(combinations(groups, 2))
    if len(wanted) > PAIR_LIMIT:
        wanted = _strongest({name: each[chooses] for name, each in groups.items()}, wanted)
    counts = tables({name: each[~chooses] for name, each in groups.items()}, wanted)
    return [
        {"columns": list(pair), "counts": each.tolist()}
        for pair, each in zip(wanted, counts, strict=True)
    ]


def check_pairs(
    pairs: Sequence[Mapping[str, Any]],
    current: "NDArray[np.int64]",
    policy: "Drift",
    *,
    families: int,
    explained: Collection[str],
) -> tuple[PairDrift, ...]:
    """Compare the pairs of the profile with those of new rows, the farthest drifted first.

    Args:
        pairs: The tables of the profile.
        current: Counts of the new rows in the same cells, int64 of shape (pairs, cells).
        policy: Level, minimum effect, draws and seed.
        families: How many families of tests share the level, this one included.
        explained: Columns that drifted by themselves; their pairs are reported, never flagged.
    """
    reference = np.asarray([pair["counts"] for pair in pairs], dtype=np.int64)
    beyond = beyond_margins(reference, current)
    names = [tuple(pair["columns"]) for pair in pairs]
    limit = limit_of_draws(families * len(pairs), policy.alpha, policy.draws)
    effects, p_values = [], []
    for index, columns in enumerate(names):
        # What cannot be flagged needs no smaller p-value; a larger one is on the safe side.
        hopeless = beyond[index] < policy.minimum_effect or bool(set(columns) & set(explained))
        one = compare(
            reference[index],
            current[index],
            draws=policy.draws,
            limit=policy.draws if hopeless else limit,
            seed=seed_of(policy.seed, "\n".join(columns)),
            first=FIRST_DRAWS,
        )
        effects.append(max(float(beyond[index]) ** 2 - one.sampling, 0.0) ** 0.5)
        p_values.append(one.p_value)
    adjusted = [min(1.0, families * p) for p in holm(p_values)]
    found = [
        PairDrift(
            columns=(columns[0], columns[1]),
            drifted=q <= policy.alpha
            and effect >= policy.minimum_effect
            and not set(columns) & set(explained),
            effect=effect,
            p_value=p,
            adjusted_p_value=q,
        )
        for columns, effect, p, q in zip(names, effects, p_values, adjusted, strict=True)
    ]
    return tuple(sorted(found, key=lambda p: (not p.drifted, -p.effect, p.p_value, p.columns)))


def beyond_margins(
    reference: "NDArray[np.int64]", current: "NDArray[np.int64]"
) -> "NDArray[np.float64]":
    """Return how far pairs moved beyond what the moves of their single columns explain.

    The reference's table is brought to the margins of the new one by iterative proportional fitting
    (W. Deming and F. Stephan, Annals of Mathematical Statistics 11, 1940), which keeps how its
    columns hang together (the odds ratios); what is left is the total variation distance to it.

    Args:
        reference: Counts of shape (pairs, cells).
        current: Counts in the same cells.

    Returns:
        Distances from 0 to 1, float64 of shape (pairs,).
    """
    shape = (len(reference), SIZE, SIZE)
    wanted = current.reshape(shape) / np.maximum(current.sum(axis=1), 1)[:, None, None]
    rows, columns = wanted.sum(axis=2, keepdims=True), wanted.sum(axis=1, keepdims=True)
    # One row spread as if nothing hung together: a group that the reference lacks can be reached.
    fitted = reference.reshape(shape) + rows * columns
    for _ in range(FITTING_STEPS):
        fitted = fitted * _ratio(rows, fitted.sum(axis=2, keepdims=True))
        fitted = fitted * _ratio(columns, fitted.sum(axis=1, keepdims=True))
    return np.asarray(np.abs(wanted - fitted).sum(axis=(1, 2)) / 2, dtype=np.float64)


def _ratio(above: "NDArray[np.float64]", below: "NDArray[np.float64]") -> "NDArray[np.float64]":
    return np.divide(above, below, out=np.zeros_like(below), where=below > 0)


def coded(where: "NDArray[np.int64]", section: Mapping[str, Any]) -> "NDArray[np.int16]":
    """Return the coarse group of every row; the last one is `missing`."""
    return np.asarray([*section["coarse"], GROUPS], dtype=np.int16)[where]


def table(one: "NDArray[np.int16]", other: "NDArray[np.int16]") -> "NDArray[np.int64]":
    """Return the rows in each pair of groups, one column's groups after the other's."""
    return np.bincount(one * np.int16(SIZE) + other, minlength=SIZE * SIZE)


def tables(
    groups: Mapping[str, "NDArray[np.int16]"], wanted: Sequence[tuple[str, str]]
) -> "NDArray[np.int64]":
    """Return the table of each pair, int64 of shape (pairs, cells).

    Columns are taken by twos: rows that are counted for two and two more at once give the tables of
    four pairs in one pass.

    Args:
        groups: The coarse group of every row by column, int16 of shape (rows,).
        wanted: The pairs.
    """
    names = list(groups)
    duo = {name: index // 2 for index, name in enumerate(names)}
    blocks: dict[tuple[int, int], list[int]] = {}
    for index, pair in enumerate(wanted):
        one, other = sorted(duo[name] for name in pair)
        blocks.setdefault((one, other), []).append(index)
    found = np.zeros((len(wanted), SIZE * SIZE), dtype=np.int64)
    for (one, other), inside in blocks.items():
        if len(inside) < WORTH_A_BLOCK:
            for index in inside:
                found[index] = table(*(groups[name] for name in wanted[index]))
            continue
        few = [*names[2 * one : 2 * one + 2], *names[2 * other : 2 * other + 2]]
        cells = _cells([groups[name] for name in few])
        for index in inside:
            found[index] = _square(cells, *(few.index(name) for name in wanted[index]))
    return found


def _cells(few: Sequence["NDArray[np.int16]"]) -> "NDArray[np.int64]":
    """Count the rows of up to four columns together, one axis of `SIZE` for each."""
    place = few[0]
    for each in few[1:]:
        place = place * np.int16(SIZE) + each
    return np.bincount(place, minlength=SIZE ** len(few)).reshape((SIZE,) * len(few))


def _square(cells: "NDArray[np.int64]", one: int, other: int) -> "NDArray[np.int64]":
    """Return the table of two of the columns."""
    square = cells.sum(axis=tuple({*range(cells.ndim)} - {one, other}))
    return np.asarray(square if one < other else square.T, dtype=np.int64).ravel()


def _strongest(
    groups: Mapping[str, "NDArray[np.int16]"], wanted: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return `PAIR_LIMIT` pairs: each column's strongest partner first, then the strongest."""
    found = tables(groups, wanted)
    strength = {pair: _association(each) for pair, each in zip(wanted, found, strict=True)}
    ranked = sorted(wanted, key=lambda pair: (-strength[pair], pair))
    best = [next(pair for pair in ranked if name in pair) for name in groups]
    kept = set(list(dict.fromkeys([*best, *ranked]))[:PAIR_LIMIT])
    return [pair for pair in wanted if pair in kept]


def _association(counts: "NDArray[np.int64]") -> float:
    """Return the mean square contingency of a table, chi-square over rows; 0 is independence."""
    square = np.asarray(counts, dtype=np.float64).reshape(SIZE, SIZE)
    total = square.sum()
    expected = np.outer(square.sum(axis=1), square.sum(axis=0)) / max(total, 1.0)
    used = expected > 0
    return float(((square - expected)[used] ** 2 / expected[used]).sum() / max(total, 1.0))
