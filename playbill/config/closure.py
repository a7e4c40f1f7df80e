"""Which source files a stage reaches, and a digest of what their code means.

The import closure comes from grimp. What only decides whether a stage may run is no part of it, and
of the models of conf/ only those count that the stage's config keys need: a fix of a check, or a
new key in another group, reruns nothing.
"""

import hashlib
import importlib
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from playbill.config.digest import Definitions, bytes_digest, code_digest, imported_names
from playbill.engine.seal import Look
from playbill.errors import ConfigError

FRAMEWORK = "playbill"
# They say whether a stage may run, how it says no and how long it took, never what it writes. What
# is reached through them alone (all of the compiler) counts as little.
CHECKS = frozenset(
    {
        "playbill.config.environment",
        "playbill.config.place",
        "playbill.errors",
        "playbill.pipeline.duration",
        "playbill.pipeline.failure",
    }
)
# The models of all groups, of which a stage needs a few; they count as if they were one module.
SCHEMA, TABLE = "playbill.config.schema", "Params"
MODELS = (
    SCHEMA,
    "playbill.config.canary",
    "playbill.config.cluster",
    "playbill.config.decision",
    "playbill.config.deployment",
    "playbill.config.labelling",
    "playbill.config.privacy",
    "playbill.config.measurement",
    "playbill.config.policy",
    "playbill.config.quality",
    "playbill.config.scalar",
    "playbill.config.source",
    "playbill.config.stage",
)
# Of the server, bytes count, for OpenAPI shows docstrings. A stage that reaches one of CARRIERS
# copies all of SHIPPED, and what it imports, into the bundle as it is, or runs the texts
# that import it: some is imported by name alone, unseen by the graph, and some is no Python.
SERVER = "playbill.server"
CARRIERS = frozenset({"playbill.bundle.code", "playbill.server.description"})
SHIPPED = (SERVER, "playbill.bundle.runtime")
_HOME = Path(".dvc", "tmp", "playbill")
_CACHE, _ANSWERS = _HOME / "code.json", _HOME / "closures.json"
T = TypeVar("T")


