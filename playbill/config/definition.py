"""Where a dotted name leads, read from the sources: nothing is imported.

`stages.flights.os.system` and a name that `stages.flights` merely imported both lead out of
`stages`; the allow list is asked about where a name ends, not about how it begins.
"""

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

Node = ast.ClassDef | ast.FunctionDef
Bound = tuple[ast.stmt, ast.alias | None]  # the statement that binds a name; of an import, its part
_MOST_STEPS = 12  # a longer chain of imports is a cycle


@dataclass(frozen=True)
class Definition:
    """Where a dotted name ends.

    Attributes:
        home: The module in which it ends.
        name: What it is called there; empty if it ends at the module itself.
        node: Its class or function, if it is one and its source can be read.
        known: If the name does not exist: the names that do. None: it exists, or may.
    """

    home: str
    name: str
    node: Node | None = None
    known: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Sources:
    """The modules of a project and of its environment.

    Args:
        root: The project; a package in it hides an installed one, as under `python -m`.
    """

    root: Path

    def find(self, path: str) -> Definition:
        """Return where `package.module.Name` (or `package.module:name`) leads."""
        return self._walk(path.replace(":", "."), 0)

    def lookup(self, module: str, name: str) -> Definition:
        """Return where `name` (or `package.Name`), as used in `module`, leads."""
        return self._lookup(module, tuple(name.split(".")), 0)

    def bases(self, found: Definition) -> Iterator[Definition]:
        """Yield where the bases of a class lead, as far as they are names."""
        for base in found.node.bases if isinstance(found.node, ast.ClassDef) else ():
            if name := _dotted(base):
                yield self.lookup(found.home, name)

    def _walk(self, path: str, step: int) -> Definition:
        parts = path.split(".")
        for size in range(len(parts), 0, -1):
            module = ".".join(parts[:size])
            if self.place(module) is not None:
                rest = tuple(parts[size:])
                return self._lookup(module, rest, step) if rest else Definition(module, "")
        known = None if importlib.util.find_spec(parts[0]) else ()
        return Definition(parts[0], ".".join(parts[1:]), known=known)

    def place(self, module: str) -> Path | None:
        """Return the file of a module, of whatever kind, without importing it or its parents."""
        top, *rest = module.split(".")
        for folder in self._folders(top):
            base = folder.joinpath(*rest)
            for path in (base.with_suffix(".py"), base / "__init__.py"):
                if path.is_file():
                    return path
            if compiled := sorted(base.parent.glob(f"{base.name}.*.so")):
                return compiled[0]
            if compiled := sorted(base.parent.glob(f"{base.name}.*.pyd")):
                return compiled[0]
        return None

    def _folders(self, top: str) -> Iterator[Path]:
        if (self.root / top).is_dir() or (self.root / f"{top}.py").is_file():
            yield self.root / top
        else:
            yield from _installed(top)

    def _lookup(self, module: str, names: tuple[str, ...], step: int) -> Definition:
        name = names[0]
        path = self.place(module)
        if path is None or path.suffix != ".py" or step > _MOST_STEPS:
            return Definition(module, ".".join(names))
        tree = parse(path)
        bound = [found for node in statements(tree.body) for found in _binding(node, name)]
        if bound:
            spare = {id(node) for node in _fallbacks(tree)}
            meant = [found for found in bound if id(found[0]) not in spare]
            return self._follow(module, (meant or bound)[-1], names, step)
        if self.place(f"{module}.{name}") is not None:
            return self._walk(".".join((module, *names)), step + 1)
        return self._unbound(module, names, tree, step)

    def _follow(self, module: str, bound: Bound, names: tuple[str, ...], step: int) -> Definition:
        (node, alias), rest = bound, names[1:]
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            return Definition(module, ".".join((node.name, *rest)), None if rest else node)
        if isinstance(node, ast.Import) and alias is not None:
            target = alias.name if alias.asname else alias.name.partition(".")[0]
            return self._walk(".".join((target, *rest)), step + 1)
        if isinstance(node, ast.ImportFrom) and alias is not None:
            source = self._absolute(module, node)
            return self._walk(".".join((source, alias.name, *rest)), step + 1)
        if isinstance(node, ast.Assign) and (name := _dotted(node.value)):  # another name for it
            held = self._lookup(module, (*name.split("."), *rest), step + 1)
            if held.known is None:
                return held
        return Definition(module, ".".join(names))  # an assignment: what it holds is not read

    def _unbound(
        self, module: str, names: tuple[str, ...], tree: ast.Module, step: int
    ) -> Definition:
        known = {n for node in statements(tree.body) for n in _names(node)}
        for node in statements(tree.body):
            if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names):
                inner = self._walk(".".join((self._absolute(module, node), *names)), step + 1)
                if inner.known is None:
                    return inner
                known |= set(inner.known)
        public = {n for n in known if not n.startswith("_")} | self._submodules(module)
        may = _may_make(tree, names[0])
        return Definition(module, ".".join(names), known=None if may else tuple(sorted(public)))

    def _submodules(self, module: str) -> set[str]:
        path = self.place(module)
        if path is None or path.name != "__init__.py":
            return set()
        inner = {p.parent.name for p in path.parent.glob("*/__init__.py")}
        inner |= {p.name.partition(".")[0] for p in path.parent.iterdir() if p.is_file()}
        return {name for name in inner if not name.startswith("_")}

    def _absolute(self, module: str, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        path = self.place(module)
        is_package = path is not None and path.name == "__init__.py"
        parts = module.split(".")
        base = parts[: len(parts) - node.level + (1 if is_package else 0)]
        return ".".join([*base, *([node.module] if node.module else [])])


@cache
def _installed(top: str) -> tuple[Path, ...]:
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return ()
    if spec is None:
        return ()
    if spec.submodule_search_locations:
        return tuple(Path(folder) for folder in spec.submodule_search_locations)
    is_file = spec.origin is not None and spec.origin.endswith(".py")
    return (Path(str(spec.origin)).with_suffix(""),) if is_file else ()


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file; empty if it cannot be parsed (Python will say so)."""
    status = path.stat()
    return _parse(path, status.st_mtime_ns, status.st_size)


@cache
def _parse(path: Path, *_version: int) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _may_make(tree: ast.Module, name: str) -> bool:
    """Say whether the module's `__getattr__` may know a name that no statement binds."""
    makers = [node for node in statements(tree.body) if "__getattr__" in _names(node)]
    if not makers:
        return False
    if not all(isinstance(node, ast.FunctionDef) for node in makers):
        return True
    return any(isinstance(n, ast.Constant) and n.value == name for n in ast.walk(tree))


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module or a class, those inside `if`, `try` and `with` too."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            for inner in ("body", "handlers", "orelse", "finalbody"):
                for each in getattr(node, inner, []):
                    yield from statements(
                        each.body if isinstance(each, ast.ExceptHandler) else [each]
                    )


def _fallbacks(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the statements that run only if an import before them failed."""
    for node in statements(tree.body):
        for handler in node.handlers if isinstance(node, ast.Try) else ():
            yield from statements(handler.body)


def _dotted(node: ast.expr) -> str:
    """Return a name or a chain of attributes as text; empty if it is something else."""
    if isinstance(node, ast.Name):
        return node.id
    inner = _dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{inner}.{node.attr}" if isinstance(node, ast.Attribute) and inner else ""


def _binding(node: ast.stmt, name: str) -> Iterator[Bound]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            bound = alias.asname or (
                alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name
            )
            if bound == name:
                yield node, alias
    elif name in _names(node):
        yield node, None


def _names(node: ast.stmt) -> set[str]:
    """Return the names that a statement binds."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(a.asname or a.name).partition(".")[0] for a in node.names}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {
        leaf.id
        for target in targets
        if target is not None
        for leaf in ast.walk(target)
        if isinstance(leaf, ast.Name)
    }
