"""`playbill withdraw`: nobody serves this version any more."""

from typing import TYPE_CHECKING, Annotated

import typer

from playbill.cli.location import Env
from playbill.cli.option import AsJson, Push, Reason

if TYPE_CHECKING:
    from playbill.lineage.rollback import Decided


def withdraw(
    version: Annotated[str, typer.Argument(help="flights@v1.2.0, v1.2.0, or flights#prod.")],
    *,
    reason: Reason,
    push: Push = False,
    env: Env = None,
    as_json: AsJson = False,
) -> None:
    """Take a version back for good: it leaves its stages, and `serve` refuses it from then on.

    A stage that it was in is empty afterwards; no older version steps in by itself.

    Exit status: 0 it is withdrawn, 2 wrong call, 3 there is no such version.

    \b
    Examples:
      playbill withdraw flights@v1.2.0 --reason "trained on rows that a person had erased"
      playbill withdraw flights#prod --reason "a leak" --push
    """  # noqa: D301 - \b keeps Click from wrapping the lines
    from playbill.cli.decision import carry_out
    from playbill.lineage import rollback as reversal

    carry_out(
        lambda root: reversal.withdraw(root, version, reason),
        _words,
        env=env,
        push=push,
        as_json=as_json,
    )


def _words(done: "Decided") -> list[str]:
    lines = zip(done.emptied, done.next, strict=True)
    emptied = [f"stage {stage} is empty; next: {line}" for stage, line in lines]
    return [f"{done.artifact} {done.version} is withdrawn: {', '.join(done.tags)}", *emptied]
