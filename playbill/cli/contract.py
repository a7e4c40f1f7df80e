"""`playbill contract`: a first contract for data that has none, and what a change of one means."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Write a first contract for data, or say what a change of the contract means.",
    epilog="Example: playbill contract diff main",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def infer(
    data: Annotated[Path, typer.Argument(help="A Parquet or CSV file, of any size.")],
    key: Annotated[
        str | None, typer.Option(help="Column that identifies a row.", show_default=False)
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="Column with the time of a row.", show_default=False)
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Column to predict.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write to this file, which must be new.", show_default=False),
    ] = None,
) -> None:
    """Write a contract that the data keep, for people to review.

    Types, ranges, categories, missing values and uniqueness as seen; key, time and personal data
    as guessed, each marked as a guess.

    \b
    Examples:
      playbill contract infer data/ingested/table.parquet --target late
      playbill contract infer rows.csv --target churned --out conf/contract/churn.yaml
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.contract.inference import as_yaml
    from playbill.contract.inference import infer as look
    from playbill.errors import UsageError

    if out is not None and out.exists():
        raise UsageError(
            f"{out.as_posix()} is there already", where="--out", expected="the name of a new file"
        )
    text = as_yaml(look(data, key=key, time=time, target=target))
    if out is None:
        typer.echo(text, nl=False)
        return
    out.write_text(text, "utf-8", newline="\n")
    typer.echo(f"wrote {out.as_posix()}; review every line, then `playbill check`")


@app.command()
def diff(
    ref: Annotated[str, typer.Argument(metavar="REV", help="The revision to compare with.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    markdown: Annotated[
        Path | None,
        typer.Option(help="Write Markdown to this file; `-` prints it.", show_default=False),
    ] = None,
) -> None:
    """Say what the contract's changes since a revision mean, for data and for the server's clients.

    Compatible: whatever was fine still is. Breaking: some of it may be refused; exit status 1.

    \b
    Examples:
      playbill contract diff main
      playbill contract diff v1.2.0 --json
      playbill contract diff origin/main --markdown contract.md
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config.composition import compose
    from playbill.config.location import find_project
    from playbill.contract import difference
    from playbill.lineage import git, revision

    root = find_project()
    before = revision.params(root, git.resolve(root, ref))
    found = difference.difference(before, compose(root).values)
    if markdown is not None and str(markdown) != "-":
        markdown.write_text(difference.as_markdown(found, ref), "utf-8", newline="\n")
    if as_json:
        print_json(found.as_dict())
    elif markdown is None:
        typer.echo(difference.as_text(found, ref), nl=False)
    elif str(markdown) == "-":
        typer.echo(difference.as_markdown(found, ref), nl=False)
    raise typer.Exit(1 if found.is_breaking else 0)
