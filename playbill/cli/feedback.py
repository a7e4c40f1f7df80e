"""`playbill feedback`: the truth that came later, taken from a file or joined with predictions."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Take what turned out to be true of predictions, and make a labelled table of it.",
    epilog="Example: playbill feedback join labelled.parquet --log predictions --store feedback.db",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Logs = Annotated[list[str], typer.Option("--log", help="Folder or URL of a prediction log.")]


@app.command(name="import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV or Parquet: prediction_id, and truth or the target's name.")
    ],
    log: Logs,
    store: Annotated[Path, typer.Option(help="SQLite file that keeps feedback.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Take truths from a file, all of them or none; the same ones again change nothing.

    Exit status: 0 taken, 2 wrong call, 3 the file is refused.

    \b
    Examples:
      playbill feedback import arrivals.csv --log predictions --store feedback.db
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config.location import find_project
    from playbill.config.params import read_params
    from playbill.pipeline.feedback import take

    kept = take(read_params(find_project()), file, log, store)
    if as_json:
        print_json({"accepted": kept.accepted, "repeated": kept.repeated})
        return
    typer.echo(f"{kept.accepted:,} taken, {kept.repeated:,} known before: {store}")


@app.command()
def join(
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The labelled table, Parquet.")],
    log: Logs,
    store: Annotated[list[Path], typer.Option(help="File of feedback; may be given again.")],
    release: Annotated[
        list[str] | None, typer.Option(help="Batch that is believed whatever is found of it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Join predictions with what turned out to be true: rows as in data/prepared/train.parquet.

    Every batch (a source's month, or a file) is in quarantine until it keeps the contract and
    agrees with the others: evaluation.feedback. OUT has the rows of those that do.

    Exit status: 0 all are believed, 1 a batch is held back, 2 wrong call, 3 failed.

    \b
    Examples:
      playbill feedback join labelled.parquet --log predictions --store feedback.db
      playbill feedback join labelled.parquet --log predictions --store a.db --store b.db --json
      playbill feedback join labelled.parquet --log predictions --store a.db --release "a 2026-01"
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from dataclasses import asdict

    from playbill.cli.output import print_json
    from playbill.config.location import find_project
    from playbill.config.params import read_params
    from playbill.errors import UsageError
    from playbill.pipeline.labelling import join as joined

    if target.suffix != ".parquet":
        raise UsageError(f"{target} is of no known kind", where="OUT", expected=".parquet")
    found = joined(read_params(find_project()), log, store, release or ())
    if len(found.table):
        target.parent.mkdir(parents=True, exist_ok=True)
        found.table.to_parquet(target, index=False)
    held = any(not one.believed for one in found.batches.values())
    if as_json:
        batches = {name: asdict(one) for name, one in found.batches.items()}
        print_json({
            "rows": len(found.table), "held": found.held, "unknown": found.unknown,
            "contradicting": found.contradicting, "left_out": found.left_out, "batches": batches,
        })  # fmt: skip
    else:
        for name, one in found.batches.items():
            state = "believed" if one.believed else f"held back: {one.reason}"
            typer.echo(f"{name:<30} {one.rows:>8,} rows  {state}")
        where = f": {target}" if len(found.table) else "; nothing was written"
        typer.echo(
            f"{len(found.table):,} labelled rows, {found.held:,} held back, "
            f"{found.unknown:,} unknown, {found.contradicting:,} contradicting{where}"
        )
        if found.left_out:
            typer.echo(f"not in the log, so not in the table: {', '.join(found.left_out)}")
    if held:
        raise typer.Exit(1)
