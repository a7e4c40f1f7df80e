"""`playbill conf`: the options of every group, and a shipped one brought into conf/."""

from typing import Annotated

import typer

app = typer.Typer(
    help="Show the options of conf/, or copy a shipped one for editing.",
    epilog="Example: playbill conf show model",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def show(
    group: Annotated[str | None, typer.Argument(help="A group, as model; default: all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """List every option of every group with its origin; the chosen one is marked.

    \b
    Examples:
      playbill conf show
      playbill conf show model
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config.catalog import options
    from playbill.config.location import find_project

    found = options(find_project(), group)
    if as_json:
        print_json([vars(option) for option in found])
        return
    for option in found:
        mark = "*" if option.chosen else " "
        typer.echo(f"{mark} {option.group}={option.name:<14} {option.file:<34} {option.summary}")


@app.command()
def copy(
    option: Annotated[str, typer.Argument(help="Group and option, as model/forest.")],
) -> None:
    """Copy a shipped option into conf/, where it shadows the shipped one.

    \b
    Examples:
      playbill conf copy model/forest
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.config.catalog import copy as copy_option
    from playbill.config.location import find_project

    typer.echo(f"copied to {copy_option(find_project(), option)}: edit it there")
