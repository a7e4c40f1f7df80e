"""The values behind the digests of dvc.lock: looked for where a params.yaml that had them may be.

The commit that recorded a run has them beside dvc.lock. A run that was not committed has them in
the workspace until conf/ is edited again, and after that among the copies that `compose` keeps.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from playbill.config import keydigest, params
from playbill.errors import PlaybillError
from playbill.lineage import git, revision

Told = tuple[str, str]  # an entry of params.digest.json, and its digest
_MOST_COMMITS = 100
_ABSENT = object()


def recall(
    root: Path, commit: str | None, wanted: Iterable[Told], known: Iterable[Mapping[str, Any]] = ()
) -> dict[Told, Any]:
    """Return the values of entries; one that nothing here remembers is not among them.

    Args:
        root: The project.
        commit: Where the dvc.lock is from; None: the workspace.
        wanted: Entries with their digests.
        known: Values of params.yaml that are at hand, looked into first.
    """
    left, found = set(wanted), dict[Told, Any]()
    for values in _candidates(root, commit, known):
        if not left:
            break
        for told in sorted(left):
            value = keydigest.find(values, keydigest.key(told[0]), _ABSENT)
            if value is not _ABSENT and keydigest.of(value) == told[1]:
                found[told] = value
                left.discard(told)
        if not left:
            break
    return found


def _candidates(
    root: Path, commit: str | None, known: Iterable[Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    yield from known
    texts = [revision.read_text(root, commit, revision.PARAMS)]
    yield from _parsed(texts)
    if commit is None:
        yield from _parsed(path.read_bytes() for path in params.kept(root))
    yield from _parsed(_committed(root, commit))


def _committed(root: Path, commit: str | None) -> Iterator[bytes | None]:
    """Yield params.yaml of each commit that changed it, the newest first."""
    try:
        words = ["log", f"--max-count={_MOST_COMMITS}", "--format=%H", commit or "HEAD"]
        listed = git.run(root, *words, "--", revision.PARAMS).decode().split()
    except PlaybillError:
        return  # no Git, or no commit yet
    for each in listed:
        yield git.read_if_any(root, each, revision.PARAMS)


def _parsed(texts: Iterable[bytes | None]) -> Iterator[Mapping[str, Any]]:
    for text in texts:
        try:
            found = yaml.load(text or b"", Loader=yaml.CSafeLoader)
        except yaml.YAMLError:
            continue
        if isinstance(found, dict):
            yield found
