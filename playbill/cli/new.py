"""`playbill new`: a project that runs at once, on a sample to be replaced."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from playbill.skeleton.own import Own


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
    data: Annotated[
        Path | None,
        typer.Option(
            help="Table of your own, CSV or Parquet: it is copied, its contract inferred."
        ),
    ] = None,
    target: Annotated[str | None, typer.Option(help="With --data: column to predict.")] = None,
    key: Annotated[
        str | None, typer.Option(help="With --data: column that identifies a row.")
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="With --data: column with the time of a row.")
    ] = None,
    task: Annotated[
        Task | None, typer.Option(help="What is predicted; default: binary, or as --target has it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make a new project: conf/, stages, workflows, Git and DVC, compiled and committed.

    It runs at once: on your table, or on a small sample that you replace in conf/source.

    \b
    Examples:
      playbill new churn
      playbill new churn --data customers.csv --target churned
      playbill new models/prices --task regression
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.skeleton.creation import create

    own = _own(data, target, key, time, task)
    chosen = (task or Task.binary).value if own is None else own.task
    made = create(folder, name or folder.resolve().name, chosen, own)
    if as_json:
        print_json({"root": str(made.root), "files": made.files, "commit": made.commit or None})
        return
    state = f"committed as {made.commit[:12]}" if made.commit else "staged: Git knows no user.name"
    if own is not None:
        _tell(own)
    typer.echo(f"made {made.root}: {len(made.files)} files, compiled, {state}")
    if not made.commit:
        typer.echo("next: git config user.name 'Your Name', user.email, then git commit -m Start")
    typer.echo(f"next: cd {made.root} && dvc repro && playbill report && playbill serve")


def _own(
    data: Path | None, target: str | None, key: str | None, time: str | None, task: Task | None
) -> "Own | None":
    from playbill.errors import UsageError

    if data is None:
        given = {"--target": target, "--key": key, "--time": time}
        if wrong := [name for name, value in given.items() if value is not None]:
            raise UsageError(f"{wrong[0]} was given without --data", expected="a table of your own")
        return None
    if target is None:
        raise UsageError(
            "--data was given without --target",
            expected="the column to predict: nobody can guess it",
            run=f"playbill new ... --data {data} --target COLUMN",
        )
    from playbill.skeleton.own import look

    return look(data, target, key=key, time=time, task=None if task is None else task.value)


def _tell(own: "Own") -> None:
    found = own.found
    typer.echo(f"{found.file}: {found.rows:,} rows, {len(found.columns)} columns, {own.task}")
    named = {"key": found.key, "time": found.time, "target": found.target}
    typer.echo("  " + ", ".join(f"{role} {name}" for role, name in named.items() if name))
    if own.left_out:
        typer.echo(f"  left out, for they seem personal: {', '.join(own.left_out)}")
    typer.echo("  review the guesses in conf/contract, then run `playbill check`")
