"""What several commands ask: which place this is, and which bundle to work with."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from playbill.errors import UsageError

if TYPE_CHECKING:
    from playbill.lineage.bundle import Located

Env = Annotated[
    str | None,
    typer.Option(
        "--env",
        metavar="PLACE",
        help="The place: a file of conf/env; default: PLAYBILL_ENV, else local.",
        show_default=False,
    ),
]


def find_bundle(folder: Path | None, ref: str | None) -> "Located":
    """Return the folder of a bundle and how it was chosen.

    Raises:
        UsageError: Both were named, or there is no project to look in.
        LineageError: The revision or its bundle cannot be had.
    """
    if folder is not None and ref is not None:
        raise UsageError("a folder and a revision were named", expected="one of the two")
    from playbill.lineage.bundle import Located, find

    if folder is not None:
        return Located(folder, folder.as_posix(), None)
    from playbill.config.location import find_project

    return find(find_project(), ref)
