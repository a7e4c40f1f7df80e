"""Compiled and generated files after a merge: they follow from conf/, so they never conflict.

Git asks the driver (`drive`) about each file that both sides changed, before the merged conf/ is
on disk; where no driver ran, `repair` does the same afterwards.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from playbill.config import params
from playbill.config.compilation import COMPILED, compile_project, write
from playbill.config.environment import CONSTRAINTS
from playbill.config.params import read_params
from playbill.errors import LineageError, PlaybillError
from playbill.lineage import conflict, git, lock, worktree

NAME = "playbill"
# No absolute path: worktrees share Git's configuration and each has an environment of its own.
SETTINGS = {
    f"merge.{NAME}.name": "conf/ compiled anew; either side of what a stage wrote",
    f"merge.{NAME}.driver": "python -m playbill merge-driver %O %A %B %P",
    # Git merges several common ancestors into one first; that one need not be compiled.
    f"merge.{NAME}.recursive": "binary",
}
_HEAD = re.compile(r"^GITHEAD_(?P<commit>[0-9a-f]{40,64})$")
_MARKER = "<<<<<<< "
_SOLVE = "after conf/ is mended: playbill compose --merge (or `dvc repro`)"


@dataclass(frozen=True)
class Sides:
    """The three files that Git gives a driver; the answer is written to `ours`."""

    base: Path
    ours: Path
    theirs: Path


@dataclass(frozen=True)
class Repaired:
    """What `repair` did.

    Attributes:
        files: Files that were settled or rewritten.
        conflicts: Files from which the compiled ones follow and that a person must mend first.
    """

    files: list[str]
    conflicts: list[str]


def drive(top: Path, sides: Sides, path: str) -> str:
    """Settle one file of a merge.

    Args:
        top: The root of the Git work tree, where Git starts a driver.
        sides: The three versions.
        path: The file, relative to `top`.

    Returns:
        A note for the person; empty if there is nothing to say.
    """
    place = PurePosixPath(path)
    if place.name == lock.FILE:
        merged = lock.merge(_text(sides.base), _text(sides.ours), _text(sides.theirs))
        if merged is not None:
            _write(sides.ours, merged)
        return ""
    if place.name not in COMPILED:
        return ""  # what a stage wrote: ours until the next `dvc repro` writes what is true
    if not _is_side(place.name, _text(sides.ours)) and _is_side(place.name, _text(sides.theirs)):
        sides.ours.write_bytes(sides.theirs.read_bytes())
    others = [match["commit"] for name in os.environ if (match := _HEAD.match(name))]
    if len(others) != 1:
        return f"{path}: one side was taken; the next `dvc repro` compiles it anew"
    try:
        texts = compile_merge(top, "HEAD", others[0], place.parent.as_posix())
    except PlaybillError as error:
        return f"{path}: our side was kept, for {error.what}; {_SOLVE}"
    _write(sides.ours, texts[place.name])
    return ""


def compile_merge(top: Path, ours: str, theirs: str, inside: str) -> dict[str, str]:
    """Return the compiled files of the merge of two commits.

    Args:
        top: The root of the Git work tree.
        ours: A commit.
        theirs: The other.
        inside: The project's folder, relative to `top`; `.` if it is the same.

    Raises:
        LineageError: What the files are compiled from is in conflict, or does not compile.
    """
    tree, conflicts = conflict.merge_tree(top, ours, theirs, NAME)
    root = top / inside
    base = "" if inside == "." else f"{inside}/"
    mine = [path.removeprefix(base) for path in conflicts if path.startswith(base)]
    if blocking := _sources(root, mine):
        raise LineageError(f"{', '.join(blocking)} is in conflict")
    with tempfile.TemporaryDirectory(prefix="playbill-") as folder:
        worktree.export(root, tree, Path(folder))
        # Another process, because the merged tree brings its own stages (and maybe framework).
        done = subprocess.run(
            [sys.executable, "-m", "playbill", "compose"],
            cwd=folder, env=_environment(), text=True, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            words = done.stderr.strip().splitlines() or ["no message"]
            raise LineageError(f"the merged conf/ does not compile ({words[0]})")
        return {name: Path(folder, name).read_text("utf-8") for name in COMPILED}


def repair(root: Path) -> Repaired:
    """Settle compiled and generated files after a merge that no driver saw, and compile conf/.

    Works while Git waits for conflicts to be solved, whose other files stay as they are, and on
    files that were committed with conflict markers in them.

    Raises:
        ConfigError: The merged conf/ is not valid.
    """
    waiting = conflict.unmerged(root) if git.is_repository(root) else {}
    marked = _marked(root)
    generated = set(_generated(root, {*waiting, *marked}))
    settled = [path for path in sorted(generated) if _settle(root, path, waiting.get(path))]
    conflicts = _sources(root, (waiting.keys() | marked) - generated)
    files = set(settled)
    if not conflicts:
        compiled = compile_project(root)
        write(root, compiled)
        files |= set(compiled.stale)
    # Without MERGE_HEAD too (a squash, a cherry-pick): what was settled is to be committed.
    mine = (generated & waiting.keys()) | files if git.is_repository(root) else set()
    if staged := sorted(path for path in mine if (root / path).exists()):
        git.run(root, "add", "--", *staged)
    return Repaired(sorted(files), conflicts)


def generated_patterns(root: Path) -> dict[str, str]:
    """Return what no merge may conflict in: for each .gitattributes pattern a path to try it on."""
    found = {f"/{name}": name for name in (lock.FILE, *COMPILED)}
    try:
        values = read_params(root)
    except PlaybillError:
        return found
    for stage in values.pipeline.stages.values():
        found |= {f"/{path}": path for path in stage.metrics.values()}
        found |= {f"/{path}/**": f"{path}/x" for path in stage.texts.values()}
    report = f"models/{values.name}/retrain.md"
    return found | {f"/{report}": report}


def _generated(root: Path, paths: Iterable[str]) -> list[str]:
    """Return those of `paths` that the driver would settle, installed or not."""
    wanted = sorted(paths)
    said = conflict.attribute(root, "merge", wanted)
    return [p for p in wanted if said.get(p) == NAME or p in (lock.FILE, *COMPILED)]


def _settle(root: Path, path: str, blobs: dict[int, str] | None) -> bool:
    """Write one side of a file, or for dvc.lock a union of both; False if there is no side."""
    sides = blobs if blobs is not None else _committed(root, path)
    texts = {side: git.run(root, "cat-file", "blob", blob) for side, blob in sides.items()}
    base, ours, theirs = (texts.get(side, b"").decode("utf-8", "replace") for side in (1, 2, 3))
    name = PurePosixPath(path).name
    if name == lock.FILE:
        merged = lock.merge(base, ours, theirs)
        if merged is None:
            return False
        _write(root / path, merged)
        return True
    first, other = (ours, theirs) if 2 in texts else (theirs, ours)  # noqa: PLR2004 - Git's number
    if not _is_side(name, first) and _is_side(name, other):
        first = other
    if not texts or _MARKER in first:
        return False
    _write(root / path, first)
    return True


def _committed(root: Path, path: str) -> dict[int, str]:
    """Return the sides of a file that was committed with conflict markers in it.

    They are those of the merge commit, if the last commit is one; else what the file was before.
    """
    above = git.parents(root, "HEAD")
    if len(above) > 1:
        base = git.run(root, "merge-base", above[0], above[1]).decode().strip()
        revisions = {1: base, 2: above[0], 3: above[1]}
    else:
        log = git.run(root, "log", "--format=%H", "-S", _MARKER, "--max-count=1", "--", path)
        revisions = {2: f"{log.decode().strip() or 'HEAD'}^"}
    found = {}
    for side, revision in revisions.items():
        if blob := git.blob(root, revision, path):
            found[side] = blob
    return found


def _marked(root: Path) -> set[str]:
    """Return the tracked files of the project that hold conflict markers."""
    if not git.is_repository(root):
        return set()
    return set(conflict.containing(root, f"^{_MARKER}"))


def _sources(root: Path, paths: Iterable[str]) -> list[str]:
    """Return those of `paths` from which the compiled files follow."""
    try:
        folders = set(read_params(root).pipeline.sources)
    except PlaybillError:
        folders = {"stages"}
    roots = {"conf", CONSTRAINTS, *(folder.strip("/") for folder in folders)}
    return sorted(p for p in paths if roots & {p, *map(str, PurePosixPath(p).parents)})


def _is_side(name: str, text: str) -> bool:
    """Say whether a side can stand as it is; only compiled files are looked into."""
    if name not in COMPILED:
        return True
    try:
        params.parse(text)
    except PlaybillError:
        return False
    return True


def _environment() -> dict[str, str]:
    """Return the environment without what Git and DVC tell the programs that they start."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "GITHEAD_", "DVC_"))}


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8", newline="\n")
