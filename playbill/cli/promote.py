"""`playbill promote`: put the model of a revision into a stage, with its evidence."""

from typing import Annotated, Literal

import typer

from playbill.cli.location import Env


def promote(
    rev: Annotated[
        str, typer.Argument(help="Branch, tag, commit, DVC experiment or flights@v1.2.0.")
    ] = "HEAD",
    *,
    stage: Annotated[str, typer.Option(help="The stage it enters.")] = "prod",
    version: Annotated[
        str | None,
        typer.Option(
            help="Version to register it as, v1.2.0; default: the next patch.", show_default=False
        ),
    ] = None,
    bump: Annotated[
        Literal["major", "minor", "patch"] | None,
        typer.Option(help="Which number of the greatest version to raise.", show_default=False),
    ] = None,
    push: Annotated[bool, typer.Option("--push", help="Push the new tags.")] = False,
    allow_unpushed: Annotated[
        bool,
        typer.Option("--allow-unpushed", help="Go on though the DVC remote lacks the bundle."),
    ] = False,
    env: Env = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Register the model of a revision and put it into a stage, as annotated Git tags.

    The tags follow GTO (flights@v1.2.0, flights#prod#3) and carry the evidence: commit, digests of
    model and data, metrics. The newest tag of a stage decides what is served.

    \b
    Examples:
      playbill promote HEAD --stage prod
      playbill promote my-branch --stage prod --bump minor --push
      playbill promote flights@v1.1.0 --stage prod
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config import place
    from playbill.config.location import find_project
    from playbill.lineage import promotion, worktree

    place.choose(env)
    root = find_project()
    wish = promotion.Wish(stage, version, bump, allow_unpushed=allow_unpushed)
    done = promotion.promote(root, rev, wish)
    if push:
        worktree.push(root, *(f"refs/tags/{tag}" for tag in done.tags))
    if as_json:
        print_json(promotion.as_dict(done, pushed=push))
        return
    typer.echo(f"{done.artifact} {done.version} is in stage {done.stage}: {', '.join(done.tags)}")
    for note in done.notes:
        typer.echo(f"note: {note}")
    if not push:
        quoted = " ".join(f"'{tag}'" for tag in done.tags)
        typer.echo(f"Others see it after: git push {promotion.push_target(root)} {quoted}")
