"""The `playbill` command: registers each command's function and turns errors into exit codes."""

import importlib
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

import playbill
from playbill.config.location import find_project
from playbill.engine.start import spare_collections
from playbill.errors import InstalledError, PlaybillError

# In the order of the lifecycle; each is a function of that name in playbill/cli/<name>.py.
COMMANDS: list[str] = [
    "new",
    "check",
    "compose",
    "plan",
    "conf",
    "adopt",
    "run",
    "ingest",
    "contract",
    "report",
    "compare",
    "gate",
    "promote",
    "rollback",
    "withdraw",
    "models",
    "history",
    "package",
    "serve",
    "shadow",
    "canary",
    "predict",
    "feedback",
    "label",
    "drift",
    "backtest",
    "retrain",
    "lineage",
    "verify",
    "erase",
    "attack",
    "doctor",
]

# Called by other programs alone: left out of `playbill --help` and of the documentation.
HIDDEN = {"merge-driver": "merge_driver"}

app = typer.Typer(
    name="playbill",
    help="A Git repository as the whole machine-learning platform.",
    epilog="Example: playbill check && dvc repro && playbill serve",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich help costs more CPU than all else that `--help` does
    pretty_exceptions_enable=False,
    add_completion=True,
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"playbill {version('playbill')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """A Git repository as the whole machine-learning platform."""


def _register() -> None:
    for name in COMMANDS:
        module: Any = importlib.import_module(f"playbill.cli.{name}")
        if isinstance(group := getattr(module, "app", None), typer.Typer):
            app.add_typer(group, name=name)
        else:
            app.command(name)(getattr(module, name))
    for name, function in HIDDEN.items():
        module = importlib.import_module(f"playbill.cli.{function}")
        app.command(name, hidden=True)(getattr(module, function))


def main() -> None:
    """Run the command line; a PlaybillError becomes a message and its exit status."""
    if hasattr(signal, "SIGPIPE"):  # `| head` ends the command; it must not look like "drift"
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if sys.argv[1:2] != ["serve"]:  # which stays
        spare_collections()
    try:
        _see_project()
        _register()
        app()
    except PlaybillError as error:
        typer.echo(_hidden(f"playbill: {_placed(error)}"), err=True)
        raise SystemExit(error.exit_status) from None


def _hidden(text: str) -> str:
    from playbill.config import place

    try:
        return place.hidden(text, find_project())
    except PlaybillError:
        return text


def _placed(error: PlaybillError) -> PlaybillError:
    from playbill.pipeline.failure import placed

    try:
        return placed(error, find_project())
    except PlaybillError:
        return error


def _see_project() -> None:
    """Put the project's root on the import path: a console script does not see its `stages`.

    Raises:
        InstalledError: The project is a checkout of Playbill, and another one's code runs.
    """
    try:
        root = find_project()
    except PlaybillError:
        return
    sys.path.insert(0, str(root))
    own = root / "playbill" / "__init__.py"
    if own.is_file() and not own.samefile(playbill.__file__) and "doctor" not in sys.argv[1:2]:
        raise InstalledError(
            "this command is another checkout's: it would compile with that one's code",
            where=f"{Path(playbill.__file__).parent.parent.name} instead of {root.name}",
            expected="the environment of this checkout, in which it is installed",
            run="pip install -c constraints.txt -e '.[demo,serve]' in an environment of its own",
        )
