"""What compose compared, sealed: while nothing moved since, a stage need not compare it again.

To tell which code a stage reaches takes the import graph of everything, the same one in every
stage. The seal covers what the answer depends on: params.yaml byte for byte, and of every source
file and installed distribution what a look at their folders tells (name, size, time), as Git's
index does.
Where it does not fit, because a file moved or nobody sealed here, the stage compares as ever.
Nothing is sealed over a file that was written a moment before: another writing in the same tick of
the clock would look the same.
"""

import hashlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_FILE = Path(".dvc", "tmp", "playbill", "seal")
_FRAMEWORK = Path(__file__).resolve().parent.parent
# How long, in ns, a file system may tell two moments by the same time: the tick of the system's
# clock, and where it counts whole seconds the two of FAT.
_TICK, _SECONDS = 50_000_000, 2_000_000_000


class Look(NamedTuple):
    """What the folders say of all sources and installed distributions.

    Attributes:
        digest: Its digest.
        settled: True if no file was touched so shortly before that an edit could be missed.
    """

    digest: str
    settled: bool


def look(root: Path, packages: Sequence[str]) -> Look:
    """Look at the folders.

    Args:
        root: The project.
        packages: Its folders of Python; of a folder's folder all of the upper one counts.
    """
    now = time.time_ns()
    mine = sorted({package.split("/")[0] for package in packages} - {_FRAMEWORK.name})
    files = [sorted(_files(folder)) for folder in (_FRAMEWORK, *(root / name for name in mine))]
    lines = [sys.version, str(_FRAMEWORK)]
    lines += [line for found in files for line, _ in found]
    lines += [f"{place} {name}" for place in sys.path for name in _distributions(place)]
    touched = max((when for found in files for _, when in found), default=0)
    tick = _TICK if touched % 1_000_000_000 else _SECONDS
    return Look(_digest(lines), touched + tick < now)


def framework() -> str:
    """Return the digest of what the folders say of the framework's files."""
    return _digest(sorted(line for line, _ in _files(_FRAMEWORK)))


def _digest(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def press(root: Path, seen: Look, text: str) -> None:
    """Seal that params.yaml with this text says what a look at everything in `seen` found."""
    if (root / ".dvc").is_dir() and seen.settled:
        (root / _FILE).parent.mkdir(parents=True, exist_ok=True)
        (root / _FILE).write_text(_seal(seen.digest, text.encode()), "utf-8")


def fits(root: Path, packages: Sequence[str]) -> bool:
    """Say whether nothing moved since params.yaml was compiled here."""
    try:
        kept = (root / _FILE).read_text("utf-8")
        text = (root / "params.yaml").read_bytes().replace(b"\r\n", b"\n")
    except OSError:
        return False
    return kept == _seal(look(root, packages).digest, text)


def _seal(seen: str, text: bytes) -> str:
    return hashlib.sha256(seen.encode() + text).hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield a line for each file below a folder and when it was touched; byte code is not ours."""
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
                when = found.st_mtime_ns, found.st_ctime_ns  # the second cannot be set back
                yield f"{entry.path} {found.st_size} {when} {found.st_ino}", max(when)


def _distributions(place: str) -> list[str]:
    """Return the metadata folders in a folder of the path; their names tell the versions."""
    try:
        names = os.listdir(place or ".")  # noqa: PTH208 - a third of iterdir's time
    except OSError:
        return []
    return sorted(name for name in names if name.endswith(".dist-info"))
