"""A server that misbehaves as a test says, and a project that names secrets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.source.worlds import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """A real HTTP server on loopback."""
    found = Server()
    yield found
    found.stop()


@pytest.fixture
def secretive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose place names two secrets."""
    (tmp_path / "conf" / "env").mkdir(parents=True)
    (tmp_path / "conf" / "env" / "local.yaml").write_text("secrets: [API_TOKEN, API_USER]\n")
    monkeypatch.setenv("API_TOKEN", "s3cr3t-t0ken")
    monkeypatch.setenv("API_USER", "ann")
    return tmp_path
