"""Options that several commands take, each with one meaning and one text."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Markdown = Annotated[
    Path | None,
    typer.Option(help="Write Markdown to this file; `-` prints it.", show_default=False),
]
Html = Annotated[
    Path | None, typer.Option(help="Write one page that needs no network.", show_default=False)
]
Push = Annotated[bool, typer.Option("--push", help="Push the new tags.")]
Reason = Annotated[str, typer.Option(help="Why; it is recorded in the tag.")]
