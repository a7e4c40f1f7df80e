"""`playbill attack`: the hostile suite against a running server, and a table of what it got."""

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from playbill.attack.case import Verdict


def attack(
    url: Annotated[str, typer.Argument(help="Address of the server, as http://127.0.0.1:8000.")],
    key: Annotated[
        str | None, typer.Option(envvar="PLAYBILL_KEY", help="API key with the scope predict.")
    ] = None,
    row: Annotated[
        Path | None, typer.Option(help="JSON file of a row that it takes; default: its example.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show what passed too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every line as JSON.")] = False,
) -> None:
    """Attack a running server and tell what it got wrong.

    Malformed and oversized bodies, numbers that are none, slow and endless requests, smuggling,
    wrong keys. It takes about half a minute, sends about half a gigabyte, and is meant for a server
    of your own.

    Exit status: 0 every line passed, 1 some did not, 2 there is no such server.

    \b
    Examples:
      playbill attack http://127.0.0.1:8000
      playbill attack https://model.example.org --key pbk_... --json
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.attack.suite import Server, look

    if hasattr(signal, "SIGPIPE"):  # a server that closes early must not end this command
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    server = Server(url.rstrip("/"), key)
    target = look(server, None if row is None else _row(row))
    found = _with_progress(server, target, quiet=as_json)
    failed = [verdict for verdict in found if not verdict.passed]
    if as_json:
        _print_json(found)
    else:
        for verdict in found if everything else failed:
            state = "pass" if verdict.passed else "FAIL"
            why = f"  {'; '.join(verdict.faults)}" if verdict.faults else ""
            typer.echo(f"{state}  {verdict.group:10} {verdict.name}: {verdict.got}, "
                       f"right: {verdict.right}{why}")  # fmt: skip
        typer.echo(f"{len(found) - len(failed)} of {len(found)} attacks answered as they should be")
    raise typer.Exit(1 if failed else 0)


def _row(path: Path) -> dict[str, object]:
    from playbill.errors import UsageError

    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError("the row cannot be read", where=str(path), expected="JSON") from error
    if not isinstance(found, dict):
        raise UsageError("the row is no JSON object", where=str(path))
    return found


def _print_json(found: "list[Verdict]") -> None:
    from playbill.cli.output import print_json

    lines = [
        {"group": v.group, "name": v.name, "right": v.right, "got": v.got, "passed": v.passed,
         "faults": list(v.faults)}
        for v in found
    ]  # fmt: skip
    print_json({"passed": all(v.passed for v in found), "attacks": lines})


def _with_progress(server: object, target: object, *, quiet: bool) -> "list[Verdict]":
    from rich.console import Console
    from rich.progress import Progress

    from playbill.attack.schema import Target
    from playbill.attack.suite import Server, attack, count

    assert isinstance(server, Server)
    assert isinstance(target, Target)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("attacking", total=count(server, target))
        return list(attack(server, target, lambda: bar.advance(task)))
