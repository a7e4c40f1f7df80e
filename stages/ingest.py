"""Stage ingest: the declared sources become snapshots, and the query joins them into one table."""

from functools import partial
from pathlib import Path

from playbill.config import place
from playbill.config.schema import Params
from playbill.config.scratch import fresh
from playbill.pipeline.screening import screen
from playbill.privacy.treatment import treat
from playbill.source.fetch import fetch
from playbill.source.join import join, rewrite


def run(params: Params) -> dict[str, object]:
    """Return `snapshots` (files under data/raw) and `table`, one row a case."""
    source, privacy = params.source, params.privacy
    known = params.environment.get("ingest")
    snapshots = [
        fetch(
            name,
            each,
            source.window,
            root=Path.cwd(),
            allow=params.allow,
            every=source.every,
            code=known.targets if known else None,
            screen=screen(privacy, name),
        )
        for name, each in source.sources.items()
    ]
    table = fresh(Path.cwd(), "table.parquet")
    join(source.query, {each.name: list(each.parquet.values()) for each in snapshots}, table)
    if privacy.columns:
        rewrite(table, partial(treat, privacy=privacy, secret=place.secret))
    return {
        "snapshots": {k: v for snapshot in snapshots for k, v in snapshot.files().items()},
        "table": table,
    }


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("ingest", run)
