"""Runs one stage: checks the environment, reads params and inputs, calls, writes outputs."""

import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from playbill.config import place
from playbill.config.environment import check_stage
from playbill.config.matrix import Step, steps
from playbill.config.nearest import nearest
from playbill.config.params import read_params
from playbill.config.schema import Params, Stage
from playbill.config.scratch import fresh, is_scratch
from playbill.errors import PlaybillError, StageError, UsageError
from playbill.pipeline import duration
from playbill.pipeline import format as file_format
from playbill.pipeline.failure import leave, placed, tell, traced

StageFunction = Callable[..., Mapping[str, Any]]


def main(name: str, function: StageFunction) -> None:
    """Run the stage `name` in the current folder, as `python -m stages.<name>` does under DVC.

    A stage with a matrix is told its item: `python -m stages.train --item EWR`.
    """
    root, begin = Path.cwd(), time.monotonic()
    try:
        place.current(root)  # a place that does not exist is told before any data is read
        item = _asked(name, sys.argv[1:])
        full = f"{name}-{item}" if item else name
        params = read_params(root)
        find(params, full)
        check_stage(params, name, root)
        run(root, full, params, function)
        duration.note(root, full, time.monotonic() - begin)
    except PlaybillError as error:
        hints = [*_hints(root, name, sys.argv[1:]), *traced(error, root, name)]
        leave(placed(error, root), *hints)
    except KeyboardInterrupt:
        text = f"playbill: stage {name} was stopped; `dvc repro` runs it again"
        print(text, *_hints(root, name, sys.argv[1:]), sep="\n", file=sys.stderr)  # noqa: T201
        raise SystemExit(128 + signal.SIGINT) from None
    except Exception:  # noqa: BLE001 - the stage is the project's code; whatever it raises is shown
        hints = _hints(root, name, sys.argv[1:])
        tell(traceback.format_exc().rstrip(), f"playbill: stage {name} raised", *hints)
        raise SystemExit(3) from None


def _asked(name: str, words: Sequence[str]) -> str:
    """Return the item that the command line asks for; empty if it asks for none."""
    match list(words):
        case []:
            return ""
        case ["--item", item] if item:
            return item
    raise UsageError(
        f"stage {name} does not know the arguments {' '.join(words)}",
        expected="none, or `--item NAME` for a stage with a matrix",
    )


def run(
    root: Path, name: str, params: Params, function: StageFunction, *, into: Path | None = None
) -> None:
    """Call a stage's function on its existing inputs and write what it returns.

    Args:
        root: The project.
        name: The stage as dvc.yaml names it, `train` or `train-EWR`.
        params: The typed params.
        function: Called with params, and each input and the item's values by name.
        into: Folder under which the outputs are written; default: the project.

    Raises:
        StageError: An input is missing, or what is returned is not what the stage declares.
    """
    step = find(params, name)
    targets = step.targets
    try:
        returned = function(params, **arguments(root, step, function, params.allow))
    except PlaybillError as error:
        for key in set(targets) & set(error.leaves):
            file_format.write((into or root) / targets[key], error.leaves[key])
        raise
    if set(returned) != set(targets):
        raise StageError(
            f"stage {name} returned {sorted(returned)}",
            where=f"conf/pipeline stages.{step.declared}",
            expected=f"exactly what it declares: {sorted(targets)}",
        )
    for key, path in targets.items():
        file_format.write((into or root) / path, returned[key])


def call(root: Path, name: str, params: Params) -> Mapping[str, Any]:
    """Return what the function of a stage returns for its existing inputs; nothing is written.

    Tables come as frames, whether the function returns frames or files.
    """
    step = find(params, name)
    function = load_function(root, step.stage)
    given = arguments(root, step, function, params.allow)
    return on_frames(root, function)(params, **given)


def on_frames(root: Path, function: StageFunction) -> StageFunction:
    """Return a stage's function that takes and gives frames, also if it works on files."""
    annotated = getattr(function, "__annotations__", {})

    def taken(key: str, value: Any) -> Any:
        if annotated.get(key) not in (Path, "Path") or not hasattr(value, "to_parquet"):
            return value
        path = fresh(root, f"{key}.parquet")
        file_format.write(path, value)
        return path

    def given(value: Any) -> Any:
        is_table = isinstance(value, Path) and value.suffix == ".parquet"
        return file_format.read(value) if is_table else value

    def call_on_frames(params: Params, **inputs: Any) -> Mapping[str, Any]:
        handed = {key: taken(key, each) for key, each in inputs.items()}
        returned = function(params, **handed)
        found = {key: given(value) for key, value in returned.items()}
        for value in [*handed.values(), *returned.values()]:
            if isinstance(value, Path) and is_scratch(value):
                value.unlink(missing_ok=True)  # a replay of many windows makes many
        return found

    return call_on_frames


def find(params: Params, name: str) -> Step:
    """Return a stage by the name that dvc.yaml gives it.

    Raises:
        UsageError: There is none of that name, or it is a stage of which every item is one.
    """
    found = steps(params)
    if name in found:
        return found[name]
    if items := [step.name for step in found.values() if step.declared == name]:
        raise UsageError(
            f"stage `{name}` runs once for each item of its matrix",
            where=f"conf/pipeline stages.{name}.matrix",
            expected=f"one of {items}",
            run=found[items[0]].command,
        )
    raise UsageError(
        f"there is no stage `{name}`",
        where="conf/pipeline",
        expected=nearest(name, found),
    )


def arguments(
    root: Path, step: Step, function: StageFunction, allow: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a stage's inputs, read, and its item's values, by the name of the argument.

    An argument that the function annotates as `Path` is the file itself, which it may read in
    batches.
    """
    annotated = getattr(function, "__annotations__", {})

    def read(key: str, path: str | Mapping[str, str]) -> Any:
        plain = annotated.get(key) in (Path, "Path")
        if isinstance(path, str):
            return file_format.read(root / path, allow, as_path=plain)
        return {i: file_format.read(root / p, allow, as_path=plain) for i, p in path.items()}

    return {**step.values, **{key: read(key, path) for key, path in step.inputs.items()}}


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


def _hints(root: Path, name: str, words: Sequence[str]) -> list[str]:
    full = "-".join([name, *words[1:]])
    try:
        step = find(read_params(root), full)
    except PlaybillError:
        return []
    back = "dvc checkout" + ("; git restore " + " ".join(step.texts.values()) if step.texts else "")
    return [
        f"  stage:    {full}; again by itself: {step.command} (or playbill run {full} --pdb)",
        f"  inputs:   {', '.join(step.input_paths) or 'none'}",
        f"  back:     {back}   (brings the previous outputs back)",
    ]
