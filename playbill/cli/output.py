"""How commands print results: JSON for machines, plain text for people."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer


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
    if as_json:
        sys.stdout.write(forms.json())
    if markdown is not None and not (as_json and str(markdown) == "-"):
        write_markdown(forms.markdown(), markdown)
    if not as_json and markdown is None and html is None:
        sys.stdout.write(forms.text())


def print_json(value: Any) -> None:
    """Print `value` as JSON with sorted keys to standard output."""
    typer.echo(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str))


def push_line(remote: str, tags: Sequence[str]) -> str:
    """Return the line that says how others come to see new tags."""
    quoted = " ".join(f"'{tag}'" for tag in tags)
    return f"Others see it after: git push {remote} {quoted}"


def write_markdown(text: str, place: Path | None) -> bool:
    """Write Markdown where `--markdown` says; return whether it was printed, as `-` asks."""
    if place is None:
        return False
    if str(place) == "-":
        typer.echo(text, nl=False)
        return True
    place.write_text(text, encoding="utf-8", newline="\n")
    return False


def note_shallow(root: Path) -> None:
    """Say that a clone without its history may lack tags, if it is one."""
    from playbill.lineage import git

    if git.is_shallow(root):
        typer.echo("note: this clone is shallow and may lack tags: git fetch --unshallow --tags")
