"""`playbill merge-driver`: what Git calls for compiled files once `doctor --fix` installed it."""

from pathlib import Path
from typing import Annotated

import typer


def merge_driver(
    base: Annotated[Path, typer.Argument(help="%O: the common ancestor's version.")],
    ours: Annotated[Path, typer.Argument(help="%A: our version, and the answer.")],
    theirs: Annotated[Path, typer.Argument(help="%B: the other version.")],
    path: Annotated[str, typer.Argument(help="%P: the file in the repository.")],
) -> None:
    """Settle a compiled or generated file for `git merge`; not for people."""
    from playbill.pipeline.merge import Sides, drive

    if note := drive(Path.cwd(), Sides(base, ours, theirs), path):
        typer.echo(f"playbill: {note}", err=True)
