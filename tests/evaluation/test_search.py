"""The search for bad slices finds those that are bad, seldom another, and says what it did."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from playbill.evaluation import search as search_module
from playbill.evaluation.search import Coded, Found, benjamini_hochberg, code, search


def _find(columns: list[Coded], losses: Any, blocks: Any = None, **other: Any) -> Found:
    wanted = {"minimum_rows": 30, "rate": 0.05, "shown": 5, **other}
    return search(columns, np.asarray(losses, dtype=np.float64), blocks, **wanted)


def _columns(rows: int, seed: int) -> list[Coded]:
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "kind": generator.choice(list("abcd"), size=rows),
        "place": generator.choice(["north", "south", "east"], size=rows),
        "size": generator.normal(size=rows),
    })  # fmt: skip
    return [code(frame[name], bins=4, categories=10) for name in frame]


def test_a_planted_pair_of_values_is_found_first_and_its_parts_are_not_repeated() -> None:
    columns = _columns(4000, 1)
    bad = (columns[0].codes == 1) & (columns[1].codes == 0)
    found = _find(columns, np.random.default_rng(2).exponential(size=4000) + 0.8 * bad)
    assert found.slices[0].where == {"kind": "b", "place": "east"}
    assert found.slices[0].rows == bad.sum()
    assert found.slices[0].low > 0.4
    assert found.searched == 4 + 3 + 4 + 12 + 16 + 12
    assert found.columns == ("kind", "place", "size")


def test_a_bad_value_is_told_once_and_not_again_with_every_other_column() -> None:
    columns = _columns(4000, 3)
    bad = columns[1].codes == 2
    found = _find(columns, np.random.default_rng(4).exponential(size=4000) + 0.8 * bad)
    assert [one.where for one in found.slices] == [{"place": "south"}]
    assert found.significant > 1


@pytest.mark.parametrize("by_day", [False, True])
def test_where_nothing_is_bad_anything_is_found_about_as_seldom_as_declared(
    *, by_day: bool
) -> None:
    """All slices are equal, so every find is false: in at most 5 % of rounds, up to chance."""
    rounds, wrong = 120, 0
    for seed in range(rounds):
        generator = np.random.default_rng(100 + seed)
        days = np.repeat(np.arange(60), 25)
        losses = generator.exponential(size=1500)
        if by_day:  # whole days are bad, and one column is the same all day
            losses = losses + generator.exponential(size=60)[days]
        columns = _columns(1500, seed)
        if by_day:
            columns[0] = Coded("kind", generator.integers(4, size=60)[days], tuple("abcd"))
        wrong += bool(_find(columns, losses, days if by_day else None).slices)
    assert wrong <= 14  # binomial: more than 14 of 120 at 5 % happens once in 500


def test_rows_that_depend_on_each_other_are_found_too_often_without_blocks() -> None:
    generator = np.random.default_rng(9)
    days = np.repeat(np.arange(40), 50)
    column = [Coded("kind", generator.integers(4, size=40)[days], tuple("abcd"))]
    losses = generator.exponential(size=2000) + 2 * generator.exponential(size=40)[days]
    assert _find(column, losses).slices
    assert not _find(column, losses, days).slices


def test_the_test_of_one_column_is_that_of_welch() -> None:
    columns = _columns(600, 5)[:1]
    losses = np.random.default_rng(6).exponential(size=600) + (columns[0].codes == 1)
    (worst,) = _find(columns, losses).slices[:1]
    inside = columns[0].codes == 1
    expected = stats.ttest_ind(losses[inside], losses[~inside], equal_var=False)
    # Its degrees of freedom are those of the slice alone, fewer than Welch's.
    assert worst.p_value == pytest.approx(2 * stats.t.sf(expected.statistic, worst.rows - 1))
    assert worst.difference == pytest.approx(losses[inside].mean() - losses[~inside].mean())


def test_blocks_of_one_row_are_the_rows() -> None:
    columns = _columns(800, 7)
    losses = np.random.default_rng(8).exponential(size=800) + (columns[1].codes == 1)
    (plain,) = _find(columns, losses).slices[:1]
    (blocked,) = _find(columns, losses, np.arange(800)).slices[:1]
    assert blocked.where == plain.where
    assert blocked.low == pytest.approx(plain.low, rel=0.01)


@pytest.mark.parametrize("dense", [1 << 22, 0])
def test_the_variance_of_blocks_is_the_sum_of_their_squared_influence(
    dense: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "DENSE", dense)
    generator = np.random.default_rng(12)
    columns, blocks = _columns(900, 12)[:1], generator.integers(45, size=900)
    losses = generator.exponential(size=900) + 2 * (columns[0].codes == 1)
    (worst,) = _find(columns, losses, blocks).slices[:1]
    inside = columns[0].codes == 1
    influence = np.where(
        inside,
        (losses - losses[inside].mean()) / inside.sum(),
        -(losses - losses[~inside].mean()) / (~inside).sum(),
    )
    touched = len(set(blocks[inside]))
    variance = (np.bincount(blocks, weights=influence) ** 2).sum() * touched / (touched - 1)
    assert worst.blocks == touched
    p_value = 2 * stats.t.sf(worst.difference / variance**0.5, touched - 1)
    assert worst.p_value == pytest.approx(p_value)


def test_p_values_are_adjusted_as_scipy_does() -> None:
    p_values = np.random.default_rng(1).random(50) ** 3
    np.testing.assert_allclose(
        benjamini_hochberg(p_values), stats.false_discovery_control(p_values)
    )


def test_numbers_are_cut_at_their_quantiles_and_missing_is_a_value() -> None:
    values = [*range(100), None, None]
    coded = code(pd.Series(values, name="age", dtype="float64"), bins=4, categories=3)
    assert coded.labels == (
        "below 24.75",
        "24.75 to 49.5",
        "49.5 to 74.25",
        "from 74.25",
        "(missing)",
    )
    assert list(np.bincount(coded.codes)) == [25, 25, 25, 25, 2]


def test_rare_texts_are_in_no_slice() -> None:
    coded = code(pd.Series(["a"] * 9 + ["b"] * 5 + ["c", "d"], name="x"), bins=4, categories=2)
    assert coded.labels == ("a", "b")
    assert list(coded.codes[-2:]) == [-1, -1]


def test_nothing_to_search_is_no_crash() -> None:
    found = _find([], np.ones(10))
    assert (found.slices, found.searched) == ((), 0)
