"""A folder for tables that are being made, on the project's own disk; gone with the process."""

import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path

FOLDER = Path(".dvc", "tmp", "playbill", "work")
_FOLDERS: list[Path] = []


def fresh(root: Path, name: str) -> Path:
    """Return a path for a file called `name` that no one else writes to."""
    return Path(tempfile.mkdtemp(dir=_folder(root.resolve(), os.getpid()))) / name


def is_scratch(path: Path) -> bool:
    """Say whether `fresh` gave a path, so that the file may be moved away."""
    return any(path.is_relative_to(folder) for folder in _FOLDERS)


@functools.cache
def _folder(root: Path, process: int) -> Path:
    """Return the folder of a process: one that was forked has one of its own."""
    base = root / FOLDER if (root / ".dvc").is_dir() else None
    if base is not None:
        base.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=base, prefix=f"{process}-"))
    _FOLDERS.append(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
