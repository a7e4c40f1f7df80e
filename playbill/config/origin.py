"""From a key of the composed config to the file and line that set it.

Every YAML file under conf/ is parsed here once, before Hydra sees it, so that broken YAML, a
duplicate key or an environment value in an interpolation is reported with its place.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from playbill.config.interpolation import impure, refuse
from playbill.errors import ConfigError

Key = tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """Where a key stands: `file` from the project (or `playbill/conf/...`), `line` from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def shipped_folder() -> Path:
    """Return the folder of the options that Playbill ships."""
    return Path(__file__).resolve().parent.parent / "conf"


def key_lines(path: Path, shown: str) -> dict[Key, int]:
    """Return the line (from 1) of every key in a YAML file.

    Args:
        path: The file.
        shown: Its name in errors.

    Raises:
        ConfigError: It is not valid YAML, names a key twice, or reads the environment.
    """
    try:
        node = yaml.compose(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(
            f"broken YAML: {error.problem or error.context}",
            where=f"{shown}:{line}",
            expected="valid YAML",
            run="mend the line (look at the one above it too)",
        ) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"broken YAML: {error}", where=shown, expected="YAML in UTF-8") from error
    return dict(_walk(node, (), shown)) if node is not None else {}


def _walk(node: yaml.Node, path: Key, shown: str) -> Iterator[tuple[Key, int]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                raise ConfigError(
                    f"the key `{name}` stands twice",
                    where=f"{shown}:{line} {'.'.join((*path, name))}",
                    expected="each key once",
                )
            seen.add(name)
            yield (*path, name), line
            yield from _walk(value, (*path, name), shown)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, str(index)), value.start_mark.line + 1
            yield from _walk(value, (*path, str(index)), shown)
    elif (resolver := impure(str(node.value))) is not None and path[:1] != ("hydra",):
        where = f"{shown}:{node.start_mark.line + 1} {'.'.join(path)}"
        raise refuse(str(node.value), resolver, where)


def meaning(folder: Path) -> str:
    """Return what every file of a folder of YAML says, chosen or not; comments do not count.

    Places (`env/`) and hidden folders are no part of the composition.
    """
    names = [path.relative_to(folder) for path in sorted(folder.rglob("*.yaml"))]
    counted = [name for name in names if name.parts[0] != "env" and name.parts[0][0] != "."]
    return json.dumps(
        {name.as_posix(): _said(folder / name) for name in counted},
        sort_keys=True,
        default=str,
    )


def _said(path: Path) -> Any:
    text = path.read_text("utf-8")
    package = [line for line in text.splitlines() if line.startswith("# @package")]
    try:
        return [package, yaml.load(text, Loader=yaml.CSafeLoader)]
    except yaml.YAMLError:  # a key that only Hydra can read; the text itself then
        return text


@dataclass(frozen=True)
class Layer:
    """One file of the composition: its name, the package its keys go to, its keys' lines."""

    file: str
    package: Key
    lines: dict[Key, int]


def locate(layers: Sequence[Layer], key: Key) -> Origin | None:
    """Return where `key` was set last; if nowhere, where its nearest parent was.

    Args:
        layers: The files in the order in which Hydra merged them.
        key: Path of the key in the composed config.
    """
    best: tuple[int, Origin] | None = None
    for layer in layers:
        for depth in range(len(key), len(layer.package) - 1, -1):
            if key[: len(layer.package)] != layer.package:
                break
            inner = key[len(layer.package) : depth]
            line = layer.lines.get(inner) if inner else 1
            if line is not None:
                if best is None or depth >= best[0]:
                    best = (depth, Origin(layer.file, line))
                break
    return best[1] if best else None
