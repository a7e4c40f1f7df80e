"""`playbill history`: who was in which stage, when and why."""

from typing import Annotated, Any

import typer

from playbill.cli.option import AsJson


def history(
    stage: Annotated[
        str | None, typer.Option(help="Show one stage.", show_default="every stage")
    ] = None,
    check: Annotated[bool, typer.Option(help="Check that what each tag says still holds.")] = True,
    as_json: AsJson = False,
) -> None:
    """List every change of a stage: version, who did it, when, why, and whether its tag holds.

    All of it is read from Git tags, so a clone is enough; `git fetch --tags` brings in new ones.

    Exit status: 0; 1 if what a tag says does not hold.

    \b
    Examples:
      playbill history
      playbill history --stage prod --json
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import note_shallow, print_json
    from playbill.config.location import find_project
    from playbill.evaluation.table import grid
    from playbill.lineage import listing

    root = find_project()
    entries = listing.history(root, stage=stage, check=check)
    if as_json:
        print_json({"format_version": 1, "history": entries})
    elif not entries:
        typer.echo("nobody was put into a stage yet; next: playbill promote HEAD --stage prod")
        note_shallow(root)
    else:
        head = ["tag", "version", "commit", "date", "by", "decision", "why"]
        rows = [
            [
                one["tag"],
                one["version"] or "-",
                one["commit"][:7],
                one["date"][:16].replace("T", " "),
                one["by"] or "-",
                one["decision"] or "-",
                _why(one),
            ]
            for one in entries
        ]
        typer.echo(grid(head, rows))
        note_shallow(root)
    if any(one["problem"] for one in entries):
        raise typer.Exit(1)


def _why(one: dict[str, Any]) -> str:
    if one["problem"]:
        return f"NOT BELIEVED: {one['problem']}"
    before = " (unsigned: before signatures were asked for)" if one["before_signatures"] else ""
    return f"{one['why']}{before}"
