"""`playbill label`: rows worth a label out to people, their labels in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from playbill.annotation.agreement import Agreement

app = typer.Typer(
    help="Choose predictions that people should label, and read what they said.",
    epilog="Example: playbill label choose --log predictions --out labels/2026-07",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def choose(
    log: Annotated[str, typer.Option(help="Folder or URL of the prediction log.")],
    out: Annotated[Path, typer.Option(help="Folder for tasks.json and interface.xml.")],
    ref: Annotated[
        str | None, typer.Option(help="Revision or version whose bundle is the reference.")
    ] = None,
    known: Annotated[
        list[Path] | None, typer.Option(help="CSV of earlier labels; may be given again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write tasks for Label Studio: some rows by chance, the drifted ones, the uncertain ones.

    How many of each, conf/annotation says. Personal inputs are left out.

    \b
    Examples:
      playbill label choose --log predictions --out labels/2026-07
      playbill label choose --log s3://bucket/predictions --out labels/2 --known labels/1.csv
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.bundle.manifest import load
    from playbill.cli.output import print_json
    from playbill.config.location import find_project
    from playbill.config.params import read_params
    from playbill.drift.reference import bundled_profile
    from playbill.lineage.bundle import locate
    from playbill.pipeline.annotating import ask

    root = find_project()
    bundle = locate(root, ref)
    _, files = load(bundle)
    threshold = _threshold(files["contract.json"])
    made = ask(read_params(root), log, out, bundled_profile(bundle), threshold, known or ())
    if as_json:
        print_json({
            "tasks": str(made.tasks), "interface": str(made.interface), "chosen": made.chosen,
            "rows": made.rows, "hidden": made.hidden,
        })  # fmt: skip
        return
    parts = ", ".join(f"{count} {why}" for why, count in made.chosen.items())
    typer.echo(f"{sum(made.chosen.values())} of {made.rows:,} rows: {parts}")
    if made.hidden:
        typer.echo(f"not shown, for they are personal: {', '.join(made.hidden)}")
    typer.echo(f"next: in Label Studio, Settings > Labeling Interface > Code: {made.interface}")
    typer.echo(f"      then Import: {made.tasks}; when done, Export > JSON, playbill label read")


@app.command()
def read(
    exports: Annotated[list[Path], typer.Argument(help="JSON or JSON_MIN exports.")],
    out: Annotated[Path, typer.Option(help="CSV of settled labels.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Settle what annotators said by the rule of conf/annotation, and tell how far they agree.

    Exit status: 0 every row is settled, 1 some are not, 2 wrong call, 3 failed.

    \b
    Examples:
      playbill label read export.json --out labels/2026-07.csv
      playbill feedback import labels/2026-07.csv --log predictions --store feedback.db
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from dataclasses import asdict

    from playbill.cli.output import print_json
    from playbill.config.location import find_project
    from playbill.config.params import read_params
    from playbill.pipeline.annotating import read as read_labels
    from playbill.pipeline.annotating import write

    found = read_labels(read_params(find_project()), exports)
    settled = found.settled
    write(out, settled)
    if as_json:
        print_json({
            "labels": found.labels, "settled": len(settled.truths), "disputed": settled.disputed,
            "few": settled.few, "agreement": asdict(found.agreement),
        })  # fmt: skip
    else:
        typer.echo(f"{len(settled.truths):,} rows settled of {found.labels:,} labels: {out}")
        for what, names in (("disputed", settled.disputed), ("too few labels", settled.few)):
            if names:
                more = f" and {len(names) - 3} more" if names[3:] else ""
                typer.echo(f"{len(names):,} {what}: {', '.join(names[:3])}{more}")
        typer.echo(_agreed(found.agreement))
    if settled.disputed or settled.few:
        raise typer.Exit(1)


def _agreed(found: "Agreement") -> str:
    if found.difference is not None:
        return f"two labels of a row differ by {found.difference:.3g} on average, {found.rows} rows"
    if found.method == "none":
        return f"no row was labelled by two of {found.annotators} annotators: agreement is unknown"
    value = "not defined, all labels are the same" if found.kappa is None else f"{found.kappa:.2f}"
    name = {"cohen": "Cohen's", "fleiss": "Fleiss'"}[found.method]
    return f"{name} kappa {value}, {found.annotators} annotators, {found.rows} rows"


def _threshold(contract: bytes) -> float:
    import json

    return float(json.loads(contract)["threshold"])
