"""The bundle's requirements.txt: what its server needs, with all that those need, pinned.

Resolved from the metadata of the installed distributions, so it is the environment in which the
parity of the runtime was proven.
"""

import importlib.metadata
from collections.abc import Sequence

from playbill.errors import InstalledError

SERVER = ("fastapi", "httptools", "numpy", "pydantic", "uvicorn")
FASTER = ("uvloop",)  # where it is to be had, which is not on Windows
RUNTIMES: dict[str, tuple[str, ...]] = {
    "numpy": (),
    "skops": ("pandas", "scikit-learn", "skops"),
}


def requirements_text(runtime: str, packages: Sequence[str] = ()) -> str:
    """Return the pinned requirements of a bundle, one a line.

    Args:
        runtime: Kind of its runtime.
        packages: What conf/server names beside.

    Raises:
        InstalledError: One of them is not installed.
    """
    roots = [*SERVER, *RUNTIMES[runtime], *packages]
    roots += [name for name in FASTER if _is_installed(name)]
    lines = [f"{name}=={version}" for name, version in _closure(roots)]
    return "".join(f"{line}\n" for line in lines)


def differences(text: str) -> list[str]:
    """Return what is installed otherwise than a requirements.txt of ours pins, as sentences."""
    found = []
    for line in text.split():
        name, _, version = line.partition("==")
        try:
            have = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            have = "not installed"
        if have != version:
            found.append(f"{name} is {have}, pinned {version}")
    return found


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _closure(roots: Sequence[str]) -> list[tuple[str, str]]:
    """Return name and version of `roots` and of everything that they require here."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(root) for root in roots]
    while waiting:
        wanted = waiting.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        distribution = _distribution(name)
        found[name] = distribution.version
        for text in distribution.requires or ():
            needed = Requirement(text)
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in {"", *extras}):
                waiting.append(needed)
    return sorted(found.items())


def _distribution(name: str) -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise InstalledError(
            f"`{name}` is not installed, and the bundle's server needs it",
            expected="the extra `serve`",
            run="pip install -c constraints.txt -e '.[serve]'",
        ) from error
