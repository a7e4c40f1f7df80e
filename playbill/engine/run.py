"""A run of the pipeline (the process that starts the stages), and where its preloading process is.

The folder of a run is `.dvc/tmp/playbill/engine/<process>-<when it started>`, so that two runs at
once have two of them and a process number that is used again finds nothing.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import socket

HOME = Path(".dvc", "tmp", "playbill", "engine")
SOCKET = "socket"
# Between DVC and a stage stands the shell that its command is given to.
SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish", "busybox"})


class Process(NamedTuple):
    """A running process: its number, name, parent, and when it started, in the system's words."""

    number: int
    name: str
    parent: int
    begun: str


def look(number: int) -> Process | None:
    """Return what the system says of a process; None if there is none, or it does not say."""
    stat = Path("/proc", str(number), "stat")
    try:
        if stat.parent.parent.joinpath("self").exists():
            text = stat.read_text("utf-8", "replace")
            name, fields = text[text.index("(") + 1 :].rpartition(")")[::2]
            words = fields.split()
            return None if words[0] in "ZX" else Process(number, name, int(words[1]), words[19])
        return _ask(number)
    except (OSError, ValueError, IndexError):
        return None


def _ask(number: int) -> Process | None:
    """Do the same by `ps`, where there is no /proc."""
    words = ["ps", "-o", "ppid=,lstart=,comm=", "-p", str(number)]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()  # noqa: S603
    if not said:
        return None
    return Process(number, Path(" ".join(said[6:])).name, int(said[0]), "".join(said[1:6]))


def folder() -> Path | None:
    """Return the folder of the run that this process is a stage of; None if it cannot be told."""
    found = look(os.getppid())
    while found is not None and found.number > 1 and found.name.lstrip("-") in SHELLS:
        found = look(found.parent)
    if found is None or found.number <= 1 or not Path(".dvc").is_dir():
        return None
    begun = "".join(character for character in found.begun if character.isalnum())
    return HOME / f"{found.number}-{begun}"


def claim(folder: Path) -> bool:
    """Make the folder of a run, for its user alone; False if another stage of the run did."""
    if folder.is_dir():
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    for old in folder.parent.iterdir():  # of a run whose preloading process was killed
        if look(int(old.name.partition("-")[0])) is None:
            shutil.rmtree(old, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return False
    return True


def begin(folder: Path) -> None:
    """Start the preloading process of a run.

    Its socket is there before it is: a stage that connects waits until the imports are done. It is
    in a process group of its own, so that Ctrl-C is not meant for it, but in the same session, so
    that what it forks can take a stage's place at the terminal.
    """
    import socket

    try:
        _spawn(folder, socket.socket(socket.AF_UNIX))
    except OSError:
        remove(folder)
        raise


def _spawn(folder: Path, listener: "socket.socket") -> None:
    with listener:
        listener.bind(str(folder / SOCKET))
        listener.listen()
        run = folder.name.partition("-")[0]
        words = [sys.executable, "-m", "playbill.engine.preloading", str(folder), run]
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [*words, str(listener.fileno())],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            pass_fds=[listener.fileno()], process_group=0,
        )  # fmt: skip
    process.returncode = 0  # it is not waited for: it ends with the run, not with this stage


def remove(folder: Path) -> None:
    """Remove the folder of a run."""
    with contextlib.suppress(OSError):
        (folder / SOCKET).unlink(missing_ok=True)
        folder.rmdir()
