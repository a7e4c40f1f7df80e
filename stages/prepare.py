"""Stage prepare: rows leave by rules that report themselves, and the rest is split."""

from typing import TYPE_CHECKING

from playbill.config.privacy import Privacy
from playbill.config.schema import Params
from playbill.contract.task import as_target, outcome
from playbill.privacy.anonymity import anonymity
from playbill.split.division import split
from playbill.split.rules import FORMAT_VERSION, apply_rules, describe

if TYPE_CHECKING:
    import pandas as pd


def run(params: Params, *, table: "pd.DataFrame") -> dict[str, object]:
    """Return `train`, `test` and the `report` of what was removed."""
    contract, config = params.contract, params.split
    key, target, time = contract.key, contract.target, contract.role("time")
    kept, rules = apply_rules(table, key=key, target=target, drop_duplicates=config.drop_duplicates)
    known = outcome(contract)
    kept = kept.assign(**{target: as_target(kept[target], known)})
    train, test = split(
        kept, config, key=key, target=target, time=time, group=contract.role("group")
    )
    report = {
        "format_version": FORMAT_VERSION,
        "rows": len(table),
        "rules": rules,
        "split": config.kind,
        "train": describe(train, target=target, time=time, task=known.task),
        "test": describe(test, target=target, time=time, task=known.task),
    }
    if params.privacy.quasi_identifiers:
        report["anonymity"] = _anonymity(kept, params.privacy)
    return {"train": train, "test": test, "report": report}


def _anonymity(kept: "pd.DataFrame", privacy: Privacy) -> dict[str, object]:
    import pyarrow as pa

    names = list(dict.fromkeys([*privacy.quasi_identifiers, *privacy.sensitive]))
    table = pa.Table.from_pandas(kept[names], preserve_index=False)
    return anonymity(table, privacy.quasi_identifiers, privacy.sensitive)


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("prepare", run)
