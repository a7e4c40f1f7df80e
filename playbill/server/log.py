"""The prediction log: append-only segments of JSON Lines, one writer a worker.

A record is written with one system call before its answer goes out, so that what was answered is
in the file (a killed process loses nothing that the operating system has), or else is counted as
lost: the server goes on when a disk is full. A line that a dying machine tore is cut off at the
next start; a segment that another writer still holds is left alone.
"""

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playbill.server import journal
from playbill.server.identifier import identifier_text
from playbill.server.journal import FIELDS
from playbill.server.measure import Board, Family
from playbill.server.settings import Log

PATTERN = "predictions-*.jsonl"
TICK = 1.0  # seconds between two looks of the thread that syncs and uploads
PATIENCE = 30.0  # seconds before a failed upload is tried again
_BLOCK = 65_536

FAMILIES = (
    Family("playbill_log_records_total", "Predictions that were written to the log."),
    Family("playbill_log_lost_total", "Predictions that were answered and could not be logged."),
    Family("playbill_log_bytes_total", "Bytes written to the log."),
    Family("playbill_log_segments_total", "Segments by what became of them.",
           labels=("what",), values=(("started", "repaired", "uploaded", "failed"),)),
    Family("playbill_log_failing", "1 while the log cannot be written.", "gauge", merge="max"),
    Family("playbill_log_lag_seconds", "Age of the oldest record that is not yet kept for good.",
           "gauge", merge="max"),
)  # fmt: skip


