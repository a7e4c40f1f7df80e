"""What a class offers, read from its source and from those of its bases; nothing is imported."""

import ast
import builtins
from collections.abc import Mapping
from dataclasses import dataclass

from playbill.config.definition import Definition, Sources, statements

_CONDITION = "available_if"  # scikit-learn's: the method is there or not, as the arguments say
_ABSTRACT = "abstractmethod"
_OPAQUE = ("__getattr__", "__getattribute__")  # may offer whatever it likes


@dataclass(frozen=True)
class Anatomy:
    """The attributes that a class and its bases define.

    Attributes:
        parts: By name what defines it, nearest first; None: an assignment.
        is_whole: Every base was read, so that what is not here is nowhere.
    """

    parts: Mapping[str, tuple[ast.FunctionDef | None, ...]]
    is_whole: bool

    def has(self, name: str) -> bool | None:
        """Say whether a built object has a method; None: only the object can tell."""
        if name not in self.parts:
            return False if self.is_whole else None
        first = self.parts[name][0]
        return None if first is None or _is_marked(first, _CONDITION) else True

    @property
    def abstract(self) -> list[str]:
        """Names of the methods that a subclass must define; with one, no object can be built."""
        return [
            name
            for name, nodes in self.parts.items()
            if all(node is not None and _is_marked(node, _ABSTRACT) for node in nodes)
        ]


def anatomy(found: Definition, sources: Sources) -> Anatomy:
    """Return what the class offers that a dotted name led to."""
    parts: dict[str, list[ast.FunctionDef | None]] = {}
    whole = _collect(found, sources, parts, set())
    frozen = {name: tuple(nodes) for name, nodes in parts.items()}
    return Anatomy(frozen, whole and not any(name in frozen for name in _OPAQUE))


def _collect(
    found: Definition,
    sources: Sources,
    parts: dict[str, list[ast.FunctionDef | None]],
    seen: set[str],
) -> bool:
    """Add what a class and its bases define; say whether all of it could be read."""
    path = f"{found.home}.{found.name}"
    if path in seen or (found.node is None and hasattr(builtins, found.name)):
        return True
    seen.add(path)
    node = found.node
    if not isinstance(node, ast.ClassDef):
        return False
    whole = not node.decorator_list
    for item in statements(node.body):
        if isinstance(item, ast.FunctionDef):
            parts.setdefault(item.name, []).append(item)
        elif isinstance(item, ast.Assign | ast.AnnAssign):
            for name in _assigned(item):
                parts.setdefault(name, []).append(None)
    bases = list(sources.bases(found))
    whole = whole and len(bases) == len(node.bases)
    read = [_collect(base, sources, parts, seen) for base in bases]
    return whole and all(read)


def _assigned(item: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = item.targets if isinstance(item, ast.Assign) else [item.target]
    if item.value is None:
        return []  # a note of a type
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _is_marked(node: ast.FunctionDef, name: str) -> bool:
    for mark in node.decorator_list:
        called = mark.func if isinstance(mark, ast.Call) else mark
        if ast.unparse(called).rpartition(".")[2] == name:
            return True
    return False
