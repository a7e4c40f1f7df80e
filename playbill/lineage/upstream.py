"""Where this clone came from: the Git remote to push to, and what a cut-off clone lacks."""

from pathlib import Path

from playbill.errors import LineageError
from playbill.lineage import git

# A remote that says nothing for this long is given up; ssh has its own keep-alive.
PATIENCE = ("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=30")


def remote(root: Path) -> str:
    """Return the remote to push to: the current branch's, else `origin`, else the only one.

    Raises:
        LineageError: There is none, or there are several and none is called origin.
    """
    names = git.run(root, "remote").decode().split()
    own = git.line(git.call(root, ["config", f"branch.{git.branch(root)}.remote"]).stdout)
    chosen = own if own in names else "origin" if "origin" in names else ""
    if chosen or len(names) == 1:
        return chosen or names[0]
    raise LineageError(
        f"several remotes and none is called origin: {', '.join(names)}"
        if names
        else "this repository has no remote to push to",
        run="git remote add origin URL",
    )


def fetch_line(root: Path, tag: str) -> str:
    """Return the command that brings one tag and its commit into this clone."""
    try:
        name = remote(root)
    except LineageError:
        name = "origin"
    return f"git fetch {'--depth=1 ' if git.is_shallow(root) else ''}{name} tag '{tag}'"


def refuse_shallow(root: Path) -> None:
    """Refuse a shallow clone: without all tags it is not known who is in a stage.

    Raises:
        LineageError: The clone was cut off.
    """
    if git.is_shallow(root):
        raise LineageError(
            "a shallow clone may lack tags, so neither the next version nor the champion is known",
            expected="a clone with its history",
            run="git fetch --unshallow --tags",
        )


def has_remote(root: Path) -> bool:
    """Say whether the clone has a remote at all."""
    return bool(git.run(root, "remote").strip())


def fetch_tags(root: Path) -> None:
    """Fetch every tag, with its commit; a tag that the clone has is never moved.

    Raises:
        LineageError: The remote cannot be reached, or it has moved a tag.
    """
    name, tags = remote(root), "refs/tags/*:refs/tags/*"
    done = git.call(root, [*PATIENCE, "fetch", "--quiet", "--no-tags", name, tags])
    if done.returncode:
        raise LineageError(
            f"the tags of {name} cannot be fetched: {git.last_words(done.stderr)}",
            where=str(root),
            expected="a remote that answers, and tags that nobody moved",
            run=f"git fetch {name} '{tags}'",
        )
