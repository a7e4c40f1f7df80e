"""`playbill new`: a project that runs at once, on a sample to be replaced."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Task(StrEnum):
    """What the sample predicts."""

    binary = "binary"
    multiclass = "multiclass"
    regression = "regression"


def new(
    folder: Annotated[
        Path, typer.Argument(help="Folder of the project, which must not exist yet.")
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the model; default: the folder's name.")
    ] = None,
    task: Annotated[Task, typer.Option(help="What the sample predicts.")] = Task.binary,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make a new project: conf/, stages, workflows, Git and DVC, compiled and committed.

    It runs on a small sample at once; conf/source is where yours begins.

    \b
    Examples:
      playbill new churn
      playbill new models/prices --task regression
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.skeleton.creation import create

    made = create(folder, name or folder.resolve().name, task.value)
    if as_json:
        print_json({"root": str(made.root), "files": made.files, "commit": made.commit or None})
        return
    state = f"committed as {made.commit[:12]}" if made.commit else "staged: Git knows no user.name"
    typer.echo(f"made {made.root}: {len(made.files)} files, compiled, {state}")
    if not made.commit:
        typer.echo("next: git config user.name 'Your Name', user.email, then git commit -m Start")
    typer.echo(f"next: cd {made.root} && dvc repro && playbill report && playbill serve")
