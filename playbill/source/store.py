"""The windows that were fetched before, outside of DVC's outputs: a window comes back from here.

Under .dvc/tmp, by source and by the digest of its declaration. A window appears whole: its facts
are written after its rows. An output that DVC keeps holds the declared windows alone; so it is the
same whether they were fetched now or years ago, together or one by one.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(".dvc", "tmp", "playbill", "windows")
REFRESHED = ".refreshed"
# Raised when a reader makes other rows of the same answer: what was stored is then fetched again.
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Stored:
    """One window of a source: its rows as Parquet (None: it has none) and what is known of them."""

    file: Path | None
    facts: dict[str, Any]


@dataclass(frozen=True)
class Store:
    """The stored windows of one source as it is declared now.

    Attributes:
        folder: Where they lie.
        keeps: False for a source whose windows are never taken from here.
    """

    folder: Path
    keeps: bool = True

    def find(self, name: str) -> Stored | None:
        """Return the window of that name, if it is here whole."""
        try:
            facts = json.loads((self.folder / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        file = self.folder / f"{name}.parquet"
        if not facts["rows"]:
            return Stored(None, facts)
        return Stored(file, facts) if file.is_file() else None

    def put(self, name: str, land: Callable[[Path], dict[str, Any]]) -> Stored:
        """Write a window: `land` writes its rows to the path that it is given and returns facts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".part-") as folder:
            fresh = Path(folder, "rows.parquet")
            facts = land(fresh)
            beside = Path(folder, "facts.json")
            beside.write_text(json.dumps(facts, sort_keys=True), "utf-8")
            file = self.folder / f"{name}.parquet"
            sidecar = self.folder / f"{name}.json"
            sidecar.unlink(missing_ok=True)  # never facts of other rows
            if fresh.is_file():
                os.replace(fresh, file)  # noqa: PTH105 - atomic over an existing file
            os.replace(beside, sidecar)  # noqa: PTH105
        return Stored(file if facts["rows"] else None, facts)


def declaration(source: Mapping[str, Any], code: Mapping[str, str]) -> str:
    """Return the digest of what decides a source's rows, the window left out.

    Args:
        source: Its config.
        code: Digests of the project's code that it calls, and of local files that it reads.
    """
    plain = {key: value for key, value in source.items() if key != "look_back"}
    text = json.dumps([FORMAT_VERSION, plain, dict(code)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def open_store(root: Path, name: str, digest: str) -> Store:
    """Return the store of a source; a project without .dvc has one that lasts for this process."""
    base = root if (root / ".dvc").is_dir() else _scratch()
    return Store(base / FOLDER / name / digest[:32])


def forget(root: Path, name: str) -> int:
    """Remove every stored window of a source and return how many there were."""
    folder = root / FOLDER / name
    count = len(list(folder.rglob("*.json")))
    if folder.is_dir():
        gone = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".gone-"))
        folder.rename(gone / name)  # at once: an interruption leaves no half of it
        shutil.rmtree(gone)
    folder.mkdir(parents=True)
    (folder / REFRESHED).touch()
    return count


def is_refreshed(root: Path, name: str) -> bool:
    """Say whether a source was told to be fetched again: what DVC has of it is then old."""
    return (root / FOLDER / name / REFRESHED).exists()


def _scratch() -> Path:
    import atexit

    folder = tempfile.mkdtemp(prefix="playbill-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
