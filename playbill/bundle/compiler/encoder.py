"""Encoders of categories, asked themselves: each known category, an unknown one, a missing one.

Nothing about their settings is known here (`drop`, `min_frequency`, `handle_unknown`, smoothing):
the fitted encoder answers for the whole of each column's domain.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.bundle.compiler.feature import Break, Feature

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def words_of(pipeline: Any) -> list[str]:
    """Return every text that a fitted transformer of the Pipeline knows, sorted."""
    found: set[str] = set()
    for step in _fitted(pipeline):
        for known in [*getattr(step, "categories_", ()), getattr(step, "statistics_", ())]:
            found |= {value for value in np.asarray(known).tolist() if isinstance(value, str)}
    return sorted(found)


def encode(encoder: Any, features: Sequence[Feature], outputs: Sequence[int]) -> list[Feature]:
    """Return the outputs of a fitted encoder.

    Args:
        encoder: OneHotEncoder, OrdinalEncoder or TargetEncoder.
        features: Its input.
        outputs: How many outputs each input has; they stand in the order of the inputs.
    """
    known = [np.asarray(each) for each in encoder.categories_]
    domains = [_domain(feature, each) for feature, each in zip(features, known, strict=True)]
    rows = _rows([domain.asked for domain in domains], known)
    values, bad = _ask(encoder, rows)
    found: list[Feature] = []
    row = column = 0
    for feature, domain, count in zip(features, domains, outputs, strict=True):
        span = slice(row, row + len(domain.asked))
        for at in range(column, column + count):
            if domain.turn is None:
                found.append(feature.mapped(values[span, at], bad[span]))
            else:
                found.append(feature.turned(domain.turn, values[span, at], bad[span]))
        row, column = span.stop, column + count
    return found


def _fitted(step: Any) -> Iterator[Any]:
    """Yield every fitted estimator inside of one."""
    yield step
    inner = [each for _, each in getattr(step, "steps", ())]
    inner += [each for _, each, *_ in getattr(step, "transformers_", ())]
    inner += [each for _, each in getattr(step, "transformer_list", ())]
    inner += [each.estimator for each in getattr(step, "calibrated_classifiers_", ())]
    names = ("estimator", "estimator_", "_preprocessor", "_encoder")
    inner += [getattr(step, name) for name in names if getattr(step, name, None) is not None]
    for each in inner:
        if not isinstance(each, str):
            yield from _fitted(each)


@dataclass(frozen=True)
class _Domain:
    """What a column may hold: the values to ask about, and by which a number is told apart."""

    asked: "NDArray[Any]"
    turn: Break | None


def _domain(feature: Feature, known: "NDArray[Any]") -> _Domain:
    if feature.values is not None:
        return _Domain(feature.values, None)
    numbers = np.array(
        [value for value in known.tolist() if isinstance(value, int | float)], dtype=np.float64
    )
    keys = np.unique(numbers[~np.isnan(numbers)])
    unknown = keys[-1] + 1.5 if len(keys) else 0.5
    return _Domain(np.array([*keys, unknown, np.nan]), Break(keys, "equal"))


def _rows(asked: "Sequence[NDArray[Any]]", known: "Sequence[NDArray[Any]]") -> "NDArray[Any]":
    """Return a table in which one column at a time goes through its domain."""
    every = np.concatenate([*asked, *known])
    dtype = np.float64 if every.dtype.kind == "f" else object
    rows = np.empty((sum(len(each) for each in asked), len(asked)), dtype=dtype)
    for column, each in enumerate(known):
        rows[:, column] = each[0]
    start = 0
    for column, each in enumerate(asked):
        rows[start : start + len(each), column] = each
        start += len(each)
    return rows


def _ask(encoder: Any, rows: "NDArray[Any]") -> "tuple[Floats, NDArray[np.bool_]]":
    """Return the encoder's answers, and which rows it refused."""
    bad = np.zeros(len(rows), dtype=bool)
    try:
        return _transform(encoder, rows), bad
    except ValueError:
        answers: list[Floats | None] = []
        for place in range(len(rows)):
            try:
                answers.append(_transform(encoder, rows[place : place + 1])[0])
            except ValueError:
                answers.append(None)
    bad[:] = [answer is None for answer in answers]
    width = max((len(answer) for answer in answers if answer is not None), default=0)
    blank = np.full(width, np.nan)
    return np.array([blank if answer is None else answer for answer in answers]), bad


def _transform(encoder: Any, rows: "NDArray[Any]") -> "Floats":
    names = getattr(encoder, "feature_names_in_", None)
    table: Any = rows
    if names is not None:
        import pandas as pd

        table = pd.DataFrame(rows, columns=names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a category is unknown is why it is asked about
        found = encoder.transform(table)
    found = found.toarray() if hasattr(found, "toarray") else np.asarray(found)
    return np.asarray(found, dtype=np.float64)
