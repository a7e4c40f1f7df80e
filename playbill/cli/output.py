"""How commands print results: JSON for machines, plain text for people."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Markdown = Annotated[
    Path | None,
    typer.Option(help="Write Markdown to this file; `-` prints it.", show_default=False),
]
Html = Annotated[
    Path | None, typer.Option(help="Write one page that needs no network.", show_default=False)
]


@dataclass(frozen=True)
class Forms:
    """How one result is written: each is called only if it is asked for."""

    text: Callable[[], str]
    json: Callable[[], str]
    markdown: Callable[[], str]
    html: Callable[[], str]


def deliver(forms: Forms, *, as_json: bool, markdown: Path | None, html: Path | None) -> None:
    """Write the files that are asked for, and print JSON, Markdown (`-`) or, without any, text."""
    if html is not None:
        html.write_text(forms.html(), encoding="utf-8", newline="\n")
    is_printed = markdown is not None and str(markdown) == "-"
    if markdown is not None and not is_printed:
        markdown.write_text(forms.markdown(), encoding="utf-8", newline="\n")
    if as_json:
        sys.stdout.write(forms.json())
    elif is_printed:
        sys.stdout.write(forms.markdown())
    elif markdown is None and html is None:
        sys.stdout.write(forms.text())


def print_json(value: Any) -> None:
    """Print `value` as JSON with sorted keys to standard output."""
    typer.echo(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str))


def push_line(remote: str, tags: Sequence[str]) -> str:
    """Return the line that says how others come to see new tags."""
    quoted = " ".join(f"'{tag}'" for tag in tags)
    return f"Others see it after: git push {remote} {quoted}"
