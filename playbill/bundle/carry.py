"""What a Pipeline needs beside its file: the project's modules, and the distributions they import.

Read off the file itself (the modules of its types) and off the source of the project's modules.
"""

import ast
import importlib.metadata
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from playbill.bundle.router import PACKAGE
from playbill.bundle.runtime.carried import CODE
from playbill.config.closure import SourceTree
from playbill.errors import BundleError

FRAMEWORK = "playbill"
SCHEMA = "schema.json"


@dataclass(frozen=True)
class Needs:
    """What a Pipeline needs.

    Attributes:
        files: The project's modules, as files of the model layer.
        packages: Distributions.
        code: Modules of Playbill that the project's import.
    """

    files: dict[str, bytes]
    packages: tuple[str, ...]
    code: tuple[str, ...]


def needs_of(pipeline: bytes, root: Path) -> Needs:
    """Return what the Pipeline in a .skops file needs.

    Args:
        pipeline: The file.
        root: The project.

    Raises:
        BundleError: A type comes from a module that is no file of the project.
    """
    with ZipFile(BytesIO(pipeline)) as archive:
        modules = set(_modules(json.loads(archive.read(SCHEMA))))
    own = sorted(name for name in modules if _top(name) == PACKAGE)
    if any(_top(name) == "__main__" for name in modules):
        raise BundleError(
            "the Pipeline holds a class of a script",
            expected=f"classes in modules of {PACKAGE}/",
            run=f"move the class into a module of {PACKAGE}/ and name it there",
        )
    files = _sources(own, root) if own else {}
    imported = {name for source in files.values() for name in _imports(source)}
    code = {name for name in imported if _top(name) == FRAMEWORK}
    return Needs(files, _distributions(modules | imported), tuple(sorted(code)))


def _modules(node: Any) -> Iterator[str]:
    """Yield the modules of the types that a .skops file names."""
    if isinstance(node, dict):
        if isinstance(node.get("__module__"), str):
            yield node["__module__"]
        for value in node.values():
            yield from _modules(value)
    elif isinstance(node, list):
        for value in node:
            yield from _modules(value)


def _sources(modules: Sequence[str], root: Path) -> dict[str, bytes]:
    """Return the source of modules and of all of the project's that they import."""
    tree = SourceTree(root, [PACKAGE])
    paths = {path for module in modules for path in tree.project_files(module)}
    paths |= {f"{parent.as_posix()}/__init__.py" for path in paths
              for parent in Path(path).parents if parent != Path()}  # fmt: skip
    found = {}
    for path in sorted(paths):
        file = root / path
        content = file.read_bytes() if file.is_file() else b""
        found[f"{CODE}{path}"] = content.replace(b"\r\n", b"\n")
    return found


def _imports(source: bytes) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _distributions(modules: set[str]) -> tuple[str, ...]:
    tops = {_top(name) for name in modules} - {PACKAGE, FRAMEWORK} - sys.stdlib_module_names
    known = importlib.metadata.packages_distributions()
    return tuple(sorted({known[top][0] for top in tops if top in known}))


def _top(module: str) -> str:
    return module.partition(".")[0]
