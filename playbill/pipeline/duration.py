"""How long each stage took last time, noted beside DVC's own notes: never in an output, not in Git.

A duration in an output would make two equal runs differ.
"""

import contextlib
import json
import os
import tempfile
from pathlib import Path

_FILE = Path(".dvc", "tmp", "playbill", "seconds.json")


def read(root: Path) -> dict[str, float]:
    """Return the seconds of the last run of each stage in this clone; empty if none ran."""
    try:
        found = json.loads((root / _FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(k): float(v) for k, v in found.items() if isinstance(v, int | float)}


def note(root: Path, stage: str, seconds: float) -> None:
    """Keep how long a stage took; a project without a folder .dvc keeps nothing."""
    if not (root / _FILE.parts[0]).is_dir():
        return
    file = root / _FILE
    values = {**read(root), stage: round(seconds, 3)}
    with contextlib.suppress(OSError):  # a stage that is done does not fail over a note
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as new:
            json.dump(values, new, sort_keys=True)
        os.replace(new.name, file)  # noqa: PTH105 - atomic over an existing file
