"""`playbill ingest`: brings the sources in through DVC, and can forget what was stored of them."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playbill.config.nearest import nearest
from playbill.config.params import read_params
from playbill.errors import StageError, UsageError
from playbill.pipeline.runner import find
from playbill.source import store

STAGE = "ingest"


@dataclass(frozen=True)
class Brought:
    """What one source holds after an ingest: its rows, its windows, and what changed.

    Attributes:
        source: Its name.
        kind: Its kind.
        rows: Its rows.
        windows: Its snapshots.
        changed: Files of it whose rows are others than before.
    """

    source: str
    kind: str
    rows: int
    windows: int
    changed: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def ingest(root: Path, *, refresh: bool = False, sources: Sequence[str] = ()) -> list[Brought]:
    """Run the stage `ingest` under DVC and return what each source holds then.

    Args:
        root: The project.
        refresh: Fetch every window again, for the world has changed and the declaration has not.
        sources: With `refresh`: the sources that are fetched again; none: all.

    Raises:
        UsageError: There is no such source, or sources are named without `refresh`.
        StageError: DVC failed; it has said why.
    """
    params = read_params(root)
    known = list(params.source.sources)
    for name in sources:
        if name not in known:
            raise UsageError(
                f"there is no source `{name}`",
                where="params.yaml source.sources",
                expected=nearest(name, known),
            )
    if sources and not refresh:
        raise UsageError(
            "--source belongs to --refresh", run="playbill ingest --refresh --source …"
        )
    folder = root / find(params, STAGE).outputs["snapshots"]
    before = {name: _digests(folder, name) for name in known}
    if refresh:
        for name in sources or known:
            store.forget(root, name)
    words = ["--force", "--single-item"] if refresh else []
    command = [sys.executable, "-m", "dvc", "repro", *words, STAGE]
    if subprocess.run(command, cwd=root, stdout=sys.stderr, check=False).returncode:  # noqa: S603
        raise StageError(
            "the sources could not be brought in",
            where=f"dvc repro {STAGE}, whose words stand above",
            run="the same command again: windows that had come in whole are kept",
        )
    return [_brought(folder, name, before[name]) for name in known]


def _brought(folder: Path, name: str, before: dict[str, str]) -> Brought:
    said = json.loads((folder / f"{name}.json").read_text("utf-8"))
    now = _digests(folder, name)
    changed = tuple(file for file, digest in now.items() if before.get(file) != digest)
    return Brought(name, said["kind"], said["rows"], len(said["snapshots"]), changed)


def _digests(folder: Path, name: str) -> dict[str, str]:
    """Return the digest of each snapshot of a source as its provenance has it."""
    try:
        said = json.loads((folder / f"{name}.json").read_text("utf-8"))
        return {each["file"]: each["sha256"] for each in said["snapshots"]}
    except (OSError, ValueError, KeyError):
        return {}
