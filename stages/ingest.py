"""Stage ingest: the declared sources become snapshots, and the query joins them into one table."""

from pathlib import Path
from typing import TYPE_CHECKING

from playbill.config import place
from playbill.config.privacy import Privacy
from playbill.config.schema import Params
from playbill.privacy.treatment import treat
from playbill.source.fetch import fetch
from playbill.source.join import join, plain

if TYPE_CHECKING:
    import pandas as pd


def run(params: Params) -> dict[str, object]:
    """Return `snapshots` (files under data/raw) and `table`, one row a case."""
    source = params.source
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
        )
        for name, each in source.sources.items()
    ]
    table = join(source.query, {snapshot.name: snapshot.table() for snapshot in snapshots})
    return {
        "snapshots": {k: v for snapshot in snapshots for k, v in snapshot.files().items()},
        "table": _treated(table, params.privacy) if params.privacy.columns else table,
    }


def _treated(table: "pd.DataFrame", privacy: Privacy) -> "pd.DataFrame":
    import pyarrow as pa

    whole = treat(pa.Table.from_pandas(table, preserve_index=False), privacy, place.secret)
    return plain(whole.to_pandas())


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("ingest", run)
