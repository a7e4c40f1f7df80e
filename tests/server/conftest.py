from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Running, made, running, start_words, write


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle on disk, shared: no test may change it."""
    return write(made().files, tmp_path_factory.mktemp("served") / "bundle")


@pytest.fixture(scope="session")
def server(bundle: Path) -> Iterator[Running]:
    """A real server process; whatever the tests send, it must still be well at the end."""
    with running(start_words(bundle)) as started:
        yield started
        assert started.process.poll() is None
    assert started.process.returncode == 0
    assert not started.errors
