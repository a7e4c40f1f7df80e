"""Report: a metric."""

from typing import Any

from playbill.config.schema import Params


def run(params: Params, *, fitted: dict[str, Any]) -> dict[str, object]:
    """Return a number that depends on the seed."""
    return {"metrics": {"score": fitted["seed"] / 10, "threshold": params.evaluation.threshold}}


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("report", run)
