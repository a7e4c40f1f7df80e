"""What a class takes and what its objects offer, asked of themselves where no source tells.

A compiled class has no source, and whether an SVC gives probabilities depends on its arguments. It
is imported in a process of its own, once for each version of its package: the answer is kept beside
DVC's other temporary files.
"""

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbill.config.target import KEY

_CACHE = Path(".dvc", "tmp", "playbill", "asked.json")
_SECONDS = 120
_CLASS = """
import importlib, inspect, json, sys
module, _, name = json.load(sys.stdin).rpartition(".")
try:
    found = getattr(importlib.import_module(module), name)
    said = {"is_class": isinstance(found, type), "offers": dir(found), "names": None}
except Exception:
    said = None
try:
    known = inspect.signature(found).parameters.values()
    plain = [p for p in known if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    said["names"] = [p.name for p in plain]
    said["required"] = [p.name for p in plain if p.default is p.empty]
    said["takes_any"] = any(p.kind == p.VAR_KEYWORD for p in known)
except Exception:
    pass
print(json.dumps(said))
"""
_OBJECT = """
import json, sys
from playbill.config.target import build
from playbill.errors import PlaybillError
target, allow = json.load(sys.stdin)
try:
    made = build(target, allow)
    wanted = ("fit", "predict", "predict_proba", "decision_function", "transform")
    said = {"kind": "", "offers": [name for name in wanted if hasattr(made, name)]}
except PlaybillError as error:
    said = {"refused": error.what}
except Exception:
    said = None
try:
    from sklearn.base import is_classifier, is_regressor
    said["kind"] = (
        "a classifier" if is_classifier(made) else "a regressor" if is_regressor(made) else ""
    )
except Exception:
    pass
print(json.dumps(said))
"""


@dataclass(frozen=True)
class Imported:
    """What an imported class or function says of itself.

    Attributes:
        is_class: It is one.
        offers: Names of its attributes.
        names: Its keyword arguments; None if nobody knows.
        required: Those of them without a default.
        takes_any: It has `**kwargs`.
    """

    is_class: bool
    offers: frozenset[str]
    names: tuple[str, ...] | None
    required: tuple[str, ...] = ()
    takes_any: bool = False


@dataclass(frozen=True)
class Built:
    """What a built object says of itself.

    Attributes:
        kind: `a classifier`, `a regressor`, or empty.
        offers: Which of fit, predict, predict_proba, decision_function and transform it has.
        refused: Why it could not be built; empty if it could.
    """

    kind: str = ""
    offers: frozenset[str] = frozenset()
    refused: str = ""


def ask(path: str, root: Path) -> Imported | None:
    """Return what the class or function that `path` names says of itself; None: unknown.

    Args:
        path: Dotted name of an allowed class or function of an installed package.
        root: The project, under which the answer is kept.
    """
    said = _asked(_CLASS, path, path, root)
    if said is None:
        return None
    names, required = said["names"], tuple(said.get("required", ()))
    return Imported(
        said["is_class"],
        frozenset(said["offers"]),
        None if names is None else tuple(names),
        required,
        bool(said.get("takes_any")),
    )


def built(target: Mapping[str, Any], allow: Sequence[str], root: Path) -> Built | None:
    """Return what the object says of itself that a target makes; None: unknown.

    Args:
        target: A `_target_` of an installed package and its arguments.
        allow: Prefixes of the targets that may be named.
        root: The project, under which the answer is kept.
    """
    said = _asked(_OBJECT, str(target[KEY]), [dict(target), list(allow)], root)
    if said is None:
        return None
    return Built(said.get("kind", ""), frozenset(said.get("offers", ())), said.get("refused", ""))


def _asked(script: str, path: str, question: Any, root: Path) -> dict[str, Any] | None:
    text = json.dumps(question, sort_keys=True, default=str)
    key = f"{text} {_version(path.partition('.')[0])} {sys.version_info[:2]} {script}"
    kept = _kept(root / _CACHE)
    if key not in kept:
        kept[key] = _answer(script, text)
        _keep(root, kept)
    return kept[key]


def _answer(script: str, question: str) -> dict[str, Any] | None:
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, on a name that `allow:` has
            [sys.executable, "-W", "ignore", "-c", script], input=question,
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        found = json.loads(done.stdout.strip().splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return None
    return found if isinstance(found, dict) else None


def _version(top: str) -> str:
    owners = importlib.metadata.packages_distributions().get(top, [])
    return " ".join(f"{name}=={importlib.metadata.version(name)}" for name in sorted(set(owners)))


def _kept(path: Path) -> dict[str, dict[str, Any] | None]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _keep(root: Path, kept: dict[str, dict[str, Any] | None]) -> None:
    if not (root / ".dvc").is_dir():
        return
    path = root / _CACHE
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.part")
    beside.write_text(json.dumps(kept, sort_keys=True), "utf-8")
    os.replace(beside, path)  # noqa: PTH105 - atomic over an existing file
