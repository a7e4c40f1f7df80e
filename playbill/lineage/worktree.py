"""The checked-out files: what changed in them, and what is done with them: commit, switch, push."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from playbill.lineage import git, upstream


def changed(root: Path, paths: Sequence[str] = (".",)) -> list[str]:
    """Return the files under `paths` whose content is not what HEAD has, untracked ones too."""
    git.top(root)
    out = git.run(root, "status", "--porcelain=v1", "-z", "--no-renames", "--", *paths)
    base, inside = git.prefix(root), []
    for entry in out.decode(errors="surrogateescape").split("\0"):
        if entry:
            name = entry[3:]
            inside.append(name.removeprefix(f"{base}/") if base else name)
    return sorted(inside)


def is_dirty(root: Path, paths: Sequence[str] = (".",)) -> bool:
    """Say whether anything under `paths` differs from HEAD."""
    return bool(changed(root, paths))


def switch(root: Path, name: str, *, create: bool = False) -> None:
    """Check out a branch, or create it at HEAD and check it out."""
    git.head(root)
    git.run(root, "switch", *(["--create"] if create else []), name)


def commit(root: Path, paths: Sequence[str], message: str) -> str:
    """Commit `paths` alone, whatever else is staged, and return the commit.

    Raises:
        LineageError: Git does not know who you are, or nothing changed, or a hook refused.
    """
    git.identity(root)
    git.run(root, "add", "--", *paths)
    git.run(root, "commit", "--quiet", "--message", message, "--", *paths)
    return git.head(root)


def push(root: Path, *references: str) -> None:
    """Push branches or tags, all or none, to the remote.

    Raises:
        LineageError: There is no remote, or it refused; its last words are quoted.
    """
    git.run(root, "push", "--quiet", "--atomic", upstream.remote(root), *references)


def export(root: Path, tree: str, folder: Path) -> None:
    """Write what the project has in a tree or commit of the Git root into `folder`."""
    base, inside = git.top(root), git.prefix(root)
    packed = git.run(base, "archive", "--format=tar", f"{tree}:{inside}" if inside else tree)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
