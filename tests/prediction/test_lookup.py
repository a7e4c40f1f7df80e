"""Looking predictions up in object storage: what is found, and how little of a segment is read."""

import json
from collections.abc import Iterator
from typing import Any

import fsspec
import pytest

from playbill.prediction.lookup import locate

BEGUN = 1_790_000_000_000


def identifier(moment: int, number: int = 0) -> str:
    """Return a UUIDv7 of a moment in milliseconds."""
    text = f"{moment:012x}"
    return f"{text[:8]}-{text[8:]}-7000-8000-{number:012x}"


@pytest.fixture
def segment() -> Iterator[str]:
    """A segment of an hour in object storage, a record a second; its name is returned."""
    system = fsspec.filesystem("memory")
    name = f"/log/predictions-000-{identifier(BEGUN)}.jsonl"
    lines = [
        json.dumps({"prediction_id": identifier(BEGUN + n * 1000), "n": n, "fill": "x" * 1000},
                   separators=(",", ":"))
        for n in range(3600)
    ]  # fmt: skip
    with system.open(name, "wb") as file:
        file.write(("\n".join(lines) + "\n").encode())
    yield name
    system.rm("/log", recursive=True)


@pytest.mark.parametrize("count", [1, 50])
def test_a_segment_in_object_storage_is_read_no_further_than_it_must(
    segment: str, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    system = fsspec.filesystem("memory")
    read = [0]
    opened = type(system).open

    def counting(self: Any, path: str, mode: str = "rb", **more: Any) -> Any:
        file = opened(self, path, mode, **more)

        class Counted:
            def __enter__(self) -> Any:
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def __iter__(self) -> Any:
                for line in file:
                    read[0] += len(line)
                    yield line

        return Counted()

    monkeypatch.setattr(type(system), "open", counting)
    wanted = [identifier(BEGUN + n * 1000) for n in range(100, 100 + count)]
    found = locate(wanted, ["memory://log"])
    assert [found[name]["n"] for name in wanted] == list(range(100, 100 + count))
    assert read[0] < 200 * 1100  # of 3.9 million bytes
    assert locate([identifier(BEGUN + 200_500, 7)], ["memory://log"]) == {}
    assert read[0] < 600 * 1100  # one that is not there: a minute beyond its time


def test_a_line_that_is_still_being_written_is_none(segment: str) -> None:
    last = identifier(BEGUN + 3_600_000)
    system = fsspec.filesystem("memory")
    with system.open(segment, "ab") as file:
        file.write(json.dumps({"prediction_id": last}, separators=(",", ":")).encode())
    assert locate([last], ["memory://log"]) == {}
