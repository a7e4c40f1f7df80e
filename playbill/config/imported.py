"""What a constructor takes, asked of the object itself, where its source cannot be read.

A compiled class has no source. It is imported in a process of its own, once for each version of its
package: the answer is kept beside DVC's other temporary files.
"""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_CACHE = Path(".dvc", "tmp", "playbill", "signature.json")
_SECONDS = 120
_ASK = """
import importlib, inspect, json, sys
module, _, name = sys.argv[1].rpartition(".")
try:
    known = inspect.signature(getattr(importlib.import_module(module), name)).parameters.values()
    names = [p.name for p in known if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    print(json.dumps([names, any(p.kind == p.VAR_KEYWORD for p in known)]))
except Exception:
    print("null")
"""


def ask(path: str, root: Path) -> tuple[tuple[str, ...], bool] | None:
    """Return the keyword arguments of what `path` names, and whether it takes any; None: unknown.

    Args:
        path: Dotted name of an allowed class or function of an installed package.
        root: The project, under which the answer is kept.
    """
    key = f"{path} {_version(path.partition('.')[0])} {sys.version_info[:2]}"
    kept = _kept(root / _CACHE)
    if key not in kept:
        kept[key] = _answer(path)
        _keep(root, kept)
    found = kept[key]
    return None if found is None else (tuple(found[0]), bool(found[1]))


def _answer(path: str) -> list[Any] | None:
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, on a name that `allow:` has
            [sys.executable, "-W", "ignore", "-c", _ASK, path],
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        found = json.loads(done.stdout.strip().splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return None
    return found if isinstance(found, list) else None


def _version(top: str) -> str:
    owners = importlib.metadata.packages_distributions().get(top, [])
    return " ".join(f"{name}=={importlib.metadata.version(name)}" for name in sorted(set(owners)))


def _kept(path: Path) -> dict[str, list[Any] | None]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _keep(root: Path, kept: dict[str, list[Any] | None]) -> None:
    if not (root / ".dvc").is_dir():
        return
    path = root / _CACHE
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.part")
    beside.write_text(json.dumps(kept, sort_keys=True), "utf-8")
    os.replace(beside, path)  # noqa: PTH105 - atomic over an existing file
