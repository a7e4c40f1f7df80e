"""Stage prepare: rows leave by rules that report themselves, and the rest is split."""

from functools import partial
from pathlib import Path

from playbill.config.schema import Params
from playbill.contract.task import as_target_column, outcome
from playbill.privacy.anonymity import anonymity
from playbill.split.base import Roles
from playbill.split.preparation import prepare


def run(params: Params, *, table: Path) -> dict[str, object]:
    """Return `train`, `test` and the `report` of what was removed."""
    contract, known, privacy = params.contract, outcome(params.contract), params.privacy
    made = prepare(
        table,
        params.split,
        Roles(contract.key, contract.target, contract.role("time"), contract.role("group")),
        task=known.task,
        as_target=partial(as_target_column, asked=known, name=contract.target),
        root=Path.cwd(),
    )
    report = made.report
    if names := privacy.quasi_identifiers:
        rows = made.kept_columns([*names, *privacy.sensitive])
        report = {**report, "anonymity": anonymity(rows, names, privacy.sensitive)}
    return {"train": made.train, "test": made.test, "report": report}


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("prepare", run)
