"""Parts of SciPy and NumPy, imported when they are first used.

Every import of scikit-learn brings them for a few functions that a pipeline seldom calls, and they
take a third of its time. So such a module is there at once and is filled when something in it is
asked for; what scikit-learn takes from it by name at its own import is stood in for until it is
called. What it then does is SciPy's own.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

# By module: what scikit-learn 1.9 takes from it by `from MODULE import`, and calls or asks for an
# attribute. Anything else that is asked for fills the module.
LATE: dict[str, frozenset[str]] = {
    "numpy.f2py": frozenset(),
    "numpy.testing": frozenset(),
    "scipy.integrate": frozenset({"trapezoid"}),
    "scipy.interpolate": frozenset({"BSpline"}),
    "scipy.optimize": frozenset(
        {"linear_sum_assignment", "linprog", "minimize", "minimize_scalar"}
    ),
    "scipy.stats": frozenset({"chi2", "gmean", "rankdata", "spearmanr"}),
}
# What scikit-learn takes from inside such a package, and what that needs there: good without it.
APART = frozenset({"scipy.optimize._dcsrch", "scipy.optimize._linesearch"})


def postpone() -> None:
    """Let these modules be imported late; one that is there already stays."""
    if not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _StandIn:
    """One function or distribution of a module that is not filled yet.

    Args:
        module: The module.
        name: Its name there.
    """

    def __init__(self, module: "_Late", name: str) -> None:
        self._module, self._name = module, name

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call the real one."""
        return _filled(self._module, self._name)(*given, **named)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the real one."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_filled(self._module, self._name), name)


class _Late(ModuleType):
    """A module that is not filled yet; once it is, it is an ordinary module."""

    def __getattr__(self, name: str) -> Any:
        """Return a stand-in, or fill the module."""
        if name.startswith("__") and name != "__all__":  # as the import system asks
            raise AttributeError(name)
        return _StandIn(self, name) if name in LATE[self.__name__] else _filled(self, name)


def _filled(module: ModuleType, name: str) -> Any:
    """Return an attribute of the module, which is filled if it was not."""
    _fill(module)
    return getattr(module, name)


def _fill(module: ModuleType) -> None:
    if isinstance(module, _Late):
        whole: ModuleType = module
        whole.__class__ = ModuleType
        loader = module.__spec__.loader if module.__spec__ else None
        assert isinstance(loader, _Loader)
        loader.real.exec_module(module)


class _Loader(Loader):
    """Makes the module and leaves it to be filled.

    Args:
        real: What fills it.
    """

    def __init__(self, real: Loader) -> None:
        self.real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return a module of the kind that fills itself."""
        return _Late(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave it as it is."""


class _Present(Loader):
    """Returns a module that filling its package brought."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return what is there."""
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """Leave it as it is."""


class _Finder(MetaPathFinder):
    """Finds the module, and what lies below it once it is filled."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to import `name`; None: in the ordinary way."""
        if name in LATE:
            spec = PathFinder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Loader(spec.loader)
            return spec
        parent = sys.modules.get(name.rpartition(".")[0])
        if isinstance(parent, _Late) and name not in APART:
            _fill(parent)
            if name in sys.modules:
                return ModuleSpec(name, _Present())
        return None
