"""`playbill adopt`: what an experiment or a hand edit said, into the project's own files."""

from typing import Annotated

import typer


def adopt(
    from_params: Annotated[
        bool,
        typer.Option("--from-params", help="Take the values typed into params.yaml instead."),
    ] = False,
    from_tuning: Annotated[
        bool,
        typer.Option("--from-tuning", help="Take what the last search found, and end the search."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Fold recorded experiment values (conf/recorded.yaml) into conf/, comments kept.

    \b
    Examples:
      playbill adopt
      playbill adopt --from-params
      playbill adopt --from-tuning
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config import adoption
    from playbill.config.location import find_project
    from playbill.errors import UsageError

    root = find_project()
    if from_params and from_tuning:
        raise UsageError("--from-params and --from-tuning are two things", expected="one of them")
    if from_tuning:
        done = adoption.adopt_tuning(root)
    else:
        done = adoption.adopt_params(root) if from_params else adoption.adopt_recorded(root)
    if as_json:
        print_json({"adopted": done.adopted, "files": done.files})
    elif not done.adopted:
        typer.echo("nothing to adopt")
    else:
        typer.echo(f"adopted {', '.join(done.adopted)}")
        typer.echo(f"changed {', '.join(done.files)}")
