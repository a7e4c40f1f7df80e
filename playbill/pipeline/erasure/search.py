"""Finds a person in what a project keeps: files, stored windows, objects, versions, logs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from playbill.config.params import read_params
from playbill.errors import DataError
from playbill.lineage import git, objects, registry, revision, store
from playbill.pipeline.erasure.subject import Subject, count, keys_in, subject_of
from playbill.source.store import FOLDER as WINDOWS

Kind = Literal["workspace", "window", "copy", "tracked", "cache", "remote", "log"]
Progress = Callable[[int, int], None]
COPIES = Path(".dvc", "tmp")
DATA = ("data", "models")


@dataclass(frozen=True)
class Holding:
    """One place that speaks of the person.

    Attributes:
        kind: workspace: a file of data/ or models/; window: a stored window of a source; copy: a
            file under .dvc/tmp; tracked: a file that Git tracks; cache, remote: an object of DVC;
            log: a segment of a prediction log.
        path: The file, relative to the project; of an object its digest.
        rows: Rows about the person; 1 for what is no table.
        names: Of an object, the paths under which a committed dvc.lock knew it.
    """

    kind: Kind
    path: str
    rows: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Affected:
    """A registered version that the person's rows went into.

    Attributes:
        version: As flights@v1.2.0.
        commit: Its commit.
        outputs: Its outputs that speak of the person.
        is_known: False if its objects can be had nowhere, so that it cannot be ruled out.
    """

    version: str
    commit: str
    outputs: tuple[str, ...]
    is_known: bool


@dataclass(frozen=True)
class Search:
    """Everything that was found of a person; no value of theirs is in it.

    Attributes:
        subject: The person, for what works on the finds.
        holdings: The places.
        versions: The registered versions that the person's rows went into.
        looked: How many files and objects were looked at.
        unread: Objects that a remote has and that could not be read.
    """

    subject: Subject
    holdings: tuple[Holding, ...]
    versions: tuple[Affected, ...]
    looked: int
    unread: tuple[str, ...] = ()

    def of(self, *kinds: Kind) -> list[Holding]:
        """Return the places of some kinds."""
        return [one for one in self.holdings if one.kind in kinds]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: places and counts."""
        return {
            "holdings": [asdict(one) for one in self.holdings],
            "versions": [asdict(one) for one in self.versions],
            "looked": self.looked,
            "unread": list(self.unread),
        }


def search(
    root: Path, value: str, logs: Sequence[Path] = (), progress: Progress = lambda _, __: None
) -> Search:
    """Look for a person in a project and in what DVC keeps of it, the remote included.

    Args:
        root: The project.
        value: What names the person in the sources.
        logs: Folders of prediction logs.
        progress: Told how many files were looked at, and how many there are.

    Raises:
        UsageError: The project does not say which columns name people.
        DataError: There is no such log.
        LineageError: DVC's remote cannot be reached.
    """
    kept, away = objects.cached(root), objects.remote(root) or set()
    listings = {digest: file for digest, file in kept.items() if digest.endswith(store.FOLDER)}
    bodies = {digest: file for digest, file in kept.items() if digest not in listings}
    alone = {digest for digest in away if digest not in kept}
    with objects.fetched(root, alone) as copies:
        listings |= {d: f for d, f in copies.items() if d.endswith(store.FOLDER) and f.is_file()}
        far = {d: f for d, f in copies.items() if d not in listings and f.is_file()}
        files = dict(_files(root, logs))
        every = [*bodies.values(), *far.values(), *files]
        subject = _known(subject_of(read_params(root), value, root), every)
        rows: dict[Path, int] = {}
        for index, file in enumerate(every):
            progress(index, len(every))
            rows[file] = count(file, subject)
        progress(len(every), len(every))
        held = {d: rows[f] for d, f in {**bodies, **far}.items() if rows[f]}
        known = objects.names(root, listings) if held else {}
        versions = tuple(_versions(root, held, {*bodies, *far}, listings))
    unread = sorted(d for d in alone if d not in far and d not in listings)
    holdings = [Holding(files[f], _shown(f, root), rows[f]) for f in files if rows[f]]
    for kind, where in (("cache", set(bodies)), ("remote", away)):
        holdings += [
            Holding("cache" if kind == "cache" else "remote", d, n, tuple(sorted(known.get(d, ()))))
            for d, n in sorted(held.items())
            if d in where
        ]
    return Search(subject, tuple(holdings), versions, len(every), tuple(unread))


def _known(subject: Subject, files: Sequence[Path]) -> Subject:
    """Return the person with the keys of their rows, which tables that name nobody still have."""
    return subject.with_keys(set().union(*(keys_in(file, subject) for file in files)))


def _files(root: Path, logs: Sequence[Path]) -> Iterator[tuple[Path, Kind]]:
    """Yield the files of the project that may speak of a person, each once, in order."""
    tracked = {
        root / name
        for name in git.run(root, "ls-files", "-z").decode().split("\0")
        if name and (root / name).is_file()
    }
    yield from ((file, "tracked") for file in sorted(tracked))
    for name in DATA:
        for file in sorted((root / name).rglob("*")):
            if file.is_file() and file not in tracked:
                yield file, "workspace"
    windows = root / WINDOWS
    for file in sorted((root / COPIES).rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield file, "window" if windows in file.parents else "copy"
    for log in logs:
        if not log.is_dir():
            raise DataError(f"there is no folder {log}", where="--log", expected="a prediction log")
        yield from ((file, "log") for file in sorted(log.rglob("*.jsonl")))


def _versions(
    root: Path,
    held: Mapping[str, int],
    read: set[str],
    listings: dict[str, Path],
) -> Iterator[Affected]:
    of = registry.artifact(root, revision.model_name(root))
    for one in registry.versions(root, of):
        outputs = objects.of_commit(root, one.tag.commit, listings)
        hit = tuple(path for path, digests in outputs.items() if digests & set(held))
        tables = [digests for path, digests in outputs.items() if path.startswith("data/")]
        is_known = all(digests & read for digests in tables)
        if hit or not is_known:
            yield Affected(f"{of}@{one.version}", one.tag.commit, hit, is_known)


def _shown(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if root in file.parents else file.name
