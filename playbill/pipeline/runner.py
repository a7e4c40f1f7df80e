"""Runs one stage: checks the environment, reads params and inputs, calls, writes outputs."""

import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from playbill.config import place
from playbill.config.environment import check_stage
from playbill.config.params import read_params
from playbill.config.schema import Params, Stage
from playbill.errors import PlaybillError, StageError, UsageError
from playbill.pipeline import duration
from playbill.pipeline import format as file_format
from playbill.pipeline.failure import leave

StageFunction = Callable[..., Mapping[str, Any]]


def main(name: str, function: StageFunction) -> None:
    """Run the stage `name` in the current folder, as `python -m stages.<name>` does under DVC."""
    root, begin = Path.cwd(), time.monotonic()
    try:
        place.current(root)  # a place that does not exist is told before any data is read
        params = read_params(root)
        check_stage(params, name, root)
        run(root, name, params, function)
        duration.note(root, name, time.monotonic() - begin)
    except PlaybillError as error:
        leave(error, *_hints(root, name))
    except Exception:  # noqa: BLE001 - the stage is the project's code; whatever it raises is shown
        traceback.print_exc()
        print(f"playbill: stage {name} raised", *_hints(root, name), sep="\n", file=sys.stderr)  # noqa: T201
        raise SystemExit(3) from None


def run(
    root: Path, name: str, params: Params, function: StageFunction, *, into: Path | None = None
) -> None:
    """Call a stage's function on its existing inputs and write what it returns.

    Args:
        root: The project.
        name: The stage.
        params: The typed params.
        function: Called with params and each input by its name.
        into: Folder under which the outputs are written; default: the project.

    Raises:
        StageError: An input is missing, or what is returned is not what the stage declares.
    """
    stage = declared(params, name)
    returned = function(params, **inputs(root, stage, params.allow))
    targets = {**stage.outputs, **stage.metrics, **stage.texts}
    if set(returned) != set(targets):
        raise StageError(
            f"stage {name} returned {sorted(returned)}",
            where=f"conf/pipeline stages.{name}",
            expected=f"exactly what it declares: {sorted(targets)}",
        )
    for key, path in targets.items():
        file_format.write((into or root) / path, returned[key])


def call(root: Path, name: str, params: Params) -> Mapping[str, Any]:
    """Return what the function of a stage returns for its existing inputs; nothing is written."""
    stage = declared(params, name)
    return load_function(root, stage)(params, **inputs(root, stage, params.allow))


def declared(params: Params, name: str) -> Stage:
    """Return the declaration of a stage.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in params.pipeline.stages:
        import difflib

        known = list(params.pipeline.stages)
        near = difflib.get_close_matches(name, known, 1)
        raise UsageError(
            f"there is no stage `{name}`",
            where="conf/pipeline",
            expected=(f"`{near[0]}`; " if near else "") + f"one of {known}",
        )
    return params.pipeline.stages[name]


def inputs(root: Path, stage: Stage, allow: Sequence[str] = ()) -> dict[str, Any]:
    """Return the inputs of a stage, read, by the name of the function's argument."""
    return {key: file_format.read(root / path, allow) for key, path in stage.inputs.items()}


def load_function(root: Path, stage: Stage) -> StageFunction:
    """Import the function of a stage from the project's own folder.

    Raises:
        StageError: The module has no such function.
    """
    import importlib

    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    module, _, attribute = stage.function.partition(":")
    try:
        function: StageFunction = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise StageError(
            f"`{stage.function}` cannot be imported: {error}",
            where="conf/pipeline",
            expected="module:function in the project's stages/",
        ) from error
    return function


def _hints(root: Path, name: str) -> list[str]:
    try:
        stage = read_params(root).pipeline.stages[name]
    except (PlaybillError, KeyError):
        return []
    module = stage.function.partition(":")[0]
    back = "dvc checkout" + (
        "; git restore " + " ".join(stage.texts.values()) if stage.texts else ""
    )
    return [
        f"  stage:    {name}; again by itself: python -m {module} (or playbill run {name} --pdb)",
        f"  inputs:   {', '.join(stage.inputs.values()) or 'none'}",
        f"  back:     {back}   (brings the previous outputs back)",
    ]
