"""`playbill rollback`: a stage gets back a version that it had before."""

from typing import Annotated

import typer

from playbill.cli.location import Env


def rollback(
    *,
    reason: Annotated[str, typer.Option(help="Why; it is recorded in the tag.")],
    stage: Annotated[str, typer.Option(help="The stage.")] = "prod",
    to: Annotated[
        str | None,
        typer.Option(
            help="flights@v1.2.0, v1.2.0 or flights#prod#3; default: who was there before.",
            show_default=False,
        ),
    ] = None,
    push: Annotated[bool, typer.Option("--push", help="Push the new tag.")] = False,
    env: Env = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Put a version back into a stage that it was in before, as a new tag.

    The gate is not asked: the version was let in before, and its tag still has to hold. A version
    that was withdrawn does not come back.

    Exit status: 0 it is back, 2 wrong call, 3 there is nothing to go back to.

    \b
    Examples:
      playbill rollback --reason "errors at JFK since Tuesday"
      playbill rollback --to flights@v1.2.0 --reason "last one that knew EWR" --push
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json, push_line
    from playbill.config import place
    from playbill.config.location import find_project
    from playbill.lineage import promotion, worktree
    from playbill.lineage import rollback as reversal

    place.choose(env)
    root = find_project()
    done = reversal.rollback(root, stage, reason, to)
    if push:
        worktree.push(root, *(f"refs/tags/{tag}" for tag in done.tags))
    if as_json:
        print_json(reversal.as_dict(done, pushed=push))
        return
    typer.echo(f"{done.artifact} {done.version} is in stage {stage} again: {done.tags[0]}")
    for note in done.notes:
        typer.echo(f"note: {note}")
    if not push:
        typer.echo(push_line(promotion.push_target(root), done.tags))