class PredictionLog:
    """Writes the segments of one worker.

    Args:
        settings: Folder, target, sizes.
        board: Counts what was written and lost.
        slot: Number of the worker.
    """

    def __init__(self, settings: Log, board: Board, slot: int = 0) -> None:
        assert settings.folder is not None
        self._settings = settings
        self._folder = settings.folder
        self._board = board
        self._slot = slot
        self._places = {
            family.name: board.place(family.name) for family in FAMILIES if not family.labels
        }
        self._lock = threading.Lock()
        self._descriptor = -1
        self._path = self._folder
        self._size = 0
        self._opened = 0.0
        self._unsynced: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="prediction-log", daemon=True)
        self.failing = False

    def start(self) -> None:
        """Repair what an earlier run left, and start the thread that syncs and uploads.

        Raises:
            OSError: The folder cannot be made.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._folder.glob(PATTERN)):
            if repair(path):
                self._count("repaired")
        self._thread.start()

    def write(self, content: bytes, records: int) -> None:
        """Write whole lines; what cannot be written is counted, never raised."""
        with self._lock:
            try:
                self._prepare(len(content))
                done = os.write(self._descriptor, content)
                if done != len(content):
                    raise OSError(errno.ENOSPC, "short write")  # noqa: TRY301 - as the next would
                if self._settings.fsync == "always":
                    os.fsync(self._descriptor)
            except OSError as error:
                self._lose(records, error)
                return
            self._size += done
            self._add("playbill_log_records_total", records)
            self._add("playbill_log_bytes_total", done)
            if self._unsynced is None and self._settings.fsync != "always":
                self._unsynced = time.time()
            if self.failing:
                self._fail(failing=False)

    def stop(self) -> None:
        """Finish the segment, and upload it if that is asked."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)

    def _prepare(self, length: int) -> None:
        """Open a segment if there is none, the present one is full, or it is old."""
        now = time.time()
        full = self._size and self._size + length > self._settings.segment_bytes
        old = self._size and now - self._opened > self._settings.segment_seconds
        if full or old:
            self._finish()
        if self._descriptor < 0:
            name = f"predictions-{self._slot:03d}-{identifier_text()}.jsonl"
            self._path = self._folder / name
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(self._path, flags, 0o640)
            _hold(self._descriptor)
            self._size, self._opened = 0, now
            self._count("started")

    def _finish(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        self._size = 0
        if descriptor < 0:
            return
        try:
            if self._settings.fsync != "never":
                os.fsync(descriptor)
            self._unsynced = None
        finally:
            os.close(descriptor)

    def _lose(self, records: int, error: OSError) -> None:
        if not self.failing:  # once, not for each record
            code = errno.errorcode.get(error.errno or 0, "unknown")
            journal.server.error("predictions cannot be logged", extra={FIELDS: {"code": code}})
        self._add("playbill_log_lost_total", records)
        self._fail(failing=True)
        if self._descriptor < 0:
            return
        try:
            os.ftruncate(self._descriptor, self._size)  # no half line stays
        except OSError:
            with contextlib.suppress(OSError):
                self._finish()

    def _fail(self, *, failing: bool) -> None:
        self.failing = failing
        self._board.set(self._places["playbill_log_failing"], float(failing))

    def _add(self, name: str, value: float) -> None:
        self._board.add(self._places[name], value)

    def _count(self, what: str) -> None:
        self._board.add(self._board.place("playbill_log_segments_total", what))

    def _keep(self) -> None:
        """Sync, upload, and say how far behind both are; ends after a last round."""
        send = uploader(self._settings.target) if self._settings.target else None
        pause = 0.0
        while True:
            last = self._stopping.wait(TICK)
            with contextlib.suppress(OSError):
                self._sync(last=last)
            if send is not None and (last or time.monotonic() >= pause):
                pause = 0.0 if self._upload(send) else time.monotonic() + PATIENCE
            self._board.set(self._places["playbill_log_lag_seconds"], self._lag())
            if last:
                return

    def _sync(self, *, last: bool) -> None:
        with self._lock:
            if last or (self._size and time.time() - self._opened > self._settings.segment_seconds):
                self._finish()
                return
            if self._settings.fsync != "interval" or self._unsynced is None:
                return
            copy = os.dup(self._descriptor)
            self._unsynced = None
        try:
            os.fsync(copy)  # outside the lock: nobody's answer waits for the disk
        finally:
            os.close(copy)

    def _upload(self, send: Callable[[Path], None]) -> bool:
        """Move finished segments; say whether all went."""
        for path in self._finished():
            try:
                send(path)
                path.unlink()
            except Exception:  # noqa: BLE001 - whatever storage raises, the segment stays and is tried again
                self._count("failed")
                return False
            self._count("uploaded")
        return True

    def _finished(self) -> list[Path]:
        """Return this worker's segments that nobody writes any more."""
        found = sorted(self._folder.glob(f"predictions-{self._slot:03d}-*.jsonl"))
        return [path for path in found if path != self._path or self._descriptor < 0]

    def _lag(self) -> float:
        oldest = self._unsynced
        if self._settings.target:
            waiting = self._finished()
            with contextlib.suppress(OSError):
                if waiting:
                    oldest = min(oldest or time.time(), waiting[0].stat().st_mtime)
        return max(0.0, time.time() - oldest) if oldest else 0.0


def uploader(target: str) -> Callable[[Path], None]:
    """Return what copies a segment to object storage; fsspec is imported here alone."""
    found: dict[str, Any] = {}

    def send(path: Path) -> None:
        if not found:
            from fsspec.core import url_to_fs

            found["system"], found["root"] = url_to_fs(target)
        found["system"].makedirs(found["root"], exist_ok=True)
        found["system"].put_file(str(path), f"{found['root'].rstrip('/')}/{path.name}")

    return send


def repair(path: Path) -> bool:
    """Cut a torn last line off a segment that nobody holds; say whether there was one."""
    try:
        with path.open("r+b") as file:
            if not _hold(file.fileno()):
                return False
            end = file.seek(0, os.SEEK_END)
            keep = _last_line_end(file, end)
            if keep == end:
                return False
            file.truncate(keep)
            return True
    except OSError:
        return False


def _last_line_end(file: Any, end: int) -> int:
    place = end
    while place > 0:
        start = max(0, place - _BLOCK)
        file.seek(start)
        found = file.read(place - start).rfind(b"\n")
        if found >= 0:
            return int(start + found + 1)
        place = start
    return 0


def _hold(descriptor: int) -> bool:
    """Take the lock of a segment without waiting; where there are no such locks, say yes."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
