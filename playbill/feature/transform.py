"""The feature half of the Pipeline: groups of columns, each through its own transformers."""

from collections.abc import Sequence
from typing import Any

from playbill.config.schema import Feature, FeatureGroup
from playbill.config.target import build
from playbill.errors import ConfigError


def build_transformer(feature: Feature, allow: Sequence[str]) -> Any:
    """Return the unfitted ColumnTransformer; columns that no group names do not pass.

    Raises:
        ConfigError: A step is not allowed, does not exist or is no transformer.
    """
    from sklearn.compose import ColumnTransformer

    parts = [
        (name, _steps(name, group, allow), list(group.columns))
        for name, group in feature.groups.items()
        if group.columns
    ]
    return ColumnTransformer(parts, remainder="drop", sparse_threshold=0)


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
