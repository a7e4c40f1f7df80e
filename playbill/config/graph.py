"""dvc.yaml, rendered in full from the `pipeline` group and the import graph of the stages."""

from pathlib import Path
from typing import Any

import yaml

from playbill.config import keydigest
from playbill.config.closure import SourceTree
from playbill.config.digest import short_digest
from playbill.config.environment import CONSTRAINTS
from playbill.config.matrix import Step, every_item, placeholders, steps
from playbill.config.origin import meaning
from playbill.config.schema import Params, Plot
from playbill.config.watched import watched

FILE = "dvc.yaml"
COMPOSE = "compose"
FETCH = "playbill.source.fetch"  # who imports it reads the sources
_HEADER = "# Compiled from conf/pipeline by `playbill compose`: edit there.\n"
_SOURCE = "# from:"
WRITTEN = ("params.yaml", keydigest.FILE)  # by the stage compose


def render(params: Params, root: Path, tree: SourceTree) -> str:
    """Return the text of dvc.yaml: nothing in it is left for DVC to resolve."""
    stages: dict[str, Any] = {COMPOSE: _compose(params, root)}
    files = watched(params, root)
    for name, step in steps(params).items():
        stages[name] = _stage(step, tree, files if _fetches(step, tree) else [])
    document: dict[str, Any] = {"stages": stages}
    task = params.contract.task
    if plots := {k: plot for k, plot in params.pipeline.plots.items() if task in plot.tasks}:
        document["plots"] = [
            {
                title: {
                    "template": plot.template,
                    "x": plot.x,
                    "y": dict.fromkeys(_files(params, plot), plot.y),
                    "x_label": plot.x.replace("_", " "),
                    "y_label": plot.y.replace("_", " "),
                }
            }
            for title, plot in plots.items()
        ]
    document["artifacts"] = {
        params.name: {"path": params.pipeline.model, "type": "model", "desc": _DESCRIPTION}
    }
    body = yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False, width=100)
    return f"{_HEADER}{_SOURCE}{_inputs(root, tree)}\n{body}"


def is_same(before: str | None, after: str) -> bool:
    """Say whether two texts of dvc.yaml mean the same graph: comments do not count."""
    return before is not None and _plain(before) == _plain(after)


def _plain(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def _inputs(root: Path, tree: SourceTree) -> str:
    """Digest what a graph could come from, so that two branches that meet in one both differ."""
    return short_digest([meaning(root / "conf" / "pipeline"), *tree.edges()])


_DESCRIPTION = "The self-contained bundle that `playbill serve` starts."


def _compose(params: Params, root: Path) -> dict[str, Any]:
    sources = {path for path in params.pipeline.sources if (root / path).exists()}
    sources |= {name for name in (CONSTRAINTS,) if (root / name).is_file()}
    return {
        "cmd": f"python -m stages.{COMPOSE}",
        "desc": "Compiles conf/ to params.yaml and dvc.yaml.",
        "deps": sorted({"conf", *sources}),
        "outs": [{path: {"cache": False, "persist": True}} for path in WRITTEN],
    }


def _files(params: Params, plot: Plot) -> list[str]:
    if placeholders(plot.file):
        return list(every_item(params.pipeline, plot.file, {}).values())
    return [plot.file]


def _fetches(step: Step, tree: SourceTree) -> bool:
    """Say whether a stage reads the sources themselves, as `ingest` does."""
    return "source" in step.stage.config and tree.reaches(step.module, FETCH)


def _stage(step: Step, tree: SourceTree, files: list[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "cmd": step.command,
        "deps": sorted({*tree.project_files(step.module), *step.input_paths, *files}),
        "params": [{keydigest.FILE: sorted(map(keydigest.entry, parameters(step)))}],
    }
    outs: list[Any] = [*step.outputs.values()]
    outs += [{path: {"cache": False}} for path in step.texts.values()]
    if outs:
        entry["outs"] = outs
    if step.metrics:
        entry["metrics"] = [{path: {"cache": False}} for path in step.metrics.values()]
    return entry


def parameters(step: Step) -> set[str]:
    """Return the dotted keys of params.yaml that a stage depends on."""
    return {*step.stage.config, f"environment.{step.declared}", *_declaration(step)}


def _declaration(step: Step) -> list[str]:
    """Return the keys of the stage's own declaration that it depends on.

    An item does not depend on the list that it stands in, so that a new item runs alone. Who reads
    every item depends on the list: DVC does not rerun a stage because a dependency was removed.
    """
    own = f"pipeline.stages.{step.declared}"
    said = sorted(step.stage.model_fields_set - {"matrix"})
    keys = [f"{own}.{name}" for name in said] if step.item else [own]
    return keys + [f"pipeline.stages.{name}.matrix" for name in step.gathers]
