"""The feature half of the Pipeline: groups of columns, each through its own transformers."""

from collections.abc import Mapping, Sequence
from typing import Any

from playbill.config.schema import Feature, FeatureGroup
from playbill.config.target import build
from playbill.errors import ConfigError


def build_transformer(
    feature: Feature, allow: Sequence[str], columns: Mapping[str, Sequence[str]] | None = None
) -> Any:
    """Return the unfitted ColumnTransformer; columns that no group takes do not pass.

    Groups of categories come first, so that the model's first columns are its categories.

    Args:
        feature: The `feature` group of conf/.
        allow: Prefixes of the targets that may be named.
        columns: The columns of each group (config/selection.py); default: those that are listed.

    Raises:
        ConfigError: A step is not allowed, does not exist or is no transformer.
    """
    from sklearn.compose import ColumnTransformer

    from playbill.feature import ready

    del ready  # imported for what conf/ may name: it is code that this one runs
    taken = columns if columns is not None else _listed(feature)
    ordered = sorted(feature.groups.items(), key=lambda item: not item[1].categorical)
    parts = [
        (name, _steps(name, group, allow), list(taken[name]))
        for name, group in ordered
        if taken[name]
    ]
    return ColumnTransformer(parts, remainder="drop", sparse_threshold=0)


def count_categories(feature: Feature, columns: Mapping[str, Sequence[str]] | None = None) -> int:
    """Return how many of the model's columns, the first ones, are categories."""
    taken = columns if columns is not None else _listed(feature)
    return sum(len(taken[name]) for name, group in feature.groups.items() if group.categorical)


def _listed(feature: Feature) -> dict[str, list[str]]:
    groups = feature.groups.items()
    return {name: each.columns for name, each in groups if isinstance(each.columns, list)}


def _steps(name: str, group: FeatureGroup, allow: Sequence[str]) -> Any:
    from sklearn.pipeline import Pipeline

    if not group.steps:
        return "passthrough"
    steps = [build(step, allow) for step in group.steps]
    for position, step in enumerate(steps):
        if not hasattr(step, "fit") or not hasattr(step, "transform"):
            raise ConfigError(
                f"`{group.steps[position]['_target_']}` is no transformer",
                where=f"feature.groups.{name}.steps[{position}]",
                expected="a class with `fit` and `transform`, as in sklearn.preprocessing",
            )
    names = [type(step).__name__.lower() for step in steps]
    unique = [n if names.count(n) == 1 else f"{n}-{i + 1}" for i, n in enumerate(names)]
    return Pipeline(list(zip(unique, steps, strict=True)))
