"""The bundle's requirements.txt: what its server needs, with all that those need, pinned.

Resolved from the metadata of the installed distributions, so it is the environment in which the
parity of the runtime was proven.
"""

import importlib.metadata
from collections.abc import Mapping, Sequence

from playbill.errors import InstalledError

SERVER = ("fastapi", "httptools", "msgspec", "numpy", "pydantic", "uvicorn")
FASTER = ("uvloop",)  # where it is to be had, which is not on Windows
RUNTIMES: dict[str, tuple[str, ...]] = {
    "numpy": (),
    "onnx": ("onnxruntime",),
    "skops": ("pandas", "scikit-learn", "skops"),
}


def runtime_pins(runtime: str, packages: Sequence[str] = ()) -> dict[str, str]:
    """Return what a model needs to answer, all that those need included: version by name.

    A model that is numbers alone names nothing: any NumPy adds and compares alike.

    Args:
        runtime: Kind of its runtime.
        packages: Distributions that the model itself needs.

    Raises:
        InstalledError: One of them is not installed.
    """
    return dict(_closure([*RUNTIMES[runtime], *packages]))


def earlier_pins(runtime: str, text: str) -> dict[str, str]:
    """Return what an earlier requirements.txt pins of a runtime's own packages, as `runtime_pins`.

    Raises:
        InstalledError: A package of the runtime is not installed.
    """
    pinned = dict(line.split("==", 1) for line in text.split() if "==" in line)
    return {name: pinned[name] for name in runtime_pins(runtime) if name in pinned}


def requirements_text(
    runtime: str, packages: Sequence[str] = (), pins: Mapping[str, str] | None = None
) -> str:
    """Return the pinned requirements of a bundle, one a line.

    Args:
        runtime: Kind of its runtime.
        packages: What conf/server names beside.
        pins: What the model was proven with; it goes before what is installed now.

    Raises:
        InstalledError: One of them is not installed.
    """
    roots = [*SERVER, *packages] if pins is not None else [*SERVER, *RUNTIMES[runtime], *packages]
    roots += [name for name in FASTER if _is_installed(name)]
    found = dict(_closure(roots)) | dict(pins or {})
    lines = [f"{name}=={version}" for name, version in sorted(found.items())]
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
