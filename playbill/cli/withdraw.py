"""`playbill withdraw`: nobody serves this version any more."""

from typing import Annotated

import typer

from playbill.cli.location import Env


def withdraw(
    version: Annotated[str, typer.Argument(help="flights@v1.2.0, v1.2.0, or flights#prod.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it is recorded in the tag.")],
    push: Annotated[bool, typer.Option("--push", help="Push the new tags.")] = False,
    env: Env = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Take a version back for good: it leaves its stages, and `serve` refuses it from then on.

    A stage that it was in is empty afterwards; no older version steps in by itself.

    Exit status: 0 it is withdrawn, 2 wrong call, 3 there is no such version.

    \b
    Examples:
      playbill withdraw flights@v1.2.0 --reason "trained on rows that a person had erased"
      playbill withdraw flights#prod --reason "a leak" --push
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json, push_line
    from playbill.config import place
    from playbill.config.location import find_project
    from playbill.lineage import promotion, worktree
    from playbill.lineage import rollback as reversal

    place.choose(env)
    root = find_project()
    done = reversal.withdraw(root, version, reason)
    if push:
        worktree.push(root, *(f"refs/tags/{tag}" for tag in done.tags))
    if as_json:
        print_json(reversal.as_dict(done, pushed=push))
        return
    typer.echo(f"{done.artifact} {done.version} is withdrawn: {', '.join(done.tags)}")
    for stage in done.emptied:
        typer.echo(f"stage {stage} is empty; next: playbill rollback --stage {stage} --reason ...")
    if not push:
        typer.echo(push_line(promotion.push_target(root), done.tags))
