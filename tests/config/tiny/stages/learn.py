"""Learn: what the model's config says, written down."""

from typing import Any

from playbill.config.schema import Params


def run(params: Params, *, table: dict[str, Any]) -> dict[str, object]:
    """Return the config beside the number of rows."""
    return {"fitted": {"model": params.model, "seed": params.seed, "rows": len(table["rows"])}}


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("learn", run)
