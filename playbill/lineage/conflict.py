"""Where two commits meet: what merging them gives, and the files left in conflict."""

from collections.abc import Sequence
from pathlib import Path

from playbill.errors import LineageError
from playbill.lineage import git


def merge_tree(root: Path, ours: str, theirs: str, driver: str) -> tuple[str, list[str]]:
    """Merge two commits without touching anything, as `git merge` would.

    Args:
        root: The project.
        ours: A commit.
        theirs: The other.
        driver: The merge driver that must not be called: our side is taken where it would be.

    Returns:
        The merged tree, and the files of the repository (relative to the Git root) that conflict.

    Raises:
        LineageError: Git is older than 2.38, or a commit is missing.
    """
    words = ["-c", f"merge.{driver}.driver=true", "merge-tree", "--write-tree", "-z",
             "--name-only", "--no-messages", ours, theirs]  # fmt: skip
    done = git.call(root, words)
    if done.returncode not in (0, 1):
        raise LineageError(
            f"`git merge-tree` failed: {git.last_words(done.stderr)}",
            expected="Git 2.38 or later",
            run="git --version",
        )
    tree, *conflicts = done.stdout.decode(errors="surrogateescape").split("\0")
    return tree.strip(), sorted({path for path in conflicts if path})


def unmerged(root: Path) -> dict[str, dict[int, str]]:
    """Return the project's files in conflict: by path, the blob of each side that has one.

    The sides are Git's: 1 is the common ancestor, 2 ours, 3 theirs.
    """
    found: dict[str, dict[int, str]] = {}
    listed = git.run(root, "ls-files", "--unmerged", "-z").decode(errors="surrogateescape")
    for entry in listed.split("\0"):
        if entry:
            facts, _, path = entry.partition("\t")
            _, blob, side = facts.split()
            found.setdefault(path, {})[int(side)] = blob
    return found


def attribute(root: Path, name: str, paths: Sequence[str]) -> dict[str, str]:
    """Return the value of an attribute (.gitattributes) of each path."""
    if not paths:
        return {}
    out = git.run(root, "check-attr", "-z", name, "--", *paths).decode(errors="surrogateescape")
    fields = out.split("\0")
    return dict(zip(fields[0::3], fields[2::3], strict=False))


def containing(root: Path, pattern: str) -> list[str]:
    """Return the project's tracked files that hold, on disk, a line that matches a basic regex."""
    done = git.call(root, ["grep", "--files-with-matches", "-I", "-z", "-e", pattern, "--", "."])
    return sorted(path for path in done.stdout.decode(errors="surrogateescape").split("\0") if path)
