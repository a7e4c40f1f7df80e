"""Windows that DVC has and this clone's store has not: taken from there, not fetched again.

In a fresh clone the store is empty, but the last commit's `data/raw` is in DVC's cache or remote,
with the provenance that says which declaration its windows have.
"""

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

from playbill.source.store import Store, is_refreshed

LOCK = Path("dvc.lock")
COMMIT = "HEAD"
STAGE = "ingest"


def seed(root: Path, name: str, store: Store, digest: str) -> int:
    """Fill the empty store of a source from what DVC has; return how many windows it gave.

    Args:
        root: The project.
        name: The source.
        store: Its store, by the declaration.
        digest: The digest of its declaration: windows of another are not taken.
    """
    if store.folder.exists() or is_refreshed(root, name) or not (root / LOCK).is_file():
        return 0
    # By name: a stage whose code reaches all of the lineage would run again for each edit of it.
    kept = importlib.import_module("playbill.lineage.store")
    try:
        held = [out for out in kept.outputs(root, COMMIT).values() if out.stage == STAGE]
        (folder,) = (out.path for out in held if out.is_folder)
        said = json.loads(kept.obtain(root, f"{folder}/{name}.json", COMMIT).read_text("utf-8"))
        if said.get("declaration") != digest:
            return 0
        for window in said["snapshots"]:
            _take(kept, root, f"{folder}/{window['file']}", store, window)
    except Exception:  # noqa: BLE001 - whatever keeps DVC from giving it, the source still can
        return 0
    return len(said["snapshots"])


def _take(kept: Any, root: Path, path: str, store: Store, window: dict[str, Any]) -> None:
    """Put one window into the store; its writer is left open, so that it is written again."""
    import pyarrow.parquet as pq

    place = ("start", "end", "file")
    at = f"{window['start']}_{window['end']}" if "start" in window else "whole"

    def land(target: Path) -> dict[str, Any]:
        facts = {key: value for key, value in window.items() if key not in place}
        if not window["rows"]:
            return {**facts, "columns": []}
        shutil.copyfile(kept.obtain(root, path, COMMIT), target)
        return {**facts, "columns": list(pq.read_schema(target).names)}

    store.put(at, land)
