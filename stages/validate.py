"""Stage validate: the joined table must keep the contract; every broken check is reported."""

from pathlib import Path

from playbill.config.schema import Params
from playbill.contract.trial import validate


def run(params: Params, *, table: Path) -> dict[str, object]:
    """Return `valid`, the table as it came."""
    contract = params.contract
    personal = [name for name, column in contract.columns.items() if column.personal]
    return {
        "valid": validate(table, contract.schema_, name="the ingested table", personal=personal)
    }


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("validate", run)
