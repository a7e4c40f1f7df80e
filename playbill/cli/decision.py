"""What `rollback` and `withdraw` do alike: decide, push, and tell what became of it."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playbill.lineage.rollback import Decided


def carry_out(
    decide: "Callable[[Path], Decided]",
    words: "Callable[[Decided], list[str]]",
    *,
    env: str | None,
    push: bool,
    as_json: bool,
) -> None:
    """Make the new tags of a decision, push them if asked to, and print it.

    Args:
        decide: Makes the tags in a project.
        words: Says in lines what was decided.
        env: The place.
        push: Whether the tags are pushed.
        as_json: Whether JSON is printed.
    """
    from playbill.cli.output import print_json, push_line
    from playbill.config import place
    from playbill.config.location import find_project
    from playbill.lineage import promotion, upstream
    from playbill.lineage.rollback import as_dict

    place.choose(env)
    root = find_project()
    if push:
        upstream.remote(root)  # without one nothing is decided
    done = decide(root)
    if push:
        promotion.push(root, *done.tags)
    if as_json:
        print_json(as_dict(done, pushed=push))
        return
    for line in [*words(done), *(f"note: {note}" for note in done.notes)]:
        typer.echo(line)
    if not push:
        typer.echo(push_line(promotion.push_target(root), done.tags))
