"""`playbill gate`: may this model take the place of the one that is served?"""

from typing import Annotated

import typer

from playbill.cli.location import Env
from playbill.cli.option import AsJson, Markdown


def gate(
    champion: Annotated[
        str | None,
        typer.Option(help="Revision to beat.", show_default="who is in the stage"),
    ] = None,
    challenger: Annotated[
        str,
        typer.Option(help="Revision that is asked about; `workspace` for what is not committed."),
    ] = "HEAD",
    stage: Annotated[str, typer.Option(help="The stage that is meant.")] = "prod",
    markdown: Markdown = None,
    env: Env = None,
    as_json: AsJson = False,
) -> None:
    """Compare challenger and champion on rows that neither was trained on, and decide.

    The rule, the margin, the slices and the floors stand in conf/evaluation (gate). With nobody in
    the stage the floors alone decide. The JSON names by digest everything that was used.

    Exit status: 0 it may, 1 it may not, 3 there is no answer.

    \b
    Examples:
      playbill gate
      playbill gate --champion main --markdown gate.md
      playbill gate --challenger my-branch --json
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json, write_markdown
    from playbill.cli.progress import bar
    from playbill.config import place
    from playbill.config.location import find_project
    from playbill.evaluation import verdict
    from playbill.pipeline import gate as gating

    place.choose(env)
    with bar("drawing rows") as progress:
        found = gating.gate(
            find_project(),
            challenger,
            champion,
            stage,
            lambda text: typer.echo(f"* {text}", err=True),
            progress,
        )
    printed = write_markdown(verdict.as_markdown(found.evidence), markdown)
    if as_json:
        print_json(found.evidence)
    elif not printed:
        typer.echo(verdict.as_text(found.evidence), nl=False)
    for hint in found.hints:
        typer.echo(f"note: {hint}", err=True)
    if not found.decision.passed:
        raise typer.Exit(1)
