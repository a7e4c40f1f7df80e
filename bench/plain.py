"""The flight pipeline as one plain script: the stages' own functions, what they return in memory.

    python bench/plain.py PROJECT

Writes what `dvc repro` leaves under models/ and reports; what a stage returns in memory stays so.
A table that a stage leaves in a file is handed over as that file, and read once, by who first takes
a frame. It is what `bench/pipeline.py` measures the pipeline against, started in PROJECT.
"""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playbill.config.matrix import steps
from playbill.config.params import read_params
from playbill.pipeline import format as file_format


def main() -> None:
    """Call every stage in the order of the flow, in one process."""
    params = read_params(Path())
    held: dict[str, Any] = {}
    for step in steps(params).values():
        module, _, name = step.stage.function.partition(":")
        function = getattr(importlib.import_module(module), name)
        files = {key for key, kind in function.__annotations__.items() if kind in (Path, "Path")}
        given = {key: _value(held, path, as_path=key in files) for key, path in step.inputs.items()}
        returned = function(params, **step.values, **given)
        for key, path in step.targets.items():
            held[path] = _as_read(Path(path), returned[key])
            if path.startswith("models/") or key in step.metrics:
                file_format.write(Path(path), returned[key])


def _as_read(path: Path, value: Any) -> Any:
    """Return a value as the next stage would read it: keys in a JSON file are sorted."""
    if path.suffix == ".json" and not isinstance(value, Path):
        return json.loads(file_format.encode(path, value))
    return value


def _value(held: dict[str, Any], path: str | Mapping[str, str], *, as_path: bool) -> Any:
    """Return what a stage made; a folder by its path, as a stage gets it."""
    if not isinstance(path, str):
        return {item: _value(held, each, as_path=as_path) for item, each in path.items()}
    if not Path(path).suffix:
        return Path(path)
    if isinstance(held[path], Path) and not as_path:
        held[path] = file_format.read(held[path])
    return held[path]


if __name__ == "__main__":
    main()
