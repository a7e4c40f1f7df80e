"""Brings the tags of the Git remote into this clone."""

from pathlib import Path

from playbill.errors import LineageError
from playbill.lineage import git

# A remote that says nothing for this long is given up; ssh has its own keep-alive.
PATIENCE = ("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=30")


def has_remote(root: Path) -> bool:
    """Say whether the clone has a remote at all."""
    return bool(git.run(root, "remote").strip())


def fetch_tags(root: Path) -> None:
    """Fetch every tag, with its commit; a tag that the clone has is never moved.

    Raises:
        LineageError: The remote cannot be reached, or it has moved a tag.
    """
    name = git.remote(root)
    done = git.call(
        root, [*PATIENCE, "fetch", "--quiet", "--no-tags", name, "refs/tags/*:refs/tags/*"]
    )
    if done.returncode:
        raise LineageError(
            f"the tags of {name} cannot be fetched: {git.last_words(done.stderr)}",
            where=str(root),
            expected="a remote that answers, and tags that nobody moved",
            run=f"git fetch {name} 'refs/tags/*:refs/tags/*'",
        )
