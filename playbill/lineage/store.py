"""What DVC keeps: the outputs of a revision by their digest, from its cache or its remote.

dvc.lock as committed says which digest an output had; the bytes come from the local cache, else
from the DVC remote (into the cache, as `dvc fetch` does). The workspace is never touched.
Called `store`, not `dvc`: that name belongs to the library.
"""

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any

from playbill.config import place
from playbill.errors import LineageError
from playbill.lineage import git, revision

FOLDER = ".dir"  # how DVC ends the digest of a folder's listing
SCRATCH = Path("tmp", "playbill")  # inside .dvc, which Git and DVC ignore


@dataclass(frozen=True)
class Output:
    """An output of a stage as dvc.lock records it."""

    path: str
    stage: str
    digest: str
    size: int | None

    @property
    def is_folder(self) -> bool:
        """Say whether the output is a folder."""
        return self.digest.endswith(FOLDER)


def outputs(root: Path, commit: str | None = None) -> dict[str, Output]:
    """Return the outputs that dvc.lock of a commit (None: of the workspace) records, by path.

    Raises:
        LineageError: There is no dvc.lock, or it is not one that DVC 3 wrote.
    """
    lock = revision.read_yaml(root, commit, revision.LOCK)
    if lock is None:
        raise LineageError(
            f"{revision.LOCK} of {revision.name(commit)} is missing: no pipeline ran there",
            expected="a revision in which `dvc repro` ran and dvc.lock was committed",
            run="dvc repro && git add dvc.lock && git commit",
        )
    try:
        return {
            str(out["path"]): Output(str(out["path"]), str(stage), out["md5"], out.get("size"))
            for stage, content in (lock.get("stages") or {}).items()
            for out in content.get("outs", [])
            if out.get("hash") == "md5" and "md5" in out
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise LineageError(
            f"{revision.LOCK} of {revision.name(commit)} is damaged",
            expected="the file as DVC 3 writes it",
            run=f"git log --oneline -- {revision.LOCK}",
        ) from error


def output(root: Path, path: str, commit: str | None = None) -> Output:
    """Return one output of a commit.

    Raises:
        LineageError: dvc.lock of the commit does not record it.
    """
    known = outputs(root, commit)
    if found := known.get(path):
        return found
    near = get_close_matches(path, known, n=1, cutoff=0.8)
    raise LineageError(
        f"{path} is not an output in {revision.LOCK} of {revision.name(commit)}",
        where=f"the nearest output is {near[0]}" if near else "",
        expected="a revision in which the pipeline ran to its end and dvc.lock was committed",
        run="dvc repro && git add dvc.lock && git commit",
    )


def obtain(root: Path, path: str, commit: str) -> Path:
    """Return a file of a commit where DVC's cache keeps it: read-only, and without its suffix.

    The file may be an output, or lie in an output that is a folder; only it is fetched then.

    Raises:
        LineageError: Neither cache nor remote has it, what the cache has is damaged, or it is a
            folder.
    """
    found = _holder(root, path, commit)
    if found.is_folder and found.path == path:
        raise LineageError(f"{path} is a folder", expected="a file")
    with opened(root) as repo:
        members = _members(repo, found, commit, listing_only=True)
        inside = path.removeprefix(found.path).lstrip("/")
        if inside not in members:
            near = get_close_matches(inside, members, n=3, cutoff=0.0)
            raise LineageError(
                f"{found.path} of {revision.name(commit)} has no file {inside}",
                expected=f"one of its {len(members)} files, such as {', '.join(near)}",
            )
        _fetch(repo, [members[inside]], found, commit)
        file = Path(repo.cache.local.oid_to_path(members[inside]))
    _compare(file, members[inside], found)
    return file


def members(root: Path, path: str, commit: str) -> dict[str, str]:
    """Return the files of an output that is a folder, by relative name, with their digests.

    Raises:
        LineageError: Neither cache nor remote has its listing.
    """
    with opened(root) as repo:
        return _members(repo, output(root, path, commit), commit, listing_only=True)


def materialise(root: Path, path: str, commit: str) -> Path:
    """Return a copy of an output of a commit, file or folder, under its own name.

    Copies stand in `.dvc/tmp/playbill` by digest and are made once. Every byte of a copy is
    compared with the digest that dvc.lock has.

    Raises:
        LineageError: Neither cache nor remote has it, or what the cache has is damaged.
    """
    found = output(root, path, commit)
    # A folder is listed by what it holds, so its name must not be part of the place's identity.
    place = dvc_folder(root) / SCRATCH / found.digest / Path(path).name
    if place.exists():
        return place
    with opened(root) as repo:
        members = _members(repo, found, commit)
        place.parent.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent.parent, prefix="new-") as scratch:
            fresh = Path(scratch, "copy", place.name)
            _lay_out(repo, members, found, fresh)
            _publish(fresh.parent, place.parent)
    return place


