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

from playbill.drift.comparison import compare, holm, limit_of_draws, seed_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.config.schema import Drift

GROUPS = 4  # groups of one column in a pair, the missing values not counted
SIZE = GROUPS + 1
PAIR_LIMIT = 300  # tables of a profile: all pairs of 25 columns, the strongest of more
FIRST_DRAWS = 200  # most pairs are plainly alike after so many


@dataclass(frozen=True)
class PairDrift:
    """What the check found in two columns counted together."""

    columns: tuple[str, str]
    drifted: bool
    """Never where one of the columns drifted by itself, which would explain the pair."""
    effect: float
    """Total variation distance of the coarse table beyond what sampling alone gives."""
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
    coded = {name: _coded(where, sections[name]) for name, where in placed.items()}
    wanted = list(combinations(coded, 2))
    if len(wanted) > PAIR_LIMIT:
        wanted = _strongest({name: each[chooses] for name, each in coded.items()}, wanted)
    return [
        {"columns": list(pair), "counts": _table(*(coded[name][~chooses] for name in pair))}
        for pair in wanted
    ]


def check_pairs(
    profile: Mapping[str, Any],
    placed: Mapping[str, "NDArray[np.int64]"],
    policy: "Drift",
    *,
    families: int,
    explained: Collection[str],
) -> tuple[PairDrift, ...]:
    """Compare the pairs of the profile with those of new rows, the farthest drifted first.

    Args:
        profile: The reference profile.
        placed: The bin of every new row by column, int64 of shape (rows,).
        policy: Level, minimum effect, draws and seed.
        families: How many families of tests share the level, this one included.
        explained: Columns that drifted by themselves; their pairs are reported, never flagged.
    """
    pairs = profile.get("pairs", [])
    sections = profile["columns"]
    coded = {name: _coded(placed[name], section) for name, section in sections.items()}
    limit = limit_of_draws(families * len(pairs), policy.alpha, policy.draws)
    compared = [
        compare(
            np.asarray(pair["counts"], dtype=np.int64),
            np.asarray(_table(*(coded[name] for name in pair["columns"])), dtype=np.int64),
            draws=policy.draws,
            limit=limit,
            seed=seed_of(policy.seed, "\n".join(pair["columns"])),
            first=FIRST_DRAWS,
        )
        for pair in pairs
    ]
    adjusted = [min(1.0, families * p) for p in holm([one.p_value for one in compared])]
    found = [
        PairDrift(
            columns=(pair["columns"][0], pair["columns"][1]),
            drifted=p <= policy.alpha
            and one.effect >= policy.minimum_effect
            and not set(pair["columns"]) & set(explained),
            effect=one.effect,
            p_value=one.p_value,
            adjusted_p_value=p,
        )
        for pair, one, p in zip(pairs, compared, adjusted, strict=True)
    ]
    return tuple(sorted(found, key=lambda p: (not p.drifted, -p.effect, p.p_value, p.columns)))


def _coded(where: "NDArray[np.int64]", section: Mapping[str, Any]) -> "NDArray[np.int64]":
    """Return the coarse group of every row; the last one is `missing`."""
    return np.asarray([*section["coarse"], GROUPS], dtype=np.int64)[where]


def _table(one: "NDArray[np.int64]", other: "NDArray[np.int64]") -> list[int]:
    """Return the rows in each pair of groups, one column's groups after the other's."""
    return [int(n) for n in np.bincount(one * SIZE + other, minlength=SIZE * SIZE)]


def _strongest(
    coded: Mapping[str, "NDArray[np.int64]"], wanted: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return `PAIR_LIMIT` pairs: each column's strongest partner first, then the strongest."""
    strength = {pair: _association(_table(*(coded[name] for name in pair))) for pair in wanted}
    ranked = sorted(wanted, key=lambda pair: (-strength[pair], pair))
    best = [next(pair for pair in ranked if name in pair) for name in coded]
    kept = set(list(dict.fromkeys([*best, *ranked]))[:PAIR_LIMIT])
    return [pair for pair in wanted if pair in kept]


def _association(counts: Sequence[int]) -> float:
    """Return the mean square contingency of a table, chi-square over rows; 0 is independence."""
    square = np.asarray(counts, dtype=np.float64).reshape(SIZE, SIZE)
    total = square.sum()
    expected = np.outer(square.sum(axis=1), square.sum(axis=0)) / max(total, 1.0)
    used = expected > 0
    return float(((square - expected)[used] ** 2 / expected[used]).sum() / max(total, 1.0))
