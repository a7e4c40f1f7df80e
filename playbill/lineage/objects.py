"""Every object that DVC keeps, in the cache and in the remote: listed, read, removed by digest."""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playbill.errors import LineageError
from playbill.lineage import git, revision, store


def cached(root: Path) -> dict[str, Path]:
    """Return the files of DVC's cache by digest; listings of folders end in `.dir`."""
    with store.opened(root) as repo:
        folder = Path(repo.cache.local.path)
    return {
        file.parent.name + file.name: file
        for file in sorted(folder.glob("[0-9a-f][0-9a-f]/*"))
        if file.is_file()
    }


def remote(root: Path) -> set[str] | None:
    """Return the digests that the DVC remote holds; None if no remote is configured.

    Raises:
        LineageError: The remote cannot be reached.
    """
    with store.opened(root) as repo:
        if not repo.config["core"].get("remote"):
            return None
        return set(store.remote_of(repo).all())


@contextmanager
def fetched(root: Path, digests: Collection[str]) -> Iterator[dict[str, Path]]:
    """Yield copies of objects that the remote alone has, by digest; they are gone afterwards."""
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.transfer import transfer

    with TemporaryDirectory(prefix="playbill-") as name, store.opened(root, Path(name)) as repo:
        local = repo.cache.local
        wanted = [HashInfo("md5", digest) for digest in sorted(digests)]
        if wanted:
            transfer(store.remote_of(repo), local, wanted, verify=True, cache_odb=local)
        yield {digest: Path(local.oid_to_path(digest)) for digest in digests}


def remove(root: Path, digests: Collection[str], *, in_remote: bool) -> list[str]:
    """Remove objects from the cache or from the remote; return those that were there.

    Raises:
        LineageError: They cannot be removed.
    """
    done = []
    with store.opened(root) as repo:
        where: Any = store.remote_of(repo) if in_remote else repo.cache.local
        for digest in sorted(digests):
            if where.exists(digest):
                where.fs.remove(where.oid_to_path(digest))
                done.append(digest)
    if left := [digest for digest in done if digest in (_left(root, in_remote=in_remote) or ())]:
        raise LineageError(
            f"{len(left)} objects cannot be removed, such as {left[0]}",
            where="the DVC remote" if in_remote else "DVC's cache",
            expected="the right to remove what is stored",
        )
    return done


def names(root: Path, listings: dict[str, Path]) -> dict[str, set[str]]:
    """Return under which paths committed dvc.lock files, or present .dvc files, know an object.

    Args:
        root: The project.
        listings: The files of the listings of folders that are at hand, by digest.
    """
    found: dict[str, set[str]] = {}
    for outputs in (_added(root), *(_outputs(root, commit) for commit in commits(root))):
        for path, digest in outputs.items():
            for name, member in (("", digest), *_members(listings.get(digest))):
                found.setdefault(member, set()).add(f"{path}/{name}" if name else path)
    return found


def commits(root: Path) -> list[str]:
    """Return the commits of all branches and tags that changed dvc.lock, the newest first."""
    return git.run(root, "log", "--all", "--format=%H", "--", revision.LOCK).decode().split()


def needed(root: Path, listings: dict[str, Path]) -> set[str]:
    """Return the digests that the workspace's own dvc.lock names, files of folders too."""
    mine = {*_added(root).values(), *(each.digest for each in store.outputs(root).values())}
    return mine | {m for digest in mine for _, m in _members(listings.get(digest))}


def of_commit(root: Path, commit: str, listings: dict[str, Path]) -> dict[str, set[str]]:
    """Return the digests behind each output of a commit, by path."""
    return {
        path: {digest, *(member for _, member in _members(listings.get(digest)))}
        for path, digest in _outputs(root, commit).items()
    }


def _outputs(root: Path, commit: str) -> dict[str, str]:
    try:
        return {path: each.digest for path, each in store.outputs(root, commit).items()}
    except LineageError:  # a commit without a dvc.lock that can be read
        return {}


def _added(root: Path) -> dict[str, str]:
    """Return the digests of what `dvc add` put under DVC, by path."""
    found = {}
    for name in git.run(root, "ls-files", "--", "*.dvc").decode().splitlines():
        for out in (revision.read_yaml(root, None, name) or {}).get("outs") or []:
            found[str(Path(name).with_name(str(out["path"])).as_posix())] = str(out.get("md5"))
    return found


def _members(listing: Path | None) -> list[tuple[str, str]]:
    try:
        entries = json.loads(listing.read_text("utf-8")) if listing is not None else []
    except (OSError, ValueError):
        return []
    return [(str(each["relpath"]), str(each["md5"])) for each in entries]


def _left(root: Path, *, in_remote: bool) -> Collection[str] | None:
    return remote(root) if in_remote else cached(root)
