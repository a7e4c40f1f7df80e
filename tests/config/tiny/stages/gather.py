"""Gather: a table out of nothing."""

from playbill.config.schema import Params


def run(params: Params) -> dict[str, object]:
    """Return a table that says which window it is of."""
    return {"table": {"start": str(params.source.window.start), "rows": [1, 2, 3]}}


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("gather", run)
