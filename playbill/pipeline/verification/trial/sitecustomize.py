"""Holds still what a stage should not depend on; Python imports this by its name at start.

Only in the experiments of `playbill verify`, which put this folder on PYTHONPATH and say by
environment variables what to hold: the clock, the source of randomness, the number of processors.
It must run under any Python that a revision pins, so it needs nothing but the standard library.
"""

import atexit
import ctypes
import datetime as dt
import gc
import os
import random
import sys
import time
from typing import Any


def _hold_clock(now: float) -> None:
    """Let every clock of the wall say `now`; what measures durations goes on."""
    real = {name: getattr(time, name) for name in ("localtime", "gmtime", "strftime")}
    setattr(time, "time", lambda: now)  # noqa: B010 - a built-in is replaced on purpose
    setattr(time, "time_ns", lambda: int(now * 1e9))  # noqa: B010
    setattr(time, "localtime", lambda at=None: real["localtime"](now if at is None else at))  # noqa: B010
    setattr(time, "gmtime", lambda at=None: real["gmtime"](now if at is None else at))  # noqa: B010
    setattr(  # noqa: B010
        time, "strftime", lambda form, at=None: real["strftime"](form, at or real["localtime"](now))
    )
    # datetime asks the system itself. Its methods are replaced inside the type, not the type: other
    # libraries compare types by identity.
    try:
        inside: dict[str, Any] = gc.get_referents(dt.datetime.__dict__)[0]
    except (IndexError, TypeError):
        return  # a Python that keeps it elsewhere: the functions of `time` are held all the same
    inside["now"] = classmethod(lambda cls, tz=None: cls.fromtimestamp(now, tz))
    inside["utcnow"] = classmethod(lambda cls: cls.fromtimestamp(now, dt.UTC).replace(tzinfo=None))
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(dt.datetime))


def _hold_entropy(seed: int) -> None:
    """Let what the system calls random come from a seed, for Python and NumPy."""
    stream = random.Random(seed)  # noqa: S311 - not for secrets
    original = random.Random.seed

    def drawn(size: int) -> bytes:
        return stream.getrandbits(8 * size).to_bytes(size, "little") if size else b""

    def reseed(self: random.Random, a: Any = None, version: int = 2) -> None:
        original(self, stream.getrandbits(64) if a is None and self is not stream else a, version)

    setattr(os, "urandom", drawn)  # noqa: B010
    setattr(random, "_urandom", drawn)  # noqa: B010
    setattr(random.Random, "seed", reseed)  # noqa: B010
    random.seed(seed)


def _hold_processors(count: int) -> None:
    """Let the machine have `count` processors."""
    for name in ("cpu_count", "process_cpu_count"):
        if hasattr(os, name):
            setattr(os, name, lambda: count)
    if hasattr(os, "sched_getaffinity"):
        setattr(os, "sched_getaffinity", lambda _pid: set(range(count)))  # noqa: B010


def _hold_host(name: str) -> None:
    """Let the machine have a name."""
    if hasattr(os, "uname"):
        real = os.uname()
        fake = os.uname_result((real.sysname, name, real.release, real.version, real.machine))
        setattr(os, "uname", lambda: fake)  # noqa: B010 - a built-in is replaced on purpose
    try:
        import socket
    except ImportError:
        return
    setattr(socket, "gethostname", lambda: name)  # noqa: B010
    setattr(socket, "getfqdn", lambda host="": host or name)  # noqa: B010


def _leave_names(folder: str) -> None:
    """Write down which top-level modules each process imported, when it ends."""

    def write() -> None:
        names = sorted({name.partition(".")[0] for name in sys.modules})
        with open(f"{folder}/{os.getpid()}", "w", encoding="utf-8") as target:  # noqa: PTH123 - pathlib may be gone
            target.write("\n".join(names))

    atexit.register(write)


if _now := os.environ.get("PLAYBILL_TRIAL_CLOCK"):
    _hold_clock(float(_now))
if _seed := os.environ.get("PLAYBILL_TRIAL_ENTROPY"):
    _hold_entropy(int(_seed))
if _count := os.environ.get("PLAYBILL_TRIAL_PROCESSORS"):
    _hold_processors(int(_count))
if _host := os.environ.get("PLAYBILL_TRIAL_HOST"):
    _hold_host(_host)
if _folder := os.environ.get("PLAYBILL_TRIAL_MODULES"):
    _leave_names(_folder)
