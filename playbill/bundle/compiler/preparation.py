"""Features as the blocks of a `Preparation`: what shares its operations is computed together."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from playbill.bundle.compiler.feature import Feature
    from playbill.bundle.compiler.writer import Writer
    from playbill.bundle.runtime.preparation import Operation

    Floats = NDArray[np.float64]

Numbered = list[tuple[int, "Feature"]]


def write_preparation(features: "Sequence[Feature]", writer: "Writer") -> dict[str, Any]:
    """Return the description of the blocks, their arrays put into `writer`.

    Raises:
        UnsupportedError: A feature is still text.
    """
    if not all(feature.numeric for feature in features):
        raise UnsupportedError("a text column that no transformer made a number of")
    tables: dict[int, Numbered] = defaultdict(list)
    scalars: dict[tuple[Any, ...], Numbered] = defaultdict(list)
    steps: dict[tuple[Any, ...], Numbered] = defaultdict(list)
    for numbered in enumerate(features):
        feature = numbered[1]
        if feature.text:
            tables[feature.source].append(numbered)
        elif feature.turn is None:
            scalars[_chain(feature)].append(numbered)
        else:
            steps[_alike(feature)].append(numbered)
    return {
        "width": len(features),
        "tables": [_table(group, writer) for group in tables.values()],
        "scalars": [_scalar(group, writer) for group in scalars.values()],
        "steps": [_step(group, writer) for group in steps.values()],
    }


def _chain(feature: "Feature") -> tuple[Any, ...]:
    """Return what features share that are computed together, each with its own parameters."""
    return tuple(
        (name, *(each.tobytes() if each.ndim else "" for each in parameters))
        for name, parameters in feature.operations
    )


def _alike(feature: "Feature") -> tuple[Any, ...]:
    """Return what features share that are computed together from one input."""
    assert feature.turn is not None
    operations = tuple(
        (name, *(each.tobytes() for each in parameters)) for name, parameters in feature.operations
    )
    return feature.source, operations, feature.turn.mode, feature.turn.keys.tobytes()


def _table(group: Numbered, writer: "Writer") -> dict[str, Any]:
    return {"source": group[0][1].source, **_finite(group, writer)}


def _finite(group: Numbered, writer: "Writer") -> dict[str, Any]:
    columns = [np.asarray(feature.values, dtype=np.float64) for _, feature in group]
    bad = np.zeros(len(columns[0]), dtype=bool)
    for _, feature in group:
        bad |= feature.bad if feature.bad is not None else False
    return {
        "out": writer.put("out", [place for place, _ in group], np.int64),
        "values": writer.put("values", np.stack(columns, axis=1)),
        "bad": writer.put("bad", bad, np.bool_),
    }


def _scalar(group: Numbered, writer: "Writer") -> dict[str, Any]:
    chains = [feature.operations for _, feature in group]
    operations = [
        [
            chains[0][step][0],
            [
                writer.put("parameter", _parameter([chain[step][1][at] for chain in chains]))
                for at in range(len(chains[0][step][1]))
            ],
        ]
        for step in range(len(chains[0]))
    ]
    return {
        "sources": writer.put("sources", [feature.source for _, feature in group], np.int64),
        "out": writer.put("out", [place for place, _ in group], np.int64),
        "operations": operations,
    }


def _parameter(each: "Sequence[Floats]") -> "Floats":
    """Return a parameter of many features: one number for each, or the array they share."""
    return each[0] if each[0].ndim else np.array(each)


def _step(group: Numbered, writer: "Writer") -> dict[str, Any]:
    first = group[0][1]
    assert first.turn is not None
    return {
        "source": first.source,
        "operations": [_constant(each, writer) for each in first.operations],
        "keys": writer.put("keys", first.turn.keys),
        "mode": first.turn.mode,
        **_finite(group, writer),
    }


def _constant(operation: "Operation", writer: "Writer") -> list[Any]:
    name, parameters = operation
    return [name, [writer.put("parameter", each) for each in parameters]]
