"""`playbill contract`: a first contract for data that has none, and what a change of one means."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from playbill.privacy.scan import Found

app = typer.Typer(
    help="A first contract for data, what a change of one means, and what it misses.",
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


@app.command()
def scan(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="A Parquet or CSV file; default: data/ingested/table.parquet.", show_default=False
        ),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Look for personal data in text columns that nobody called personal.

    E-mail addresses, telephone numbers, IBANs, payment cards and network addresses, inside of
    longer texts too; and columns of free text, in which anything may stand. Names are not found.

    Exit status: 0 nothing was missed, 1 a column is not tagged, 2 wrong call, 3 failed.

    \b
    Examples:
      playbill contract scan
      playbill contract scan customers.csv --json
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.cli.progress import bar
    from playbill.config.location import find_project
    from playbill.config.params import read_params
    from playbill.errors import ConfigError
    from playbill.privacy.scan import scan as look

    known: set[str] = set()
    try:
        root = find_project()
        params = read_params(root)
        known = {n for n, c in params.contract.columns.items() if c.personal}
        known |= set(params.privacy.columns)
    except ConfigError:
        if data is None:
            raise
    with bar("columns") as progress:
        found = look(data or root / "data/ingested/table.parquet", known, progress)
    missed = [one for one in found if one.is_missed]
    if as_json:
        print_json([one.as_dict() for one in found])
    else:
        for one in found:
            typer.echo(_line(one))
        typer.echo(
            f"{len(missed)} of {len(found)} text columns hold what nobody called personal"
            + ("; next: privacy.columns, or `personal: true` in contract.columns" if missed else "")
        )
    raise typer.Exit(1 if missed else 0)


def _line(one: "Found") -> str:
    what = [f"{kind} in {share:.1%} of {one.values:,}" for kind, share in one.kinds.items()]
    what += ["free text"] if one.is_free_text else []
    said = "; ".join(what) or "nothing found"
    return f"{one.column}: {said}" + (" (personal, as said)" if one.personal else "")
