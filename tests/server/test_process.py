import os
import signal
import subprocess
import sys
import threading
import venv
from pathlib import Path

import httpx
import pytest

from playbill.errors import UsageError
from playbill.server.command import check_host
from tests.serving import made, row, running, start_words, write

# What the framework needs and a server must not; pyarrow is only there for pandas' files.
ABSENT = ("dvc", "hydra", "omegaconf", "pandera", "typer", "rich", "grimp", "duckdb", "gto",
          "pyarrow", "yaml", "jinja2", "ruamel")  # fmt: skip
BLOCKER = """
import runpy, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
sys.argv = {argv!r}
runpy.run_path({folder!r}, run_name="__main__")
"""


def start(bundle: Path, *more: str) -> subprocess.CompletedProcess[str]:
    words = [*start_words(bundle), *more]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def test_a_bundle_starts_where_the_framework_s_packages_are_absent(bundle: Path) -> None:
    folder = str(bundle / "server")
    code = BLOCKER.format(absent=ABSENT, argv=[folder, "--port", "0"], folder=folder)
    with running([sys.executable, "-c", code]) as server:
        assert httpx.post(f"{server.url}/predict", json=row()).status_code == 200


def test_the_code_that_runs_is_the_bundle_s_own(tmp_path: Path) -> None:
    from playbill.bundle import manifest

    files = {name: c for name, c in made().files.items() if name != manifest.NAME}
    name = "server/playbill/server/application.py"
    files[name] = files[name].replace(b'status="ok"', b'status="mine"')
    files[manifest.NAME] = manifest.render(manifest.describe("visits", "numpy", files))
    with running(start_words(write(files, tmp_path / "bundle"))) as server:
        assert httpx.get(f"{server.url}/healthz").json() == {"status": "mine"}


def test_serving_leaves_the_bundle_as_it_was(tmp_path: Path) -> None:
    bundle = write(made().files, tmp_path / "bundle")
    with running(start_words(bundle)) as server:
        httpx.post(f"{server.url}/predict", json=row())
    found = {p.relative_to(bundle).as_posix() for p in bundle.rglob("*") if p.is_file()}
    assert found == set(made().files)


def test_a_changed_byte_keeps_the_server_from_starting(tmp_path: Path) -> None:
    bundle = write(made().files, tmp_path / "bundle")
    path = bundle / "model" / "scorer.safetensors"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    done = start(bundle)
    assert done.returncode == 3
    assert "PB500 the bundle is refused: `model/scorer.safetensors` was changed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_it_refuses_to_listen_where_others_could_connect(host: str) -> None:
    with pytest.raises(UsageError, match="does not authenticate"):
        check_host(host)


def test_the_refusal_to_listen_comes_with_its_exit_status(bundle: Path) -> None:
    done = start(bundle, "--host", "0.0.0.0")
    assert done.returncode == 2
    assert "expected: a loopback address" in done.stderr


def test_a_port_in_use_is_a_clear_error(bundle: Path) -> None:
    with running(start_words(bundle)) as server:
        done = start(bundle, "--port", server.url.rsplit(":", 1)[1])
    assert done.returncode == 2
    assert "cannot listen on 127.0.0.1" in done.stderr


def test_a_server_of_another_contract_refuses_the_model(tmp_path: Path) -> None:
    from playbill.bundle import manifest

    files = {name: c for name, c in made().files.items() if name != manifest.NAME}
    files["server/schemas.py"] = files["server/schemas.py"].replace(
        b"    age: int", b"    years: int"
    )
    files[manifest.NAME] = manifest.render(manifest.describe("visits", "numpy", files))
    done = start(write(files, tmp_path / "bundle"))
    assert done.returncode == 3
    assert "different contracts" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGTERM that can be handled")
def test_sigterm_finishes_the_requests_under_way(bundle: Path) -> None:
    with running(start_words(bundle)) as server:
        statuses: list[int] = []

        def ask() -> None:
            body = {"rows": [row()] * 100}
            statuses.append(httpx.post(f"{server.url}/predict/batch", json=body).status_code)

        askers = [threading.Thread(target=ask) for _ in range(8)]
        for asker in askers:
            asker.start()
        while not statuses:
            pass
        server.process.send_signal(signal.SIGTERM)
        for asker in askers:
            asker.join(30)
        assert server.process.wait(30) == 0
    assert set(statuses) <= {200}
    assert not server.errors


@pytest.mark.pipeline
def test_a_bundle_starts_in_an_environment_of_its_requirements_alone(
    bundle: Path, tmp_path: Path
) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=True, symlinks=os.name == "posix")
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    pins = str(bundle / "requirements.txt")
    install = [str(python), "-m", "pip", "install", "-q", "--no-compile", "-r", pins]
    subprocess.run(install, check=True, timeout=500, capture_output=True)
    with running([str(python), *start_words(bundle)[1:]]) as server:
        assert httpx.post(f"{server.url}/predict", json=row()).status_code == 200
