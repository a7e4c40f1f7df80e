"""`playbill retrain`: a new window, a new model, a branch that says what came of it."""

from pathlib import Path
from typing import Annotated

import typer

from playbill.cli.location import Env


def retrain(
    window: Annotated[
        str | None,
        typer.Option(
            metavar="START:END", help="The new window, its end excluded.", show_default=False
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(help="Without --window: move it later by so much, as 1m, 2w or 30d.")
    ] = "1m",
    branch: Annotated[
        str | None,
        typer.Option(help="Name of the new branch.", show_default="retrain/MODEL-START-END"),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(help="Markdown to put into the report, as `playbill drift` writes it."),
    ] = None,
    push: Annotated[
        bool, typer.Option("--push", help="Push the branch to the Git remote.")
    ] = False,
    push_data: Annotated[
        bool, typer.Option(help="Push the bytes to the DVC remote (before the branch).")
    ] = True,
    env: Env = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Retrain on another window, on a branch of its own.

    Moves source.window in conf/, runs the pipeline, asks the gate about the new model (see
    `playbill gate`), commits everything with a report, and pushes the bytes to the DVC remote. What
    the gate says is for the review: the branch is made either way. Exits 1 if it exists already.

    \b
    Examples:
      playbill retrain
      playbill retrain --window 2013-04-01:2013-07-01
      playbill retrain --by 1m --evidence drift.md --push
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config import place
    from playbill.config.location import find_project
    from playbill.config.params import read_params
    from playbill.pipeline import retraining
    from playbill.pipeline.window import parse_window, shift

    place.choose(env)
    root = find_project()
    present = read_params(root).source.window
    wanted = parse_window(window) if window else shift(present, by)
    wish = retraining.Wish(wanted, branch, evidence and evidence.resolve(), push, push_data)
    name = retraining.branch_of(root, wish)
    if retraining.is_waiting(root, name):
        typer.echo(f"{name} exists already: its retraining waits for a review", err=True)
        raise typer.Exit(1)
    done = retraining.retrain(root, wish, lambda text: typer.echo(f"* {text}", err=True))
    if as_json:
        print_json(retraining.as_dict(done))
        return
    typer.echo(f"branch  {done.branch} ({done.commit[:12]}), checked out")
    typer.echo(f"report  {done.report}")
    if done.gate is None:
        typer.echo("gate    it cannot answer; the report says why")
    else:
        from playbill.lineage.listing import gate_line

        answer = "passed" if done.gate["passed"] else "refused"
        typer.echo(f"gate    {answer}: {gate_line(done.gate)}")
    if not done.pushed:
        typer.echo(f"next    git push origin {done.branch}, then open the pull request")
