"""`playbill doctor`: is this machine, this environment and this clone fit for the project?"""

from typing import Annotated

import typer

from playbill.cli.location import Env


def doctor(
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Install the merge driver: in .git/config and .gitattributes."),
    ] = False,
    env: Env = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check the clone and its environment; each finding comes with the command that mends it.

    Exits 1 if something must be mended.

    \b
    Examples:
      playbill doctor
      playbill doctor --fix
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config import place
    from playbill.config.location import find_project
    from playbill.pipeline.diagnosis import diagnose, mend

    place.choose(env)
    root = find_project()
    mended = mend(root) if fix else []
    findings = diagnose(root)
    for text in [] if as_json else mended:
        typer.echo(f"done  {text}")
    if as_json:
        print_json([vars(finding) for finding in findings])
    else:
        marks = {"ok": "ok  ", "note": "note", "wrong": "FAIL"}
        for finding in findings:
            typer.echo(f"{marks[finding.state]}  {finding.subject:<12} {finding.text}")
            if finding.run:
                typer.echo(f"      {'':<12} next: {finding.run}")
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(1)
