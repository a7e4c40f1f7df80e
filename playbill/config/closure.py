"""Which source files a stage reaches, and a digest of what their code means.

The import closure comes from grimp. The digest of a file is taken over its syntax tree without
comments, layout and docstrings, in a form that is the same on every Python version, so that a
comment reruns nothing and a clone on another Python agrees.
"""

import ast
import hashlib
import importlib
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from playbill.errors import ConfigError

FRAMEWORK = "playbill"
# What the runner imports by a table, unseen by grimp, for files of these endings.
CODECS = {".skops": "playbill.model.persistence"}
# A stage that reaches this package copies files of the framework into the bundle as they are, so
# that their bytes count: comments, docstrings (which OpenAPI shows) and what is not Python.
SHIPPED = "playbill.server"
_CACHE = Path(".dvc", "tmp", "playbill", "code.json")


class SourceTree:
    """The Python of a project and of the framework: import closures and digests.

    Args:
        root: The project; its folders `packages` must be importable from there.
        packages: Top-level packages of the project, as `stages`.
    """

    def __init__(self, root: Path, packages: Sequence[str]) -> None:
        self.root = root
        self.packages = tuple(sorted({p.split("/")[0] for p in packages} - {FRAMEWORK}))
        self._cache_file = root / _CACHE
        self._fresh: dict[str, str] = {}

    @cached_property
    def _graph(self) -> Any:
        import grimp
        from grimp.exceptions import SourceSyntaxError

        # The project's packages are found from its root, wherever the command was started.
        sys.path.insert(0, str(self.root))
        # A package of that name that this process imported from elsewhere would be found instead.
        loaded = {n: sys.modules.pop(n) for n in self.packages if n in sys.modules}
        importlib.invalidate_caches()
        try:
            return grimp.build_graph(FRAMEWORK, *self.packages, cache_dir=None)
        except SourceSyntaxError as error:
            where = Path(error.filename)
            shown = where.relative_to(self.root) if where.is_relative_to(self.root) else where
            raise ConfigError(
                f"the code cannot be parsed: {error.text or ''}".strip(),
                where=f"{shown.as_posix()}:{error.lineno}",
                expected="valid Python",
            ) from error
        except ValueError as error:
            raise ConfigError(
                f"the project's code was not found: {error}",
                where="conf/ pipeline.sources",
                expected=f"folders with an __init__.py: {', '.join(self.packages)}",
            ) from error
        finally:
            sys.modules.update(loaded)
            sys.path.remove(str(self.root))

    @cached_property
    def _known(self) -> dict[str, str]:
        try:
            found = json.loads(self._cache_file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def modules(self, roots: Iterable[str]) -> set[str]:
        """Return `roots` and every module that they import, directly or not."""
        graph = self._graph
        found: set[str] = set()
        for name in roots:
            if name in graph.modules:
                found |= {name, *graph.find_upstream_modules(name)}
        return found | {parent for name in found for parent in _parents(name)}

    def project_files(self, module: str) -> list[str]:
        """Return the project's files that `module` reaches, relative to the root, sorted."""
        names = self.modules([module])
        mine = [name for name in names if name.partition(".")[0] in self.packages]
        files = (_file_below(self.root, name) for name in mine)
        return sorted(f.relative_to(self.root).as_posix() for f in files if f and f.stat().st_size)

    def framework_digest(self, roots: Iterable[str]) -> str:
        """Return the digest of the framework's modules that `roots` reach."""
        names = [n for n in self.modules(roots) if n.partition(".")[0] == FRAMEWORK]
        folder = _package_folder(FRAMEWORK)
        return self._digest(sorted(names), folder.parent)

    def module_digest(self, module: str) -> str:
        """Return the digest of the project's modules that `module` reaches."""
        names = [n for n in self.modules([module]) if n.partition(".")[0] in self.packages]
        return self._digest(sorted(names), self.root)

    def own_digest(self) -> str:
        """Return the digest of all of the project's modules, reached or not."""
        return self._digest(self._own(), self.root)

    def edges(self) -> list[str]:
        """Return who imports whom among the project's modules, as `a -> b`, sorted."""
        graph = self._graph
        return sorted(
            f"{name} -> {other}"
            for name in self._own()
            for other in graph.find_modules_directly_imported_by(name)
            if other.partition(".")[0] in self.packages
        )

    def _own(self) -> list[str]:
        return sorted(n for n in self._graph.modules if n.partition(".")[0] in self.packages)

    def _digest(self, names: Sequence[str], base: Path) -> str:
        total = hashlib.sha256()
        ships = SHIPPED in names
        for name in names:
            path = _file_below(base, name)
            if path is not None:
                found = _bytes_digest(path) if ships else self._meaning(path)
                total.update(f"{name} {found}\n".encode())
        for path in _pages(base) if ships else ():
            total.update(f"{path.name} {_bytes_digest(path)}\n".encode())
        return total.hexdigest()[:32]

    def _meaning(self, path: Path) -> str:
        raw = path.read_bytes()
        key = hashlib.sha256(raw).hexdigest()
        meaning = self._known.get(key)
        if meaning is None:
            meaning = self._fresh[key] = self._known[key] = code_digest(raw)
        return meaning

    def save(self) -> None:
        """Keep the digests that were computed, by content, for the stages that follow."""
        if not self._fresh or not (self.root / ".dvc").is_dir():
            return
        self._cache_file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=self._cache_file.parent, delete=False, encoding="utf-8"
        ) as file:
            json.dump(self._known, file)
        os.replace(file.name, self._cache_file)  # noqa: PTH105 - atomic over an existing file


def short_digest(parts: Iterable[str]) -> str:
    """Return a short digest of a sequence of texts, to see a difference by."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _bytes_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def _pages(base: Path) -> list[Path]:
    folder = base.joinpath(*SHIPPED.split("."), "pages")
    return sorted(path for path in folder.glob("*") if path.is_file())


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).resolve().parent


def _file_below(base: Path, module: str) -> Path | None:
    stem = base.joinpath(*module.split("."))
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.is_file():
            return path
    return None


def code_digest(source: bytes) -> str:
    """Return the digest of Python source without comments, layout and docstrings."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return hashlib.sha256(source).hexdigest()
    total = hashlib.sha256()
    _feed(tree, total)
    return total.hexdigest()


def _feed(node: Any, total: Any) -> None:
    """Feed a tree to a hash; empty fields are left out, for later Pythons add some."""
    if isinstance(node, ast.Constant):
        total.update(f"{type(node.value).__name__}:{node.value!r};".encode())
    elif isinstance(node, ast.AST):
        total.update(f"({type(node).__name__}".encode())
        for name, value in ast.iter_fields(node):
            if value is not None and value != [] and name not in ("ctx", "kind", "type_comment"):
                total.update(f" {name}=".encode())
                _feed(value, total)
        total.update(b")")
    elif isinstance(node, list):
        total.update(b"[")
        for item in node:
            if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)):
                _feed(item, total)
        total.update(b"]")
    else:
        total.update(f"{node!r};".encode())