def restore(root: Path, found: Output, target: Path, commit: str, cache: Path) -> str:
    """Copy an output to `target`, from the DVC remote if it has it, else from DVC's cache.

    Args:
        root: The project.
        found: The output.
        target: Where it goes; nothing is there yet.
        commit: The commit that it belongs to.
        cache: An empty folder to fetch into, so that the remote is asked whatever the cache has.

    Returns:
        `remote` or `cache`.

    Raises:
        LineageError: Neither has it, or what they have is damaged.
    """
    with contextlib.suppress(LineageError), opened(root, cache) as repo:
        members = _members(repo, found, commit)
        _lay_out(repo, members, found, target)
        return "remote"
    with opened(root) as repo:
        _lay_out(repo, _members(repo, found, commit), found, target)
    return "cache"


def missing_in_remote(root: Path, path: str, commit: str) -> list[str] | None:
    """Return the digests of an output that the DVC remote lacks; None if no remote is configured.

    Raises:
        LineageError: The remote cannot be reached, or its kind cannot be asked by digest.
    """
    found = output(root, path, commit)
    with opened(root) as repo:
        if not repo.config["core"].get("remote"):
            return None
        remote = remote_of(repo)
        if not _exist(remote, [found.digest]):
            return [found.digest]
        wanted = sorted({found.digest, *_members(repo, found, commit, listing_only=True).values()})
        present = _exist(remote, wanted)
        return [digest for digest in wanted if digest not in present]


def folder_digest(folder: Path) -> str:
    """Return the digest that DVC gives a folder, from its files; Python's caches do not count."""
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.meta import Meta
    from dvc_data.hashfile.tree import Tree

    tree: Any = Tree()  # type: ignore[no-untyped-call]
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if file.is_file() and "__pycache__" not in parts:
            with file.open("rb") as stream:
                md5 = hashlib.file_digest(stream, "md5").hexdigest()
            tree.add(parts, Meta(), HashInfo("md5", md5))
    tree.digest()
    return str(tree.hash_info.value)


def push(root: Path, commit: str) -> int:
    """Push what DVC's cache has of a commit's outputs to the DVC remote; return how many objects.

    An output that the cache lacks is left out: it was fetched from where it came, or never made.

    Raises:
        LineageError: No remote is configured, or it refused objects.
    """
    from dvc_data.hashfile.hash_info import HashInfo

    wanted: set[str] = set()
    with opened(root) as repo:
        if not repo.config["core"].get("remote"):
            raise LineageError(
                "no DVC remote is configured",
                expected="a remote; a folder beside the clone is one",
                run="dvc remote add -d storage FOLDER_OR_URL",
            )
        cache = repo.cache.local
        for found in outputs(root, commit).values():
            if cache.exists(found.digest):
                members = _members(repo, found, commit, listing_only=True).values()
                wanted |= {found.digest, *(one for one in members if cache.exists(one))}
        absent = sorted(wanted - _exist(remote_of(repo), sorted(wanted)))
        # Listings last: a folder's must not be there before its files.
        order = sorted(absent, key=lambda one: (one.endswith(FOLDER), one))
        done = repo.cloud.push([HashInfo("md5", one) for one in order])
        if done.failed:
            raise LineageError(
                f"the DVC remote refused {len(done.failed)} of {len(order)} objects",
                run="dvc push, whose words say more",
            )
    return len(order)


def dvc_folder(root: Path) -> Path:
    """Return the `.dvc` folder that the project belongs to, its own or one above.

    Raises:
        LineageError: There is none.
    """
    for folder in (root.resolve(), *root.resolve().parents):
        if (folder / ".dvc").is_dir():
            return folder / ".dvc"
    raise LineageError(
        "this project has no DVC repository",
        where=str(root),
        expected="a folder `.dvc`, here or above",
        run="dvc init" if not git.prefix(root) else "dvc init --subdir",
    )


def _holder(root: Path, path: str, commit: str) -> Output:
    known = outputs(root, commit)
    for above in map(str, PurePosixPath(path).parents):
        if path not in known and above in known and known[above].is_folder:
            return known[above]
    return output(root, path, commit)


def _lay_out(repo: Any, members: dict[str, str], found: Output, target: Path) -> None:
    """Copy the members of an output to where it is to stand; each is compared with its digest."""
    for relative, digest in members.items():
        place = target / relative if relative else target
        _copy(Path(repo.cache.local.oid_to_path(digest)), place, digest, found)
    if found.is_folder:
        target.mkdir(parents=True, exist_ok=True)


