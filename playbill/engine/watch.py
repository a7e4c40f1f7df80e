"""How far long work is: what computes says so, whoever has a terminal shows it.

A computation never knows whether somebody looks, and nothing that it returns depends on it.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Tell = Callable[[str, int, int], None]
PATIENCE = 1.0  # seconds before a bar appears: what is over sooner needs none


def _nobody(what: str, done: int, total: int) -> None:
    del what, done, total


_TELL: ContextVar[Tell] = ContextVar("tell", default=_nobody)


def tell(what: str, done: int, total: int) -> None:
    """Say that `done` of `total` steps of some work are done."""
    _TELL.get()(what, done, total)


@contextmanager
def watched(patience: float = PATIENCE) -> Iterator[None]:
    """Show on a terminal's error output what is said inside; nothing in a file or a pipe.

    Args:
        patience: Seconds that may pass without a bar.
    """
    if not sys.stderr.isatty():
        yield
        return
    bar = _Bar(time.monotonic() + patience)
    token = _TELL.set(bar.show)
    try:
        yield
    finally:
        _TELL.reset(token)
        bar.close()


class _Bar:
    """A bar for each kind of work, drawn from some moment on."""

    def __init__(self, start: float) -> None:
        self._start = start
        self._progress: Any = None
        self._tasks: dict[str, Any] = {}

    def show(self, what: str, done: int, total: int) -> None:
        if self._progress is None:
            if time.monotonic() < self._start:
                return
            self._progress = _started()
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()


def _started() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
    )  # fmt: skip
    made = Progress(*columns, console=Console(stderr=True), transient=True)
    made.start()
    return made
