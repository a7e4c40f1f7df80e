"""What several commands ask: which place this is, and which bundle to work with."""

from pathlib import Path
from typing import Annotated

import typer

from playbill.errors import UsageError

Env = Annotated[
    str | None,
    typer.Option(
        "--env",
        metavar="PLACE",
        help="The place: a file of conf/env; default: PLAYBILL_ENV, else local.",
        show_default=False,
    ),
]


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
