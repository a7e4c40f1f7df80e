"""A challenger that answers what was asked, unseen: it reads the prediction log and has its own.

It is a process beside the server with the lowest priority and shares nothing with it, so no request
waits for it. What it cannot keep up with is dropped and counted.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playbill.bundle.runtime.base import Runtime, open_bundle
from playbill.errors import DataError

PATTERN = "predictions-*.jsonl"
MOST_BEHIND = 8 * 1024 * 1024  # bytes of one segment; what is older is dropped
AT_ONCE = 256  # rows
TICK = 0.2  # seconds between two looks at the log
LOWEST = 19


@dataclass
class Counted:
    """What became of the records: scored, dropped because too many waited, or without a column."""

    scored: int = 0
    dropped: int = 0
    unscorable: int = 0


@dataclass
class Challenger:
    """A model with what its records say of it."""

    runtime: Runtime
    columns: Sequence[str]
    classes: Sequence[str]
    facts: Mapping[str, Any]
    is_first_positive: bool

    def answer(self, score: Any) -> dict[str, Any]:
        """Return an answer as the server words it."""
        if not self.classes:
            return {"value": score}
        if isinstance(score, list):
            return {"probabilities": dict(zip(self.classes, score, strict=True))}
        both = (score, 1 - score) if self.is_first_positive else (1 - score, score)
        return {"probability": score, "probabilities": dict(zip(self.classes, both, strict=True))}


def open_challenger(bundle: Path, version: str | None) -> Challenger:
    """Verify a bundle and open its model.

    Raises:
        BundleError: It is refused.
    """
    listed, files, runtime = open_bundle(bundle)
    contract = json.loads(files["contract.json"])
    classes = [str(each) for each in contract.get("classes") or ()]
    positive = contract.get("positive")
    facts = {
        "model": listed.name, "model_version": version, "model_digest": listed.model_digest,
    }  # fmt: skip
    columns = [str(each["name"]) for each in contract["inputs"]]
    first = len(classes) == 2 and str(positive) == classes[0]  # noqa: PLR2004 - two classes
    return Challenger(runtime, columns, classes, facts, first)


@dataclass
class Shadow:
    """Follows a prediction log and scores what it holds.

    Attributes:
        challenger: The model.
        log: Folder of the server's segments.
        out: The segment that it writes, named as the server's are.
        counted: What became of the records.
    """

    challenger: Challenger
    log: Path
    out: Path
    counted: Counted = field(default_factory=Counted)
    _places: dict[Path, int] = field(default_factory=dict)

    def begin_at_the_end(self) -> None:
        """Leave alone what is in the log already."""
        for path in self._segments():
            with suppress(OSError):
                self._places[path] = path.stat().st_size

    def look(self) -> int:
        """Score what is new, and return how many records that were."""
        before = self.counted.scored
        for path in self._segments():
            self._read(path)
        return self.counted.scored - before

    def follow(self, goes_on: Callable[[], bool]) -> None:
        """Look again and again, with the lowest priority."""
        if hasattr(os, "nice"):
            os.nice(LOWEST)
        while goes_on():
            if not self.look():
                time.sleep(TICK)

    def _segments(self) -> list[Path]:
        if not self.log.is_dir():
            raise DataError("there is no such folder", where=str(self.log))
        return sorted(self.log.glob(PATTERN))

    def _read(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                place = self._places.get(path, 0)
                file.seek(place)
                if size - place > MOST_BEHIND:
                    place = self._drop(file, size)
                whole, end, _ = file.read(size - place).rpartition(b"\n")
        except OSError:  # moved to object storage meanwhile
            return
        self._places[path] = place + len(whole) + len(end)
        lines = whole.split(b"\n") if end else []
        for start in range(0, len(lines), AT_ONCE):
            self._score(list(self._parsed(lines[start : start + AT_ONCE])))

    def _drop(self, file: Any, size: int) -> int:
        """Pass over what is too old; return where the rest begins."""
        skipped = file.read(size - MOST_BEHIND - file.tell())
        rest = file.readline()
        self.counted.dropped += skipped.count(b"\n") + bool(rest)
        return int(file.tell())

    def _parsed(self, lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                self.counted.unscorable += 1
                continue
            if record.get("model_digest") == self.challenger.facts["model_digest"]:
                continue  # its own answer, as a canary
            if set(self.challenger.columns) <= record["row"].keys():
                yield record
            else:  # a personal column is not logged
                self.counted.unscorable += 1

    def _score(self, records: Sequence[dict[str, Any]]) -> None:
        if not records:
            return
        names = self.challenger.columns
        columns = {name: [one["row"][name] for one in records] for name in names}
        try:
            scores = self.challenger.runtime.predict(columns).tolist()
        except DataError:
            self.counted.unscorable += len(records)
            return
        lines = [
            json.dumps({
                "prediction_id": one["prediction_id"], **self.challenger.answer(score),
                "time": one["time"], **self.challenger.facts, "beside": one["model_digest"],
            })
            for one, score in zip(records, scores, strict=True)
        ]  # fmt: skip
        self._write("\n".join(lines) + "\n")
        self.counted.scored += len(records)

    def _write(self, text: str) -> None:
        self.out.parent.mkdir(parents=True, exist_ok=True)
        with self.out.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
