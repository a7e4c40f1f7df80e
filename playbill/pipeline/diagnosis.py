"""What `playbill doctor` looks at: tools, environment, clone, remotes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playbill.config import place, recorded
from playbill.config.environment import check_constraints, install_line
from playbill.errors import PlaybillError
from playbill.lineage import conflict, git
from playbill.pipeline import merge

OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: What it is about.
        state: ok; note (works, but worth knowing); wrong (must be mended).
        text: What was found.
        run: What mends it.
    """

    subject: str
    state: Literal["ok", "note", "wrong"]
    text: str
    run: str = ""


def diagnose(root: Path) -> list[Finding]:
    """Return every finding about a project, in the order in which one would mend them."""
    checks: list[Callable[[Path], Iterator[Finding]]] = [
        _python, _packages, _checkout, _git, _dvc, _remote, _place, _conf, _merge,
    ]  # fmt: skip
    return [finding for check in checks for finding in check(root)]


def mend(root: Path) -> list[str]:
    """Install the merge driver in this clone, and name its files in .gitattributes.

    Returns:
        What was done, one line each.
    """
    done = []
    for name, value in merge.SETTINGS.items():
        if git.setting(root, name) != value:
            git.run(root, "config", "--local", name, value)
            done.append(f"git config {name}")
    if missing := _without_attribute(root):
        path = root / ".gitattributes"
        before = path.read_text("utf-8") if path.is_file() else ""
        gap = "" if not before or before.endswith("\n") else "\n"
        lines = "".join(f"{pattern} merge={merge.NAME}\n" for pattern in missing)
        path.write_text(before + gap + lines, "utf-8", newline="\n")
        done.append(f".gitattributes: {', '.join(missing)} (commit it)")
    return done


def _without_attribute(root: Path) -> list[str]:
    patterns = merge.generated_patterns(root)
    said = conflict.attribute(root, "merge", list(patterns.values()))
    return [pattern for pattern, path in patterns.items() if said.get(path) != merge.NAME]


def _python(root: Path) -> Iterator[Finding]:
    del root
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        yield Finding("python", "wrong", version, "use Python 3.11 or later")
    found = shutil.which("python")
    mine = Path(sys.executable)
    if found is None or not Path(found).parent.samefile(mine.parent):
        yield Finding(
            "python", "wrong",
            f"`python` is {found or 'not on the PATH'}; stages run as `python -m stages...`, "
            f"but this is {mine}",
            f"activate the environment: . {mine.parent / 'activate'}",
        )  # fmt: skip
    else:
        yield Finding("python", "ok", f"{version}, {mine}")


def _packages(root: Path) -> Iterator[Finding]:
    try:
        check_constraints(root)
    except PlaybillError as error:
        yield Finding("packages", "wrong", error.what, install_line(root))
    else:
        yield Finding("packages", "ok", "as constraints.txt pins them")


def _checkout(root: Path) -> Iterator[Finding]:
    """See whether the `playbill` of this environment is this checkout's, where it has one."""
    ours = root / "playbill"
    code = "import playbill; print(playbill.__path__[0])"
    words = [sys.executable, "-P", "-c", code]
    answer = subprocess.run(  # noqa: S603 - our own interpreter, a literal program
        words, cwd=sys.prefix, capture_output=True, text=True, check=False
    )
    theirs = answer.stdout.strip()
    if answer.returncode:
        yield Finding("playbill", "wrong", "not installed in this environment", install_line(root))
    elif ours.is_dir() and Path(theirs).resolve() != ours.resolve():
        yield Finding(
            "playbill", "wrong", f"this environment has another checkout's: {theirs}",
            f"a virtual environment of this checkout's own, then {install_line(root)}",
        )  # fmt: skip
    else:
        yield Finding("playbill", "ok", theirs)


