"""`playbill run`: one stage on its existing inputs, outputs into a scratch folder."""

from typing import Annotated

import typer

from playbill.cli.location import Env


def run(
    stage: Annotated[str, typer.Argument(help="Name of the stage, as train or train-EWR.")],
    pdb: Annotated[
        bool, typer.Option("--pdb", help="Stop in the debugger where the stage fails.")
    ] = False,
    env: Env = None,
) -> None:
    """Run one stage on its existing inputs; its outputs go to a scratch folder.

    Nothing of the pipeline's own outputs is touched. conf/ is composed as it stands now.

    \b
    Examples:
      playbill run train
      playbill run train --pdb
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.config import place
    from playbill.config.composition import compose
    from playbill.config.location import find_project
    from playbill.pipeline.scratch import run_stage

    place.choose(env)
    root = find_project()
    folder = run_stage(root, stage, compose(root).params, pdb=pdb)
    shown = folder.relative_to(root) if folder.is_relative_to(root) else folder
    typer.echo(f"{stage} is done; its outputs are under {shown.as_posix()}")
