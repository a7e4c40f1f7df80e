"""The clean room: a clone of the revision in a temporary folder, its environment, its raw data."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playbill.config.environment import CONSTRAINTS, installed_version, pinned, refuse
from playbill.errors import InstalledError, LineageError
from playbill.lineage import git, locked, revision, store

Say = Callable[[str], None]
Choice = Literal["auto", "here", "fresh"]
ENVIRONMENTS = Path("environments")
# What would let the outside reach into the room; PYTHONHASHSEED, so that order by hash shows.
LEAKS = ("PYTHONPATH", "PYTHONHOME", "PYTHONHASHSEED", "PYTHONSTARTUP", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Room:
    """Where a revision is run again.

    Attributes:
        folder: The temporary folder, deleted at the end.
        root: The project in the clone.
        commit: The commit that is checked out.
        python: The interpreter.
        how: `this environment`, or where its own was built.
        snapshots: Where each brought-in output came from, `remote` or `cache`, by path.
    """

    folder: Path
    root: Path
    commit: str
    python: Path
    how: str
    snapshots: Mapping[str, str] = field(default_factory=dict)

    def variables(self, **more: str) -> dict[str, str]:
        """Return the environment variables of what runs in the room."""
        own = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("GIT_", "DVC_", "PLAYBILL_")) and name not in LEAKS
        }
        own["PATH"] = f"{self.python.parent}{os.pathsep}{own.get('PATH', os.defpath)}"
        own |= {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(self.folder / "site")}
        return own | more


@contextmanager
def opened(
    root: Path, commit: str, choice: Choice, say: Say, *, from_source: bool = False
) -> Iterator[Room]:
    """Yield a clean room for a commit.

    Args:
        root: The project.
        commit: The commit.
        choice: `here`: this environment or none; `fresh`: always one built from constraints.txt;
            `auto`: this one if it is exactly what the revision pins, else one of its own.
        say: Told what is going on.
        from_source: Leave out the raw data, which will be ingested again.

    Raises:
        InstalledError: This environment was asked for and is not the pinned one.
        LineageError: Git cannot clone, or neither remote nor cache has the raw data.
    """
    with tempfile.TemporaryDirectory(prefix="playbill-verify-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        say("cloning")
        inner = _clone(root, commit, folder / "clone")
        python, how = _environment(root, inner, choice, say)
        snapshots = {} if from_source else _bring_in(root, inner, commit, folder, say)
        yield Room(folder, inner, commit, python, how, snapshots)


def platform_facts(python: Path) -> dict[str, str]:
    """Return what bytes may depend on beside packages: system, processor, Python, BLAS."""
    code = (
        "import json, platform, sys\n"
        "facts = {'system': platform.system(), 'machine': platform.machine(),"
        " 'libc': ' '.join(platform.libc_ver()).strip(),"
        " 'python': platform.python_version(),"
        " 'implementation': platform.python_implementation()}\n"
        "try:\n"
        "    import numpy, threadpoolctl\n"
        "    blas = [p for p in threadpoolctl.threadpool_info() if p['user_api'] == 'blas']\n"
        "    facts['blas'] = ', '.join(sorted(' '.join(str(p.get(k)) for k in"
        " ('internal_api', 'version', 'architecture')) for p in blas))\n"
        "except ImportError:\n"
        "    pass\n"
        "print(json.dumps(facts))\n"
    )
    import json

    done = subprocess.run(  # noqa: S603 - our own line of code in the room's interpreter
        [python, "-I", "-c", code], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"system": platform.system(), "machine": platform.machine()}
    found = json.loads(done.stdout)
    return {str(key): str(value) for key, value in found.items()}


def _clone(root: Path, commit: str, target: Path) -> Path:
    """Clone the repository and check the commit out; objects are shared, files are not.

    --shared makes every commit of this repository available, those of experiments too.
    """
    top = git.top(root)
    git.run(root, "clone", "--quiet", "--shared", "--no-checkout", str(top), str(target))
    git.run(target, "checkout", "--quiet", "--detach", commit)
    inner = target / git.prefix(root)
    if not (inner / revision.LOCK).is_file():
        raise LineageError(
            f"{revision.LOCK} of {revision.name(commit)} is missing: no pipeline ran there",
            expected="a revision in which `dvc repro` ran and dvc.lock was committed",
            run="dvc repro && git add dvc.lock && git commit",
        )
    local = store.dvc_folder(inner) / "config.local"
    local.write_text(f"[cache]\n    dir = {(target.parent / 'cache').as_posix()}\n", "utf-8")
    return inner


def _bring_in(root: Path, inner: Path, commit: str, folder: Path, say: Say) -> dict[str, str]:
    """Lay out what the stages that bring the outside in wrote, as dvc.lock has it."""
    stages = locked.stages(root, commit)
    known = store.outputs(root, commit)
    came: dict[str, str] = {}
    for stage in stages.values():
        for path in stage.outs if locked.brings_in(stage, stages) else ():
            if path in known and not git.blob(root, commit, path):
                say(f"fetching {path}")
                target = inner / path
                came[path] = store.restore(root, known[path], target, commit, folder / "fetched")
    return came


def _environment(root: Path, inner: Path, choice: Choice, say: Say) -> tuple[Path, str]:
    pins = pinned(inner)
    wrong = _differences(inner, pins)
    here = Path(sys.executable)
    if choice == "here" and wrong:
        raise refuse(inner, wrong)
    if choice != "fresh" and not wrong:
        return here, "this environment"
    if not pins:
        raise InstalledError(
            f"the revision pins no environment that could be built: {_named(wrong)}",
            where=CONSTRAINTS,
            expected="a constraints.txt with what `pip freeze` says",
            run="playbill verify --here, in the environment that the revision was made in",
        )
    return _build(root, inner, say), f"an environment built from {CONSTRAINTS}"


def _named(wrong: list[tuple[str, str, str | None]]) -> str:
    texts = [f"{name} is {have or 'not installed'}, not {want}" for name, want, have in wrong]
    return "; ".join(texts[:8]) or "there is none"


def _differences(inner: Path, pins: Mapping[str, str]) -> list[tuple[str, str, str | None]]:
    """Return the packages in which this environment is not what the revision says."""
    found: list[tuple[str, str, str | None]] = [
        (name, version, have)
        for name, version in pins.items()
        if (have := installed_version(name)) is not None and have != version
    ]
    told: dict[str, Any] = revision.params(inner).get("environment") or {}
    stated = {k: str(v) for each in told.values() for k, v in (each.get("packages") or {}).items()}
    named = {name for name, _, _ in found}
    found += [
        (name, version, installed_version(name))
        for name, version in sorted(stated.items())
        if version not in ("missing", installed_version(name)) and name not in named
    ]
    return found


def _build(root: Path, inner: Path, say: Say) -> Path:
    """Return the interpreter of an environment with exactly what constraints.txt pins.

    It is kept beside DVC's own notes, by a digest of the pins and of this Python, so that the next
    verification of a revision with the same pins need not build it again.
    """
    words = [(inner / CONSTRAINTS).read_bytes(), sys.version.encode(), platform.platform().encode()]
    digest = hashlib.sha256(b"\0".join(words)).hexdigest()[:16]
    place = store.dvc_folder(root) / store.SCRATCH / ENVIRONMENTS / digest
    binary = "Scripts" if os.name == "nt" else "bin"
    python = place / binary / ("python.exe" if os.name == "nt" else "python")
    if (place / "complete").is_file():
        say("using the environment built before from the same pins")
        return python
    shutil.rmtree(place, ignore_errors=True)
    count = len(pinned(inner))
    say(f"building the pinned environment, {count} packages (once for these pins)")
    _do([sys.executable, "-m", "venv", str(place)], "the environment cannot be made")
    uv = shutil.which("uv")
    install = (
        [uv, "pip", "install", "--quiet", "--python", str(python)]
        if uv
        else [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    )
    # The pins are the whole environment: no dependency is looked up beside them.
    pins = ["--no-deps", "--requirement", str(inner / CONSTRAINTS)]
    _do([*install, *pins], f"what {CONSTRAINTS} pins cannot be installed")
    (place / "complete").write_text("", "utf-8")
    return python


def _do(words: list[str], what: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise InstalledError(
            f"{what}: {lines[-1] if lines else 'no message'}",
            expected="an index that has the pinned versions for this Python",
            run="playbill verify --here, in an environment that has them",
        )
