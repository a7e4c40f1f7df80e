"""dvc.yaml, rendered in full from the `pipeline` group and the import graph of the stages."""

from pathlib import Path
from typing import Any

import yaml

from playbill.config.closure import SourceTree, short_digest
from playbill.config.environment import CONSTRAINTS
from playbill.config.origin import meaning
from playbill.config.schema import Params, Stage

FILE = "dvc.yaml"
COMPOSE = "compose"
_HEADER = "# Compiled from conf/pipeline by `playbill compose`: edit there.\n"
_SOURCE = "# from:"


def render(params: Params, root: Path, tree: SourceTree) -> str:
    """Return the text of dvc.yaml: nothing in it is left for DVC to resolve."""
    stages: dict[str, Any] = {COMPOSE: _compose(params, root)}
    for name, stage in params.pipeline.stages.items():
        stages[name] = _stage(name, stage, tree)
    document: dict[str, Any] = {"stages": stages}
    if params.pipeline.plots:
        document["plots"] = [
            {
                title: {
                    "template": plot.template,
                    "x": plot.x,
                    "y": {plot.file: plot.y},
                    "x_label": plot.x.replace("_", " "),
                    "y_label": plot.y.replace("_", " "),
                }
            }
            for title, plot in params.pipeline.plots.items()
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
        "outs": [{"params.yaml": {"cache": False, "persist": True}}],
    }


def _stage(name: str, stage: Stage, tree: SourceTree) -> dict[str, Any]:
    module = stage.function.partition(":")[0]
    entry: dict[str, Any] = {
        "cmd": f"python -m {module}",
        "deps": sorted({*tree.project_files(module), *stage.inputs.values()}),
        "params": sorted({*stage.config, f"environment.{name}", f"pipeline.stages.{name}"}),
    }
    outs: list[Any] = [*stage.outputs.values()]
    outs += [{path: {"cache": False}} for path in stage.texts.values()]
    if outs:
        entry["outs"] = outs
    if stage.metrics:
        entry["metrics"] = [{path: {"cache": False}} for path in stage.metrics.values()]
    return entry
