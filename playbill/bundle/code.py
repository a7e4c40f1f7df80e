"""The framework's code that a bundle carries: exactly the modules that its server reaches.

They keep their names, so the copy runs as `playbill` without the framework being installed. The
`__init__` of a package is replaced: the framework's may import what a bundle does not have.
"""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

FRAMEWORK = "playbill"
ENTRY = "playbill.server.__main__"
INIT = '"""Part of Playbill, copied into this bundle."""\n'
CODE = ".py"


def copied_code(roots: Iterable[str]) -> dict[str, bytes]:
    """Return the files of `roots` and of all that they import of Playbill, by relative path.

    Args:
        roots: Modules, the entry point left out; what is imported by name only (a runtime) too.
    """
    import grimp

    # What only a type checker imports is not there at run time either.
    graph = grimp.build_graph(FRAMEWORK, cache_dir=None, exclude_type_checking_imports=True)
    modules: set[str] = set()
    for root in {ENTRY, *roots}:
        modules |= {root, *graph.find_upstream_modules(root)}
    packages = {parent for name in modules for parent in _parents(name)}
    base = _folder(FRAMEWORK).parent
    files = {
        name.replace(".", "/") + CODE: _source(base, name) for name in sorted(modules - packages)
    }
    for package in sorted(packages):
        folder = package.replace(".", "/")
        files[f"{folder}/__init__.py"] = INIT.encode()
    return files | _assets(base, "playbill.server")


def _assets(base: Path, package: str) -> dict[str, bytes]:
    """Return the files of a package that are not code: its pages."""
    folder = base.joinpath(*package.split("."))
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(base).as_posix(): _unix(path.read_bytes())
        for path in paths
        if path.suffix != CODE and "__pycache__" not in path.parts
    }


def _source(base: Path, module: str) -> bytes:
    stem = base.joinpath(*module.split("."))
    path = stem.with_suffix(CODE)
    return _unix((path if path.is_file() else stem / "__init__.py").read_bytes())


def _unix(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")


def _folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).resolve().parent


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]
