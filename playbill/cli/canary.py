"""`playbill canary`: what the truth says of the canary so far."""

from pathlib import Path
from typing import Annotated

import typer


def canary(
    log: Annotated[list[str], typer.Option(help="Folder or URL of a prediction log.")],
    store: Annotated[list[Path], typer.Option(help="File of feedback; may be given again.")],
    shadow: Annotated[
        str | None,
        typer.Option(help="Folder of a shadow's log: both models on the same rows."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Say whether to promote the canary, keep it as it is, or roll it back.

    It may be asked after every truth: the chance that it ever decides wrongly is
    server.canary.error. Nothing is done; the command to do it is printed.

    Exit status: 0 promote, 1 keep or roll back, 2 wrong call, 3 failed.

    \b
    Examples:
      playbill canary --log predictions --store feedback.db
      playbill canary --log predictions --store feedback.db --shadow shadow --json
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from dataclasses import asdict

    from playbill.cli.output import print_json
    from playbill.config.location import find_project
    from playbill.pipeline.canary import judge

    found = judge(find_project(), log, store, shadow)
    duel = found.duel
    if as_json:
        print_json(asdict(found))
    else:
        how = "of the same rows" if found.on_the_same_rows else "between callers"
        after = f" after {duel.after:,}" if duel.after else ""
        typer.echo(f"{duel.decision}{after}: {duel.differences:,} differences {how}")
        typer.echo(f"mean loss {duel.mean:+.5f} to the champion's")
        typer.echo(f"for better {duel.better.capital:,.1f}, for worse {duel.worse.capital:,.1f}")
    if duel.decision != "promote":
        raise typer.Exit(1)
