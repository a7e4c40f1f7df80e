"""Stages as DVC runs them: a stage with a matrix becomes one for each item, others stay one.

A path may hold `{key}`, which neither Hydra nor DVC resolves. In what a stage writes it stands for
the item's own value. In what a stage reads it does too, or, where the stage has no such key in its
matrix, for every item of the stage that writes the file: the function gets a mapping by item.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from playbill.config.scalar import Item
from playbill.config.schema import Params, Pipeline, Stage

PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
Paths = Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """One stage of dvc.yaml.

    Attributes:
        name: Its name there: `train`, or `train-EWR` for an item.
        declared: The stage's name in conf/pipeline.
        stage: What is declared there.
        item: The item's name, `EWR`; empty without a matrix.
        values: The item's values by key of the matrix; the function gets them by keyword.
        inputs: Path by argument; a mapping of paths by item where every item is read.
        outputs: Path by name of what the function returns, kept by DVC.
        metrics: The same for metrics.
        texts: The same for folders of reviewed text.
        gathers: Stages of which every item is read.
    """

    name: str
    declared: str
    stage: Stage
    item: str = ""
    values: Mapping[str, Item] = field(default_factory=dict)
    inputs: Mapping[str, str | Paths] = field(default_factory=dict)
    outputs: Paths = field(default_factory=dict)
    metrics: Paths = field(default_factory=dict)
    texts: Paths = field(default_factory=dict)
    gathers: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """The module of the function."""
        return self.stage.function.partition(":")[0]

    @property
    def command(self) -> str:
        """What DVC runs, and a person can paste."""
        return f"python -m {self.module}" + (f" --item {self.item}" if self.item else "")

    @property
    def input_paths(self) -> list[str]:
        """Every path that is read, in the order of the arguments."""
        nested = [[p] if isinstance(p, str) else list(p.values()) for p in self.inputs.values()]
        return [path for paths in nested for path in paths]

    @property
    def targets(self) -> dict[str, str]:
        """Every path that is written, by name of what the function returns."""
        return {**self.outputs, **self.metrics, **self.texts}


def steps(params: Params) -> dict[str, Step]:
    """Return every stage of dvc.yaml but `compose`, by name, in the order of the flow."""
    pipeline, left_out = params.pipeline, params.left_out
    found = (
        _step(pipeline, name, _without(stage, left_out), values)
        for name, stage in pipeline.stages.items()
        for values in items(stage)
    )
    return {step.name: step for step in found}


def _without(stage: Stage, groups: frozenset[str]) -> Stage:
    """Return a stage that asks for no group which the project's defaults list leaves out."""
    kept = [key for key in stage.config if key.partition(".")[0] not in groups]
    return stage if len(kept) == len(stage.config) else stage.model_copy(update={"config": kept})


def items(stage: Stage) -> list[dict[str, Item]]:
    """Return the values of each item of a stage's matrix; one empty item if it has none."""
    rows = itertools.product(*stage.matrix.values())
    return [dict(zip(stage.matrix, row, strict=True)) for row in rows]


def item_name(values: Mapping[str, Item]) -> str:
    """Return the name of an item: its values, joined in the order of the matrix."""
    return "-".join(map(str, values.values()))


def placeholders(path: str) -> list[str]:
    """Return the names that stand in braces in a path."""
    return PLACEHOLDER.findall(path)


def fill(path: str, values: Mapping[str, Item]) -> str:
    """Return `path` with the placeholders of `values` filled in, others left alone."""
    return PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), path)


def writers(pipeline: Pipeline, path: str) -> Iterator[tuple[str, Stage]]:
    """Yield the stages with a matrix that write `path`, or a folder that it lies in."""
    for name, stage in pipeline.stages.items():
        written = {*stage.outputs.values(), *stage.metrics.values(), *stage.texts.values()}
        if stage.matrix and any(path == w or path.startswith(f"{w}/") for w in written):
            yield name, stage


def every_item(pipeline: Pipeline, path: str, own: Mapping[str, Item]) -> dict[str, str]:
    """Return the path of every item of the stage that writes `path`, by the item's name.

    Args:
        pipeline: The declared stages.
        path: A path in which a placeholder is left that `own` does not fill.
        own: Values that are given; items of the writer with other values are left out.
    """
    found: dict[str, str] = {}
    for _, stage in writers(pipeline, path):
        for values in items(stage):
            if all(values.get(key, value) == value for key, value in own.items()):
                rest = {key: value for key, value in values.items() if key not in own}
                found[item_name(rest)] = fill(path, values)
    return found


def _step(pipeline: Pipeline, name: str, stage: Stage, values: dict[str, Item]) -> Step:
    item = item_name(values)
    read: dict[str, str | Paths] = {}
    gathers: set[str] = set()
    for key, path in stage.inputs.items():
        if set(placeholders(path)) <= set(values):
            read[key] = fill(path, values)
        else:
            read[key] = every_item(pipeline, path, values)
            gathers |= {writer for writer, _ in writers(pipeline, path)}
    return Step(
        name=f"{name}-{item}" if item else name,
        declared=name,
        stage=stage,
        item=item,
        values=values,
        inputs=read,
        outputs={key: fill(path, values) for key, path in stage.outputs.items()},
        metrics={key: fill(path, values) for key, path in stage.metrics.items()},
        texts={key: fill(path, values) for key, path in stage.texts.items()},
        gathers=tuple(sorted(gathers)),
    )