@contextmanager
def opened(root: Path, cache: Path | None = None) -> Iterator[Any]:
    """Yield DVC's own view of the project, a `dvc.repo.Repo`, with another cache if one is given.

    Raises:
        LineageError: There is no DVC repository, or DVC failed while it was open.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc_objects.errors import ObjectDBError
    from scmrepo.exceptions import SCMError

    try:
        with Repo(str(dvc_folder(root).parent), config=_settings(root, cache)) as repo:
            yield repo
    except (DvcException, SCMError, ObjectDBError, OSError) as error:
        raise LineageError(
            f"DVC failed: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            where=str(root),
            run="dvc doctor",
        ) from error


def _settings(root: Path, cache: Path | None) -> dict[str, Any]:
    """Return what conf/env says of DVC, over DVC's own configuration."""
    remote = place.current(root).remote
    other = {"cache": {"dir": str(cache)}} if cache else {}
    return {"core": {"remote": remote}, **other} if remote else other


def _members(
    repo: Any, found: Output, commit: str, *, listing_only: bool = False
) -> dict[str, str]:
    """Return an output's files as {relative path: digest}; a file is its own, under an empty path.

    They are in the cache afterwards, unless only the listing was asked for.
    """
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree

    if not found.is_folder:
        if not listing_only:
            _fetch(repo, [found.digest], found, commit)
        return {"": found.digest}
    _fetch(repo, [found.digest], found, commit)
    tree = Tree.load(repo.cache.local, HashInfo("md5", found.digest))
    members = {"/".join(key): str(info.value) for key, _, info in tree}
    if not listing_only:
        _fetch(repo, sorted(set(members.values())), found, commit)
    return members


def _fetch(repo: Any, digests: list[str], found: Output, commit: str) -> None:
    cache = repo.cache.local
    absent = [digest for digest in digests if not cache.exists(digest)]
    if not absent:
        return
    if repo.config["core"].get("remote"):
        from dvc_data.hashfile.hash_info import HashInfo
        from dvc_data.hashfile.transfer import transfer

        remote, wanted = remote_of(repo), [HashInfo("md5", digest) for digest in absent]
        before = _lying_there(remote, absent)
        transfer(remote, cache, wanted, verify=True, cache_odb=cache)
        absent = [digest for digest in absent if not cache.exists(digest)]
        _refuse_damaged(remote, [one for one in absent if one in before], found, commit)
        _refuse_damaged(remote, sorted(_exist(remote, absent)), found, commit)
    if absent:
        asked = "the DVC remote" if repo.config["core"].get("remote") else "a DVC remote (none set)"
        raise LineageError(
            f"{found.path} of {revision.name(commit)} is neither in DVC's cache nor in {asked}",
            where=f"{len(absent)} of {len(digests)} objects, such as {absent[0]}",
            expected="an output that was pushed",
            run="`dvc push` in the clone that made it, or check the revision out and `dvc repro`",
        )


def _lying_there(remote: Any, digests: list[str]) -> set[str]:
    """Return which objects a remote that is a folder holds; DVC removes a damaged one unasked."""
    if remote.fs.protocol != "local":
        return set()
    return {digest for digest in digests if Path(remote.oid_to_path(digest)).exists()}


def _refuse_damaged(remote: Any, there: list[str], found: Output, commit: str) -> None:
    """Refuse objects that the remote has and that did not arrive: they hash to something else."""
    if there:
        raise LineageError(
            f"the DVC remote's copy of {found.path} of {revision.name(commit)} is damaged",
            where=f"{len(there)} of its objects, such as {remote.oid_to_path(there[0])}",
            expected=f"content with the md5 {there[0].removesuffix(FOLDER)}",
            run="delete it there if DVC has not, then `dvc push` in a clone whose cache has it; "
            "or check the revision out, `dvc repro` and `dvc push`",
        )


def remote_of(repo: Any) -> Any:
    """Return DVC's view of the objects in its remote, of an opened project."""
    return repo.cloud.get_remote_odb(command="playbill")


def _exist(store: Any, digests: list[str]) -> set[str]:
    return set(store.oids_exist(digests))


def _copy(source: Path, target: Path, digest: str, found: Output) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    _compare(source, digest, found)
    shutil.copyfile(source, target)  # not copy2: the cache's read-only mode stays behind


def _compare(source: Path, digest: str, found: Output) -> None:
    with source.open("rb") as stream:
        actual = hashlib.file_digest(stream, "md5").hexdigest()
    if actual != digest:
        raise LineageError(
            f"DVC's cache is damaged: a part of {found.path} is not what its name says",
            where=str(source),
            expected=f"content with the md5 {digest}, found {actual}",
            run=f"remove {source} and run `dvc fetch`",
        )


def _publish(fresh: Path, place: Path) -> None:
    try:
        fresh.replace(place)
    except OSError:
        # Another process was first, with the same bytes; or a name is being added to a digest.
        if not place.is_dir():
            raise
        for item in fresh.iterdir():
            if not (place / item.name).exists():
                item.replace(place / item.name)
