"""The project's own files that sources read: DVC watches them, so that an edit is not missed."""

import re
from pathlib import Path, PurePosixPath

from playbill.config.matrix import steps
from playbill.config.schema import Params
from playbill.config.source import FileSource

_GLOB = re.compile(r"[*?\[]")


def watched(params: Params, root: Path) -> list[str]:
    """Return the paths that the stage which brings the sources in depends on, sorted.

    Of a glob it is the folder that holds what it can match, so that a new file counts too. Where
    that folder holds outputs of the pipeline, or is the project itself, the files that match now.
    """
    outputs = [path for step in steps(params).values() for path in step.targets.values()]
    found: set[str] = set()
    for source in params.source.sources.values():
        if isinstance(source, FileSource) and not source.is_remote:
            found |= _paths(source.path, outputs, root)
    return sorted(found)


def _paths(pattern: str, outputs: list[str], root: Path) -> set[str]:
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts:
        return set()  # ingest refuses it in its own words
    if not _GLOB.search(pattern):
        return {path.as_posix()}
    fixed = PurePosixPath()
    for part in path.parts:
        if _GLOB.search(part):
            break
        fixed /= part
    inside = [fixed in PurePosixPath(out).parents for out in outputs]
    if fixed.parts and not any(inside):
        return {fixed.as_posix()}
    return {p.relative_to(root).as_posix() for p in root.glob(pattern) if p.is_file()}
