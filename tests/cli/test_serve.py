import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import Run
from tests.serving import made, row, running, write


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write(made().files, tmp_path / "bundle")


def test_serve_verifies_then_becomes_the_bundle_s_own_server(bundle: Path) -> None:
    words = [sys.executable, "-m", "playbill", "serve", "--bundle", str(bundle), "--port", "0"]
    with running(words, cwd=bundle.parent) as server:
        answer = httpx.post(f"{server.url}/predict", json=row())
        assert answer.status_code == 200
    assert server.process.returncode == 0
    assert "files verified" in server.errors[0]


def test_serve_refuses_a_changed_bundle(bundle: Path, run: Run) -> None:
    path = bundle / "server" / "app.py"
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    done = run("playbill", "serve", "--bundle", str(bundle), cwd=bundle.parent, check=False)
    assert done.returncode == 3
    assert "`server/app.py` was changed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--bundle", "bundle", "--host", "0.0.0.0"], "does not authenticate"),
        (["v1", "--bundle", "bundle"], "a folder and a revision were named"),
        ([], "this is not a Playbill project"),
    ],
)
def test_serve_names_what_was_called_wrongly(
    bundle: Path, run: Run, words: list[str], message: str
) -> None:
    done = run("playbill", "serve", *words, cwd=bundle.parent, check=False)
    assert done.returncode == 2
    assert message in done.stderr
