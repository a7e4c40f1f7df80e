"""`playbill shadow`: a challenger that answers what was asked, unseen."""

from pathlib import Path
from typing import Annotated

import typer


def shadow(
    ref: Annotated[str, typer.Argument(help="The challenger: version, stage, branch, commit.")],
    log: Annotated[Path, typer.Option(help="Folder of the server's prediction log.")],
    out: Annotated[Path, typer.Option(help="Folder of the shadow's own log.")],
    once: Annotated[
        bool, typer.Option("--once", help="Score what the log holds, then stop.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Score with a challenger what the server was asked, beside it, until Ctrl-C.

    It reads the prediction log with the lowest priority: no request waits for it, and what it
    cannot keep up with is dropped and counted. Rows without their personal columns are not scored.

    Exit status: 0 stopped, 2 wrong call, 3 the bundle or the log cannot be had.

    \b
    Examples:
      playbill shadow flights#canary --log predictions --out shadow
      playbill shadow flights@v1.3.0 --log predictions --out shadow --once --json
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    import signal
    from dataclasses import asdict

    from playbill.cli.location import find_bundle
    from playbill.cli.output import print_json
    from playbill.pipeline.shadow import Shadow, open_challenger
    from playbill.server.identifier import identifier_text

    found = find_bundle(None, ref)
    segment = out / f"predictions-000-{identifier_text()}.jsonl"
    made = Shadow(open_challenger(found.path, found.version), log, segment)
    if once:
        made.look()
    else:
        stopped: list[int] = []
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda number, _: stopped.append(number))
        made.begin_at_the_end()
        typer.echo(f"{ref} is in the shadow of {log}", err=True)
        made.follow(lambda: not stopped)
    if as_json:
        print_json(asdict(made.counted))
        return
    counted = made.counted
    typer.echo(
        f"{counted.scored:,} scored, {counted.dropped:,} dropped, {counted.unscorable:,} without "
        f"what the model needs: {out}"
    )
