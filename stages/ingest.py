"""Stage ingest: the declared sources become snapshots, and the query joins them into one table."""

from pathlib import Path
from typing import TYPE_CHECKING

from playbill.config import place
from playbill.config.digest import short_digest
from playbill.config.privacy import Privacy
from playbill.config.schema import Params
from playbill.privacy.suppression import Suppression
from playbill.privacy.treatment import treat
from playbill.source.fetch import Screen, fetch
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
            screen=screen(params.privacy, name),
        )
        for name, each in source.sources.items()
    ]
    table = join(source.query, {snapshot.name: snapshot.table() for snapshot in snapshots})
    return {
        "snapshots": {k: v for snapshot in snapshots for k, v in snapshot.files().items()},
        "table": _treated(table, params.privacy) if params.privacy.columns else table,
    }


def screen(privacy: Privacy, name: str) -> Screen | None:
    """Return what keeps those who were erased out of a source; None if it can hold nobody."""
    if not privacy.erased or name not in privacy.subjects or privacy.erased_secret is None:
        return None
    key = place.secret(privacy.erased_secret).encode()
    known = Suppression(privacy.subjects[name], frozenset(privacy.erased), key)
    return Screen(known.keep, short_digest(sorted(privacy.erased)))


def _treated(table: "pd.DataFrame", privacy: Privacy) -> "pd.DataFrame":
    import pyarrow as pa

    whole = treat(pa.Table.from_pandas(table, preserve_index=False), privacy, place.secret)
    return plain(whole.to_pandas())


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("ingest", run)
