import os
import signal
import ssl
import subprocess
import sys
import threading
import venv
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

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


def certificate(folder: Path) -> tuple[Path, Path]:
    """Return a certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "playbill test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = Encoding.PEM
    secret = key.private_bytes(pem, PrivateFormat.PKCS8, NoEncryption())
    paths = folder / "certificate.pem", folder / "key.pem"
    for path, content in zip(paths, (made.public_bytes(pem), secret), strict=True):
        path.write_bytes(content)
    return paths


def test_with_a_certificate_it_answers_over_tls_alone(bundle: Path, tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    words = [*start_words(bundle), "--tls-certificate", str(chain), "--tls-key", str(key)]
    trusted = ssl.create_default_context(cafile=str(chain))
    with running(words, trusted=trusted) as server:
        assert server.client.post("/predict", json=row()).status_code == 200
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{server.url}/healthz")
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{server.url.replace('https', 'http')}/healthz")


def test_a_certificate_without_its_key_is_a_clear_error(bundle: Path, tmp_path: Path) -> None:
    done = start(bundle, "--tls-certificate", str(certificate(tmp_path)[0]))
    assert done.returncode == 2
    assert "TLS needs a certificate and its key" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGTERM that can be handled")
def test_sigterm_finishes_the_requests_under_way(bundle: Path) -> None:
    with running(start_words(bundle)) as server:
        statuses: list[int] = []
        connected = threading.Barrier(9)

        def ask() -> None:
            with httpx.Client(base_url=server.url, timeout=30) as client:
                client.get("/healthz")
                connected.wait(30)
                body = {"rows": [row()] * 100}
                statuses.append(client.post("/predict/batch", json=body).status_code)

        askers = [threading.Thread(target=ask) for _ in range(8)]
        for asker in askers:
            asker.start()
        connected.wait(30)
        server.process.send_signal(signal.SIGTERM)
        for asker in askers:
            asker.join(30)
        assert server.process.wait(30) == 0
    assert statuses == [200] * 8
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
