"""Crossings of categories: texts joined of others, each a column of its own from there on."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from playbill.bundle.compiler.feature import Feature
from playbill.bundle.runtime.joined import Joined
from playbill.errors import UnsupportedError

NOT_WORDS = 2  # of a text's domain: any other text, and the missing one


def cross(step: Any, features: Sequence[Feature], missing: str) -> list[Feature]:
    """Return the features after a fitted `Crossing`.

    Args:
        step: The transformer.
        features: Its input.
        missing: What it makes of a missing text.

    Raises:
        UnsupportedError: Something made other words of a text before.
    """
    filled = [_filled(feature, missing) for feature in features]
    return [
        *(filled if step.keep else []),
        *(_joined([filled[at] for at in chosen], step.separator) for chosen in step.combinations()),
    ]


def _filled(feature: Feature, missing: str) -> Feature:
    """Return a feature whose missing text has a name."""
    if not feature.text or feature.numeric or feature.values is None:
        raise UnsupportedError("a Crossing of other columns than texts")
    values = feature.values.copy()
    if not isinstance(values[-1], str):
        values[-1] = missing
    return feature.mapped(values, np.zeros(len(values), dtype=bool))


def _joined(features: Sequence[Feature], separator: str) -> Feature:
    parts = []
    for feature in features:
        assert feature.values is not None
        parts.append(str(feature.values[-1]))
        if not feature.is_raw():
            raise UnsupportedError("a Crossing of texts that were changed before")
    columns = features[0].columns
    assert columns is not None
    place = columns.place(Joined(tuple(each.source for each in features), tuple(parts), separator))
    return columns.text(place)
