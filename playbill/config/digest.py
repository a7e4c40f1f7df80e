"""Digests of source by what it means: without comments, layout and docstrings.

They are taken over the syntax tree in a form that is the same on every Python version, so that a
comment reruns nothing and a clone on another Python agrees. Of a module that everything shares, the
digest of the few definitions that are needed can be taken.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def short_digest(parts: Iterable[str]) -> str:
    """Return a short digest of a sequence of texts, to see a difference by."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def bytes_digest(path: Path) -> str:
    """Return the digest of a file as it stands, but for the ends of its lines."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


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


class Definitions:
    """The definitions at the top level of a module, and what each needs of the others.

    Args:
        source: The module.
        table: A class of it whose fields are told apart: who needs it says which ones.
        apart: Modules whose source stands in `source` too: an import from them says nothing more.
    """

    def __init__(self, source: bytes, table: str, apart: Iterable[str] = ()) -> None:
        self._table = table
        self._fields: dict[str, ast.stmt] = {}
        self._named: dict[str, list[ast.stmt]] = {}
        known = {*apart}
        for statement in ast.parse(source).body:
            if isinstance(statement, ast.ImportFrom) and statement.module in known:
                continue
            for name in _bound(statement):
                self._add(name, _one(statement, name))
        for statement in self._named.get(table, []):
            for inner in getattr(statement, "body", []):
                if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name):
                    self._fields[inner.target.id] = inner

    def _add(self, name: str, statement: ast.stmt) -> None:
        """Add what binds a name; the same import in two of the joined modules is one."""
        before = self._named.setdefault(name, [])
        if not any(ast.dump(each) == ast.dump(statement) for each in before):
            before.append(statement)

    def digest(self, names: Iterable[str], fields: Iterable[str]) -> str:
        """Return the digest of definitions, of fields of the table, and of all that they need."""
        found: dict[str, list[ast.stmt]] = {}
        wanted = [*(set(names) & set(self._named)), self._table]
        chosen = {name: self._fields[name] for name in sorted(set(fields) & set(self._fields))}
        wanted += [name for field in chosen.values() for name in _used(field)]
        while wanted:
            name = wanted.pop()
            if name in self._named and name not in found:
                found[name] = self._needed(name)
                wanted += [used for node in found[name] for used in _used(node)]
        total = hashlib.sha256()
        for name, nodes in (*sorted(found.items()), *((n, [f]) for n, f in chosen.items())):
            total.update(f"{name} ".encode())
            _feed(nodes, total)
        return total.hexdigest()

    def _needed(self, name: str) -> list[ast.stmt]:
        """Return what defines a name; of the table, all but its fields."""
        nodes = self._named[name]
        if name != self._table:
            return nodes
        inner = [each for node in nodes for each in getattr(node, "body", [])]
        return [each for each in inner if not isinstance(each, ast.AnnAssign)]


def _one(statement: ast.stmt, name: str) -> ast.stmt:
    """Return the part of a statement that binds a name: of an import, one name of its list."""
    if not isinstance(statement, ast.Import | ast.ImportFrom):
        return statement
    mine = [a for a in statement.names if (a.asname or a.name).partition(".")[0] == name]
    if isinstance(statement, ast.Import):
        return ast.Import(names=mine)
    return ast.ImportFrom(module=statement.module, names=mine, level=statement.level)


def _bound(statement: ast.stmt) -> set[str]:
    """Return the names that a statement of a module binds."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    stores = (n for n in ast.walk(statement) if isinstance(n, ast.Name))
    return {node.id for node in stores if isinstance(node.ctx, ast.Store)}


def _used(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value  # an annotation in quotes


def imported_names(source: bytes, module: str) -> set[str]:
    """Return the names that source takes from `module`; `*` if it takes the module whole."""
    package, _, last = module.rpartition(".")
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == module:
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == package:
            found |= {"*" for alias in node.names if alias.name == last}
        elif isinstance(node, ast.Import):
            found |= {"*" for alias in node.names if alias.name == module}
    return found
