"""What compose compared, sealed: while nothing moved since, a stage need not compare it again.

To tell which code a stage reaches takes the import graph of everything, the same one in every
stage. The seal covers what the answer depends on: params.yaml byte for byte, and of every source
file and installed distribution what a look at their folders tells (name, size, time), as Git's
index does.
Where it does not fit, because a file moved or nobody sealed here, the stage compares as ever.
"""

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

_FILE = Path(".dvc", "tmp", "playbill", "seal")
_FRAMEWORK = Path(__file__).resolve().parent.parent


def manifest(root: Path, packages: Sequence[str]) -> str:
    """Return the digest of what the folders say of all sources and installed distributions.

    Args:
        root: The project.
        packages: Its folders of Python.
    """
    folders = [_FRAMEWORK, *(root / package for package in packages)]
    lines = [sys.version, str(_FRAMEWORK)]
    lines += [line for folder in folders for line in sorted(_files(folder))]
    lines += [f"{place} {name}" for place in sys.path for name in _distributions(place)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def framework() -> str:
    """Return the digest of what the folders say of the framework's files."""
    return hashlib.sha256("\n".join(sorted(_files(_FRAMEWORK))).encode()).hexdigest()


def press(root: Path, seen: str, text: str) -> None:
    """Seal that params.yaml with this text says what a look at everything in `seen` found."""
    if (root / ".dvc").is_dir():
        (root / _FILE).parent.mkdir(parents=True, exist_ok=True)
        (root / _FILE).write_text(_seal(seen, text.encode()), "utf-8")


def fits(root: Path, packages: Sequence[str]) -> bool:
    """Say whether nothing moved since params.yaml was compiled here."""
    try:
        kept = (root / _FILE).read_text("utf-8")
        text = (root / "params.yaml").read_bytes().replace(b"\r\n", b"\n")
    except OSError:
        return False
    return kept == _seal(manifest(root, packages), text)


def _seal(seen: str, text: bytes) -> str:
    return hashlib.sha256(seen.encode() + text).hexdigest()


def _files(folder: Path) -> Iterator[str]:
    """Yield a line for each file below a folder; byte code is none of ours."""
    ahead = [str(folder)]
    while ahead:
        try:
            entries = list(os.scandir(ahead.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    ahead.append(entry.path)
            elif not entry.name.endswith(".pyc"):
                found = entry.stat()
                yield f"{entry.path} {found.st_size} {found.st_mtime_ns} {found.st_ino}"


def _distributions(place: str) -> list[str]:
    """Return the metadata folders in a folder of the path; their names tell the versions."""
    try:
        names = os.listdir(place or ".")  # noqa: PTH208 - a third of iterdir's time
    except OSError:
        return []
    return sorted(name for name in names if name.endswith(".dist-info"))
