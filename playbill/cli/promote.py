"""`playbill promote`: put the model of a revision into a stage, with its evidence."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from playbill.cli.location import Env
from playbill.cli.option import AsJson

if TYPE_CHECKING:
    from playbill.pipeline.admission import Answer


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
    evidence: Annotated[
        Path | None,
        typer.Option(
            help="What `playbill gate --json` printed elsewhere; default: the gate is asked here.",
            show_default=False,
        ),
    ] = None,
    override: Annotated[
        str | None,
        typer.Option(
            metavar="REASON", help="Go on whatever the gate says; recorded.", show_default=False
        ),
    ] = None,
    push: Annotated[
        bool, typer.Option("--push", help="Push the bytes to the DVC remote, then the new tags.")
    ] = False,
    allow_unpushed: Annotated[
        bool,
        typer.Option("--allow-unpushed", help="Go on though the DVC remote lacks the bundle."),
    ] = False,
    env: Env = None,
    as_json: AsJson = False,
) -> None:
    """Register the model of a revision and put it into a stage, as annotated Git tags.

    The gate is asked first (see `playbill gate`). The tags follow GTO (flights@v1.2.0,
    flights#prod#3) and carry the evidence: commit, digests of model and data, metrics, what the
    gate said. The newest tag of a stage decides what is served.

    Exit status: 0 it is in the stage, 1 the gate said no, 2 wrong call, 3 it cannot be promoted.

    \b
    Examples:
      playbill promote HEAD --stage prod
      playbill promote my-branch --stage prod --bump minor --push
      playbill promote HEAD --override "hotfix: the champion cannot read the new airport"
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.progress import bar
    from playbill.config import place
    from playbill.config.location import find_project
    from playbill.lineage import promotion, store, upstream
    from playbill.lineage.bundle import commit_of
    from playbill.pipeline import admission

    def say(text: str) -> None:
        typer.echo(f"* {text}", err=True)

    place.choose(env)
    root = find_project()
    if push:
        upstream.remote(root)  # without one nothing is decided
        say("pushing what this clone has of the revision to the DVC remote")
        store.push(root, commit_of(root, rev))
    wish = promotion.Wish(stage, version, bump, allow_unpushed=allow_unpushed, override=override)
    with bar("drawing rows") as progress:
        answer = admission.promote(root, rev, wish, say, evidence, progress)
    if push and answer.promotion:
        promotion.push(root, *answer.promotion.tags)
    _tell(answer, root, pushed=push, as_json=as_json)
    if answer.promotion is None:
        raise typer.Exit(1)


def _tell(answer: "Answer", root: Path, *, pushed: bool, as_json: bool) -> None:
    from playbill.cli.output import print_json, push_line
    from playbill.evaluation import verdict
    from playbill.lineage import promotion

    done = answer.promotion
    if as_json:
        print_json(
            promotion.as_dict(done, pushed=pushed)
            if done
            else {"format_version": promotion.FORMAT_VERSION, "tags": [], "gate": answer.gate}
        )
        return
    if answer.gate:
        typer.echo(verdict.as_text(answer.gate))
    if done is None:
        typer.echo("nothing was tagged; next: another model, or --override REASON", err=True)
        return
    typer.echo(f"{done.artifact} {done.version} is in stage {done.stage}: {', '.join(done.tags)}")
    for note in done.notes:
        typer.echo(f"note: {note}")
    if not pushed:
        typer.echo(push_line(promotion.push_target(root), done.tags))
