"""`playbill rollback`: a stage gets back a version that it had before."""

from typing import Annotated

import typer

from playbill.cli.location import Env
from playbill.cli.option import AsJson, Push, Reason


def rollback(
    *,
    reason: Reason,
    stage: Annotated[str, typer.Option(help="The stage.")] = "prod",
    to: Annotated[
        str | None,
        typer.Option(
            help="flights@v1.2.0, v1.2.0 or flights#prod#3; default: who was there before.",
            show_default=False,
        ),
    ] = None,
    push: Push = False,
    env: Env = None,
    as_json: AsJson = False,
) -> None:
    """Put a version back into a stage that it was in before, as a new tag.

    The gate is not asked: the version was let in before, and its tag still has to hold. A version
    that was withdrawn does not come back. A second rollback goes further back, to who was there
    before the version that the first one brought back; --to chooses.

    Exit status: 0 it is back, 2 wrong call, 3 there is nothing to go back to.

    \b
    Examples:
      playbill rollback --reason "errors at JFK since Tuesday"
      playbill rollback --to flights@v1.2.0 --reason "last one that knew EWR" --push
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.decision import carry_out
    from playbill.lineage import rollback as reversal

    carry_out(
        lambda root: reversal.rollback(root, stage, reason, to),
        lambda done: [f"{done.artifact} {done.version} is in stage {stage} again: {done.tags[0]}"],
        env=env,
        push=push,
        as_json=as_json,
    )
