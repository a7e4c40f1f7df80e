"""Stage validate: the joined table must keep the contract; every broken check is reported."""

import sys
from pathlib import Path

from playbill.config.schema import Params
from playbill.contract.judgement import judge
from playbill.source.window import pieces


def run(params: Params, *, table: Path) -> dict[str, object]:
    """Return `valid`, the rows that keep the contract, and `quarantine`: the others and why."""
    contract, window = params.contract, params.source.window
    volume = contract.statistics.volume
    parts = pieces(window, volume.every if volume else None)
    judged = judge(
        table,
        contract,
        name="the ingested table",
        root=Path.cwd(),
        pieces=[(part.start, part.end) for part in parts],
    )
    for line in judged.warnings:
        print(f"playbill: validate: {line}", file=sys.stderr)  # noqa: T201 - the stage's own report
    return {"valid": judged.valid, "quarantine": judged.aside}


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("validate", run)