class SourceTree:
    """The Python of a project and of the framework: import closures and digests.

    Args:
        root: The project; its folders `packages` must be importable from there.
        packages: Top-level packages of the project, as `stages`.
        seen: What their folders say; while that is the same, so is what was answered.
    """

    def __init__(self, root: Path, packages: Sequence[str], seen: Look | None = None) -> None:
        self.root = root
        self._seen = seen
        self._found_out = False
        self.packages = tuple(sorted({p.split("/")[0] for p in packages} - {FRAMEWORK}))
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
            # What only a type checker imports has no part in what a stage writes.
            return grimp.build_graph(
                FRAMEWORK, *self.packages, cache_dir=None, exclude_type_checking_imports=True
            )
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
        return _kept(self.root / _CACHE)

    @cached_property
    def _answers(self) -> dict[str, Any]:
        found = _kept(self.root / _ANSWERS) if self._seen else {}
        known = found.get("answers") if self._seen and found.get("of") == self._seen.digest else {}
        return known if isinstance(known, dict) else {}

    def _once(self, answer: Callable[[], T], *question: object) -> T:
        """Return the answer to a question, found out if no file said otherwise since it was."""
        asked = json.dumps([self.packages, *question])
        if asked not in self._answers:
            self._answers[asked] = answer()
            self._found_out = True
        known: T = self._answers[asked]
        return known

    def modules(self, roots: Iterable[str]) -> set[str]:
        """Return `roots` and every module that they import, directly or not."""
        graph = self._graph
        found: set[str] = set()
        for name in roots:
            if name in graph.modules:
                found |= {name, *graph.find_upstream_modules(name)}
        return found | {parent for name in found for parent in _parents(name)}

    def reaches(self, module: str, other: str) -> bool:
        """Say whether `module` imports `other`, directly or not."""
        return self._once(lambda: other in self.modules([module]), "reaches", module, other)

    def project_files(self, module: str) -> list[str]:
        """Return the project's files that `module` reaches, relative to the root, sorted."""
        return self._once(lambda: self._project_files(module), "files", module)

    def _project_files(self, module: str) -> list[str]:
        names = self.modules([module])
        mine = [name for name in names if name.partition(".")[0] in self.packages]
        files = (_file_below(self.root, name) for name in mine)
        return sorted(f.relative_to(self.root).as_posix() for f in files if f and f.stat().st_size)

    def framework_digest(self, roots: Iterable[str], keys: Iterable[str]) -> str:
        """Return the digest of the framework's modules that decide what `roots` write.

        Args:
            roots: Modules.
            keys: Keys of params.yaml that are read; of the models, theirs count.
        """
        asked = [*roots], [*keys]
        return self._once(lambda: self._framework_digest(*asked), "framework", *asked)

    def _framework_digest(self, roots: Iterable[str], keys: Iterable[str]) -> str:
        reached = self._deciding(roots)
        mine = sorted(n for n in reached - {*MODELS} if n.partition(".")[0] == FRAMEWORK)
        served = [name for name in mine if f"{name}.".startswith(f"{SERVER}.")]
        total = hashlib.sha256(self._digest(sorted({*mine} - {*served}), self._base).encode())
        total.update(self._bytes(served).encode())
        if reached & {*MODELS}:
            total.update(self._models(reached, keys).encode())
        if reached & CARRIERS:
            total.update(self._shipped().encode())
        return total.hexdigest()[:32]

    def _deciding(self, roots: Iterable[str]) -> set[str]:
        """Return what `roots` import, directly or not, without what only checks."""
        graph = self._graph
        found: set[str] = set()
        ahead = [name for name in roots if name in graph.modules]
        while ahead:
            name = ahead.pop()
            if name not in found and name not in CHECKS:
                found.add(name)
                ahead += [*graph.find_modules_directly_imported_by(name), *_parents(name)]
        return found

    def _models(self, reached: Iterable[str], keys: Iterable[str]) -> str:
        """Return the digest of the models of some keys, and of those that `reached` names."""
        sources = [
            self._base.joinpath(*n.split(".")).with_suffix(".py").read_bytes() for n in MODELS
        ]
        others = {*reached} - {*MODELS}
        names = {name for module in others for name in self._taken(module)} - {TABLE}
        fields = sorted({key.partition(".")[0] for key in keys})
        about = repr((sorted(names), fields, SCHEMA in reached)).encode()
        key = hashlib.sha256(b"\n".join([*sources, about])).hexdigest()
        if key not in self._known:
            source = b"\n".join(sources)
            found = code_digest(source)
            if "*" not in names:
                found = Definitions(source, TABLE, apart=MODELS).digest(names, fields)
            self._fresh[key] = self._known[key] = found
        return self._known[key]

    def _taken(self, module: str) -> list[str]:
        """Return the names that a module takes from the models of conf/."""
        mine = self._graph.find_modules_directly_imported_by(module) & {*MODELS}
        if not mine:
            return []
        path = self._file(module)
        assert path is not None
        source = path.read_bytes()
        key = hashlib.sha256(" ".join(sorted(mine)).encode() + source).hexdigest()
        if key not in self._known:
            taken = {name for model in mine for name in imported_names(source, model)}
            self._fresh[key] = self._known[key] = " ".join(sorted(taken))
        return self._known[key].split()

    def _shipped(self) -> str:
        """Return the digest of every file of the framework that a bundle may carry."""
        packages = {n for top in SHIPPED for n in (top, *self._graph.find_descendants(top))}
        names = [n for n in self.modules(packages) if n.partition(".")[0] == FRAMEWORK]
        return self._bytes(sorted(names), _pages(self._base))

    def _bytes(self, names: Sequence[str], more: Sequence[Path] = ()) -> str:
        paths = [path for name in names if (path := self._file(name)) is not None]
        texts = (
            f"{path.relative_to(self._base).as_posix()} {bytes_digest(path)}\n"
            for path in (*paths, *more)
        )
        return hashlib.sha256("".join(texts).encode()).hexdigest()

    def module_digest(self, module: str) -> str:
        """Return the digest of the project's modules that `module` reaches."""
        return self._once(lambda: self._module_digest(module), "module", module)

    def _module_digest(self, module: str) -> str:
        names = [n for n in self.modules([module]) if n.partition(".")[0] in self.packages]
        return self._digest(sorted(names), self.root)

    def own_digest(self) -> str:
        """Return the digest of all of the project's modules, reached or not."""
        return self._once(lambda: self._digest(self._own(), self.root), "own")

    def edges(self) -> list[str]:
        """Return who imports whom among the project's modules, as `a -> b`, sorted."""
        return self._once(self._edges, "edges")

    def _edges(self) -> list[str]:
        graph = self._graph
        return sorted(
            f"{name} -> {other}"
            for name in self._own()
            for other in graph.find_modules_directly_imported_by(name)
            if other.partition(".")[0] in self.packages
        )

    def _own(self) -> list[str]:
        return sorted(n for n in self._graph.modules if n.partition(".")[0] in self.packages)

    @cached_property
    def _base(self) -> Path:
        """The folder in which the framework's package lies."""
        return _package_folder(FRAMEWORK).parent

    def _file(self, module: str) -> Path | None:
        mine = module.partition(".")[0] in self.packages
        return _file_below(self.root if mine else self._base, module)

    def _digest(self, names: Sequence[str], base: Path) -> str:
        total = hashlib.sha256()
        for name in names:
            path = _file_below(base, name)
            if path is not None:
                total.update(f"{name} {self._meaning(path)}\n".encode())
        return total.hexdigest()[:32]

    def _meaning(self, path: Path) -> str:
        raw = path.read_bytes()
        key = hashlib.sha256(raw).hexdigest()
        meaning = self._known.get(key)
        if meaning is None:
            meaning = self._fresh[key] = self._known[key] = code_digest(raw)
        return meaning

    def save(self) -> None:
        """Keep what was found out for the stages that follow: digests by content, answers by look.

        What was written while it was looked at is looked at again.
        """
        if not (self.root / ".dvc").is_dir():
            return
        if self._fresh:
            _keep(self.root / _CACHE, self._known)
        if self._found_out and self._seen and self._seen.settled:
            _keep(self.root / _ANSWERS, {"of": self._seen.digest, "answers": self._answers})


def _kept(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _keep(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        json.dump(values, file)
    os.replace(file.name, path)  # noqa: PTH105 - atomic over an existing file


def _pages(base: Path) -> list[Path]:
    """Return what is no Python in the package of the server."""
    paths = base.joinpath(*SERVER.split(".")).rglob("*")
    kinds = (".py", ".pyc")
    return sorted(path for path in paths if path.is_file() and path.suffix not in kinds)


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
