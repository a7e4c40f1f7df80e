"""Which bundle a command works with: the folder that was named, or the one that a revision has."""

from pathlib import Path

from playbill.errors import UsageError


def find_bundle(folder: Path | None, ref: str | None) -> tuple[Path, str]:
    """Return the folder of a bundle and, for the person, where it comes from.

    Raises:
        UsageError: Both were named, or there is no project to look in.
        LineageError: The revision or its bundle cannot be had.
    """
    if folder is not None and ref is not None:
        raise UsageError("a folder and a revision were named", expected="one of the two")
    if folder is not None:
        return folder, folder.as_posix()
    from playbill.config.location import find_project
    from playbill.lineage.bundle import find

    located = find(find_project(), ref)
    return located.path, located.source