def _git(root: Path) -> Iterator[Finding]:
    try:
        git.head(root)
    except PlaybillError as error:
        yield Finding("git", "wrong", error.what, error.run)
        return
    yield Finding("git", "ok", git.describe(root, "HEAD"))
    try:
        git.identity(root)
    except PlaybillError as error:
        yield Finding("git", "wrong", error.what, error.run)
    if git.is_shallow(root):
        yield Finding(
            "git", "note", "a shallow clone: older revisions and tags are missing",
            "git fetch --unshallow --tags",
        )  # fmt: skip
    if not git.run(root, "remote").strip():
        yield Finding("git", "note", "no remote: `promote --push` and `retrain --push` need one")


def _dvc(root: Path) -> Iterator[Finding]:
    if not (root / ".dvc").is_dir():
        yield Finding(
            "dvc", "wrong", "there is no .dvc folder", "dvc init (--subdir in a monorepo)"
        )
        return
    found = shutil.which("dvc")
    if found is None or Path(found).parent.resolve() != Path(sys.executable).parent.resolve():
        yield Finding(
            "dvc",
            "wrong",
            f"`dvc` is {found or 'not on the PATH'}, not this environment's",
            install_line(root),
        )
        return
    if _setting(root, "hydra.enabled").lower() != "true":
        yield Finding(
            "dvc",
            "wrong",
            "`dvc exp run -S` would not compose conf/",
            "dvc config hydra.enabled True",
        )
    yield Finding("dvc", "ok", found)


def _setting(root: Path, name: str) -> str:
    words = [sys.executable, "-m", "dvc", "config", name]
    answer = subprocess.run(  # noqa: S603 - our own interpreter, literal arguments
        words, cwd=root, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _remote(root: Path) -> Iterator[Finding]:
    try:
        name = place.current(root).remote or _setting(root, "core.remote")
    except PlaybillError:
        return  # `_place` says what is wrong
    if not name:
        yield Finding("dvc remote", "wrong", "none is set", "dvc remote add --default storage URL")
        return
    url = _setting(root, f"remote.{name}.url")
    if not url:
        run = f"dvc remote add {name} URL, or another name in conf/env/{place.chosen()}.yaml"
        yield Finding("dvc remote", "wrong", f"{name} has no URL", run)
        return
    yield Finding(
        "dvc remote", "ok", f"{name}: {url} (another one: dvc remote modify {name} url URL)"
    )


def _place(root: Path) -> Iterator[Finding]:
    """See whether the chosen place exists and its secrets are there; never what they are."""
    try:
        here = place.current(root)
    except PlaybillError as error:
        yield Finding("place", "wrong", f"{error.what} ({error.where})", error.expected)
        return
    for name in here.secrets:
        if not os.environ.get(name):
            yield Finding(
                "secret", "wrong", f"{name} is not set, which conf/env/{place.chosen()}.yaml names",
                f"export {name}=...",
            )  # fmt: skip
    said = f"{len(here.secrets)} secrets named" if here.secrets else "no secrets named"
    yield Finding("place", "ok", f"{place.chosen()}, {said}")


def _conf(root: Path) -> Iterator[Finding]:
    from playbill.config.compilation import compile_project

    try:
        compiled = compile_project(root)
    except PlaybillError as error:
        yield Finding("conf", "wrong", error.what, error.run or "playbill check")
        return
    if compiled.stale:
        yield Finding("conf", "note", f"not compiled: {', '.join(compiled.stale)}", compiled.cure)
    if lines := recorded.read(root).lines():
        yield Finding("conf", "note", f"recorded: {', '.join(lines)}", "playbill adopt")
    yield Finding("conf", "ok", "valid")


def _merge(root: Path) -> Iterator[Finding]:
    if not git.is_repository(root):
        return
    missing = _without_attribute(root)
    if any(git.setting(root, name) != value for name, value in merge.SETTINGS.items()):
        yield Finding(
            "merge", "note", "the merge driver is not installed: compiled files will conflict",
            "playbill doctor --fix",
        )  # fmt: skip
    elif missing:
        yield Finding(
            "merge", "note", f".gitattributes does not name {', '.join(missing)}",
            "playbill doctor --fix",
        )  # fmt: skip
    else:
        yield Finding("merge", "ok", "the driver for compiled files is installed")
