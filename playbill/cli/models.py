"""`playbill models`: the registry, as the Git tags have it."""

from typing import Annotated

import typer

METRICS = ("roc_auc", "f1", "accuracy", "brier", "rmse", "mae", "r2")  # as far as there is room


def models(
    everything: Annotated[bool, typer.Option("--all", help="List withdrawn versions too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the registered versions: model, version, stages, commit, date and metrics.

    All of it is read from Git tags, so a clone is enough; `git fetch --tags` brings in new ones.

    \b
    Examples:
      playbill models
      playbill models --json
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import print_json
    from playbill.config.location import find_project
    from playbill.evaluation.table import grid
    from playbill.lineage import listing

    entries = listing.models(find_project(), withdrawn=everything)
    if as_json:
        print_json({"format_version": 1, "models": entries})
        return
    if not entries:
        typer.echo("no model is registered yet; next: playbill promote HEAD --stage prod")
        return
    metrics = [n for n in METRICS if any(n in one["metrics"] for one in entries)]
    rows = [
        [
            one["model"],
            one["version"],
            "withdrawn" if one["withdrawn"] else ", ".join(one["stages"]) or "-",
            one["commit"][:7],
            one["date"][:16].replace("T", " "),
            *(_number(one["metrics"].get(name)) for name in metrics),
        ]
        for one in entries
    ]
    typer.echo(grid(["model", "version", "stage", "commit", "date", *metrics], rows))


def _number(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, int | float) else "-"
