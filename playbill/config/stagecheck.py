"""What `conf/pipeline` demands of itself and of the modules in stages/, before anything runs."""

import ast
import keyword
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from playbill.config.matrix import (
    PLACEHOLDER,
    fill,
    items,
    placeholders,
    writers,
)
from playbill.config.nearest import nearest
from playbill.config.schema import Params, Pipeline, Stage

Problem = tuple[str, str, str]  # key, what, expected
COMPOSE = "compose"
_WRITES = ("outputs", "metrics", "texts")


def stage_problems(params: Params) -> list[Problem]:
    """Return key, problem and expectation for whatever the declared stages get wrong."""
    pipeline = params.pipeline
    found = [
        problem
        for name, stage in pipeline.stages.items()
        for check in (_matrix, _writes, _reads)
        for problem in check(pipeline, name, stage)
    ]
    if COMPOSE in pipeline.stages:
        key, what = f"pipeline.stages.{COMPOSE}", f"`{COMPOSE}` is the stage that compiles conf/"
        found.append((key, what, "another name"))
    if PLACEHOLDER.search(pipeline.model):
        what = f"`{pipeline.model}` names every item of a matrix"
        found.append(("pipeline.model", what, "the one output that the registry's tags name"))
    return found or [*_plots(pipeline), *_overlaps(params)]


def _matrix(pipeline: Pipeline, name: str, stage: Stage) -> Iterator[Problem]:
    del pipeline
    for key, values in stage.matrix.items():
        place = f"pipeline.stages.{name}.matrix.{key}"
        if not key.isidentifier() or keyword.iskeyword(key):
            yield place, f"`{key}` is no name for an argument", "letters, digits and _, as segment"
        elif key == "params" or key in stage.inputs:
            yield place, f"the function has an argument `{key}` already", "another name"
        if not values:
            yield place, "the matrix has no item", "at least one value"
        seen: dict[str, object] = {}
        for index, value in enumerate(values):
            if (same := str(value).casefold()) in seen:
                what = f"`{value}` is `{seen[same]}` again (not every disk tells them apart)"
                yield f"{place}.{index}", what, "each value once"
            seen[same] = value


def _writes(pipeline: Pipeline, name: str, stage: Stage) -> Iterator[Problem]:
    del pipeline
    for section in _WRITES:
        for key, path in getattr(stage, section).items():
            place = f"pipeline.stages.{name}.{section}.{key}"
            yield from _braces(place, path)
            for unknown in sorted(set(placeholders(path)) - set(stage.matrix)):
                what = f"`{{{unknown}}}` is no key of the stage's matrix"
                yield (
                    place,
                    what,
                    nearest(unknown, list(stage.matrix))
                    if stage.matrix
                    else ("a path without braces, or a `matrix:` with that key"),
                )
            if missing := sorted(set(stage.matrix) - set(placeholders(path))):
                what = f"every item would write `{path}`"
                yield place, what, "a path with " + " and ".join(f"{{{m}}}" for m in missing)


def _reads(pipeline: Pipeline, name: str, stage: Stage) -> Iterator[Problem]:
    for key, path in stage.inputs.items():
        place = f"pipeline.stages.{name}.inputs.{key}"
        yield from _braces(place, path)
        left = sorted(set(placeholders(path)) - set(stage.matrix))
        sources = [writer for writer, _ in writers(pipeline, path) if writer != name]
        if left and len(sources) != 1:
            yield (
                place,
                f"no stage with `{left[0]}` in its matrix writes `{path}`",
                _written(pipeline, name, path),
            )
        elif sources and not left:
            yield from _unwritten(pipeline, name, key, sources[0])


def _unwritten(pipeline: Pipeline, name: str, key: str, source: str) -> Iterator[Problem]:
    stage, writer = pipeline.stages[name], pipeline.stages[source]
    path = stage.inputs[key]
    known = {fill(path, values) for values in items(writer)}
    for values in items(stage):
        if (wanted := fill(path, values)) not in known:
            what = f"stage {source} writes no `{wanted}`"
            yield f"pipeline.stages.{name}.inputs.{key}", what, f"one of {sorted(known)}"
            return


def _written(pipeline: Pipeline, name: str, path: str) -> str:
    known = [
        written
        for other, stage in pipeline.stages.items()
        if stage.matrix and other != name
        for section in _WRITES
        for written in getattr(stage, section).values()
    ]
    return nearest(path, known) if known else "a path without braces"


def _braces(place: str, path: str) -> Iterator[Problem]:
    if set(PLACEHOLDER.sub("", path)) & set("{}"):
        yield place, f"`{path}` has a brace that belongs to no placeholder", "{key} of a matrix"


