"""`playbill models`: the registry, as the Git tags have it."""

from typing import Annotated, Any

import typer

from playbill.cli.option import AsJson

METRICS = ("roc_auc", "f1", "accuracy", "brier", "rmse", "mae", "r2")  # as far as there is room


def models(
    everything: Annotated[bool, typer.Option("--all", help="List withdrawn versions too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the registered versions: model, version, stages, commit, date and metrics.

    All of it is read from Git tags, so a clone is enough; `git fetch --tags` brings in new ones.
    A stage whose tag does not hold is marked: nobody is served from it.

    \b
    Examples:
      playbill models
      playbill models --json
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.output import note_shallow, print_json
    from playbill.config.location import find_project
    from playbill.evaluation.table import grid
    from playbill.lineage import listing

    root = find_project()
    entries = listing.models(root, withdrawn=everything)
    if as_json:
        print_json({"format_version": 1, "models": entries})
        return
    if not entries:
        typer.echo("no model is registered yet; next: playbill promote HEAD --stage prod")
        note_shallow(root)
        return
    metrics = [n for n in METRICS if any(n in one["metrics"] for one in entries)]
    rows = [
        [
            one["model"],
            one["version"],
            "withdrawn" if one["withdrawn"] else _stages(one),
            one["commit"][:7],
            one["date"][:16].replace("T", " "),
            *(_number(one["metrics"].get(name)) for name in metrics),
        ]
        for one in entries
    ]
    typer.echo(grid(["model", "version", "stage", "commit", "date", *metrics], rows))
    note_shallow(root)
    for one in entries:
        for stage, why in one["not_believed"].items():
            typer.echo(
                f"note: nobody is served {one['model']}#{stage}, whose tag does not hold: {why}"
            )


def _stages(one: dict[str, Any]) -> str:
    """Return the stages of a version, those marked of which the tag does not hold."""
    return (
        ", ".join(
            f"{stage} (NOT BELIEVED)" if stage in one["not_believed"] else stage
            for stage in one["stages"]
        )
        or "-"
    )


def _number(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, int | float) else "-"
