"""The project's own modules that a model carries, imported from the verified bytes of its layer."""

import importlib.abc
import importlib.util
import sys
from collections.abc import Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from playbill.errors import BundleError

CODE = "code/"
_INIT = "/__init__"


class CarriedSource(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds and loads modules from their source in memory.

    Args:
        sources: Source by module name.
        packages: Those of them that are packages.
    """

    def __init__(self, sources: Mapping[str, bytes], packages: frozenset[str]) -> None:
        self.sources = sources
        self._packages = packages

    def find_spec(
        self, fullname: str, path: object = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module that is carried."""
        del path, target
        if fullname not in self.sources:
            return None
        spec = importlib.util.spec_from_loader(fullname, self, origin=f"model/{CODE}{fullname}")
        if spec is not None and fullname in self._packages:
            # A router of the project may stand in the server's folder under the same package.
            folder = Path(*fullname.split("."))
            beside = [str(Path(entry) / folder) for entry in sys.path]
            spec.submodule_search_locations = [each for each in beside if Path(each).is_dir()]
        return spec

    def get_source(self, fullname: str) -> str:
        """Return the source of a module."""
        return self.sources[fullname].decode()

    def is_package(self, fullname: str) -> bool:
        """Say whether a module is a package."""
        return fullname in self._packages


def carry(files: Mapping[str, bytes]) -> None:
    """Make the modules under `code/` of a model layer importable.

    Raises:
        BundleError: A module of that name was imported already, with other source.
    """
    sources, packages = {}, set()
    for path, content in files.items():
        if path.startswith(CODE):
            stem = path.removeprefix(CODE).removesuffix(".py")
            name = stem.removesuffix(_INIT).replace("/", ".")
            sources[name] = content
            if stem.endswith(_INIT):
                packages.add(name)
    if not sources:
        return
    for name, source in sources.items():
        if name in sys.modules and not _is_same(sys.modules[name], source):
            raise BundleError(
                f"`{name}` is loaded already, with other code than the model's",
                expected="a process of its own for each model that carries code",
                run="start the server anew",
            )
    sys.meta_path.insert(0, CarriedSource(sources, frozenset(packages)))


def _is_same(module: ModuleType, source: bytes) -> bool:
    loader = module.__spec__.loader if module.__spec__ else None
    if isinstance(loader, CarriedSource):
        return loader.sources.get(module.__name__) == source
    try:
        found = Path(module.__file__ or "").read_bytes()
    except OSError:
        return False
    return found.replace(b"\r\n", b"\n") == source