def _plots(pipeline: Pipeline) -> Iterator[Problem]:
    for title, plot in pipeline.plots.items():
        if placeholders(plot.file) and not list(writers(pipeline, plot.file)):
            what = f"no stage with a matrix writes `{plot.file}`"
            yield f"pipeline.plots.{title}.file", what, _written(pipeline, "", plot.file)


def _overlaps(params: Params) -> Iterator[Problem]:
    """Yield what two stages of dvc.yaml both call themselves, or both write."""
    names: dict[str, str] = {}
    owners: dict[PurePosixPath, str] = {}
    for values in ((n, s, v) for n, s in params.pipeline.stages.items() for v in items(s)):
        name, stage, item = values
        full = "-".join([name, *map(str, item.values())])
        if full in names:
            what = f"two stages are called `{full}`, the other from `{names[full]}`"
            yield f"pipeline.stages.{name}", what, "another name or another value"
        names[full] = name
        for section in _WRITES:
            for key, path in getattr(stage, section).items():
                written = PurePosixPath(fill(path, item))
                inside = [written, *written.parents]
                if taken := [p for p in owners if p in inside or written in p.parents]:
                    what = f"`{written}` is written by {owners[taken[0]]} too"
                    yield f"pipeline.stages.{name}.{section}.{key}", what, "a path of its own"
                owners[written] = full


def config_problems(params: Params, values: Mapping[str, object]) -> Iterator[Problem]:
    """Yield the keys under `config:` of a stage that params.yaml does not have."""
    for name, stage in params.pipeline.stages.items():
        for index, dotted in enumerate(stage.config):
            section, _, rest = dotted.partition(".")
            if section in params.left_out:
                continue
            inner: object = params.pipeline.stages if section == "environment" else values
            for part in (rest if section == "environment" else dotted).split("."):
                known = list(inner) if isinstance(inner, Mapping) else []
                if part and part not in known:
                    place = f"pipeline.stages.{name}.config.{index}"
                    yield place, f"there is no key `{dotted}`", nearest(part, known)
                    break
                inner = inner[part] if isinstance(inner, Mapping) and part else inner


def module_problems(params: Params, root: Path) -> Iterator[Problem]:
    """Yield what the modules of the stages lack: the file, the function, an argument, the call."""
    for name, stage in params.pipeline.stages.items():
        module, _, function = stage.function.partition(":")
        path = root.joinpath(*module.split(".")).with_suffix(".py")
        place, shown = f"pipeline.stages.{name}.function", path.relative_to(root).as_posix()
        if not path.is_file():
            known = sorted(f"stages.{p.stem}" for p in (root / "stages").glob("[!_]*.py"))
            yield place, f"there is no {shown}", nearest(module, known)
            continue
        try:
            body = ast.parse(path.read_bytes()).body
        except SyntaxError as error:
            yield place, f"{shown}:{error.lineno} is no Python: {error.msg}", "valid Python"
            continue
        defined = {n.name: n for n in body if isinstance(n, ast.FunctionDef)}
        if function not in defined:
            yield place, f"{shown} has no function `{function}`", nearest(function, list(defined))
            continue
        for what, expected in _arguments(defined[function], stage):
            yield place, f"{shown}: `{function}` {what}", expected
        if not _starts(body, name):
            what = f"{shown} does not run as the stage `{name}`: `python -m {module}` must do so"
            yield place, what, f'at its end, under __main__, `main("{name}", {function})`'


def _arguments(function: ast.FunctionDef, stage: Stage) -> Iterator[tuple[str, str]]:
    given = {**stage.inputs, **stage.matrix}
    spec = function.args
    positional = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    optional = positional[len(positional) - len(spec.defaults) :] if spec.defaults else []
    optional += [a.arg for a, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d]
    named = [*positional[1:], *(a.arg for a in spec.kwonlyargs)]
    if not positional:
        yield "takes no params", "params as its first argument"
    for name in given:
        if name not in named and spec.kwarg is None:
            yield f"takes no `{name}`, which the stage declares", f"arguments {sorted(given)}"
    for name in named:
        if name not in given and name not in optional:
            what = f"wants `{name}`, which is no input of the stage"
            yield what, nearest(name, sorted(given)) if given else "an input of that name"


def _starts(body: list[ast.stmt], name: str) -> bool:
    calls = (n for statement in body for n in ast.walk(statement) if isinstance(n, ast.Call))
    return any(
        isinstance(call.func, ast.Name | ast.Attribute)
        and "main" in ast.unparse(call.func)
        and bool(call.args)
        and isinstance(call.args[0], ast.Constant)
        and call.args[0].value == name
        for call in calls
    )
