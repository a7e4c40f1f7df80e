"""podman for tests: its own storage and settings, so that nothing of the machine is touched."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

BASE = "localhost/playbill-base:latest"
SUITE = "bookworm"  # whose Python is 3.11, for which the wheels are fetched
NEEDED = ("podman", "runc", "debootstrap")
# Root in a container itself may not raise limits, and crun wants another kind of cgroups.
CONF = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{folder}/tmp"
"""
STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""


@dataclass(frozen=True)
class Podman:
    """podman with its own folder."""

    folder: Path

    def __call__(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run podman."""
        environment = {
            **os.environ,
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
        }
        done = subprocess.run(
            ["podman", *words], env=environment, text=True, capture_output=True, check=False,
            timeout=900,
        )  # fmt: skip
        if check and done.returncode:
            pytest.fail(f"podman {' '.join(words)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done

    def size(self, image: str) -> int:
        """Return the bytes of an image."""
        return int(self("image", "inspect", image, "--format", "{{.Size}}").stdout)


def require(*programs: str) -> None:
    """Skip where a program is missing that .ci/run installs, or where nobody is root."""
    missing = [name for name in programs if shutil.which(name, path=_path()) is None]
    if missing:
        pytest.skip(f"{missing[0]} is not installed; .ci/run installs it")
    if os.getuid() != 0:
        pytest.skip("a base image can be made by root alone")


@contextmanager
def podman(folder: Path) -> Iterator[Podman]:
    """Give podman with a minimal Debian as the only image, and remove all of it afterwards."""
    require(*NEEDED)
    (folder / "containers.conf").write_text(CONF.format(folder=folder))
    (folder / "storage.conf").write_text(STORAGE.format(folder=folder))
    call = Podman(folder)
    try:
        call("import", str(_base(folder)), BASE)
        # Some kernels and sandboxes let nobody start a container or publish its port.
        tried = call("run", "--rm", "--publish", "127.0.0.1::8000", BASE, "true", check=False)
        if tried.returncode:
            pytest.skip(f"no container can be run here: {tried.stderr[-300:]}")
        yield call
    finally:
        call("rm", "--all", "--force", "--time", "0", check=False)
        call("system", "reset", "--force", check=False)


def _base(folder: Path) -> Path:
    """Return a tar file of a Debian with Python, in the place of python:3.11-slim."""
    root, archive = folder / "base", folder / "base.tar"
    include = "python3,python3-venv"
    words = ["debootstrap", "--variant=minbase", f"--include={include}", SUITE, str(root)]
    done = subprocess.run(
        words, env={**os.environ, "PATH": _path()}, text=True, capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no base image can be made here: {done.stdout[-300:]}{done.stderr[-300:]}")
    for each in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"):
        shutil.rmtree(root / each, ignore_errors=True)
    subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
    shutil.rmtree(root)
    return archive


def _path() -> str:
    return os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])


def wheels(requirements: Path, folder: Path) -> Path:
    """Fetch the wheels of pinned requirements for the base's Python."""
    words: Sequence[str] = [
        "pip", "download", "-q", "-r", str(requirements), "-d", str(folder),
        "--python-version", "3.11", "--only-binary=:all:",
    ]  # fmt: skip
    subprocess.run(words, check=True, timeout=600)
    return folder
