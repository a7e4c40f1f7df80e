"""How far a search or an evaluation is, on standard error: a bar, or a line now and then."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

EVERY = 30.0  # seconds between two lines where there is no terminal


class Progress:
    """Counts fits and remembers the best so far.

    Args:
        bar: rich's Progress and its task; None where there is no terminal.
        what: What is being done.
        total: How many steps are expected.
        unit: What the steps are.
    """

    def __init__(self, bar: Any, what: str, total: int, unit: str = "fits") -> None:
        self._bar, self._what, self._total, self._unit = bar, what, total, unit
        self._task = None if bar is None else bar.add_task(what, total=total, best="")
        self._done, self._best = 0, ""
        self._next = time.monotonic() + EVERY

    def step(self, count: int = 1) -> None:
        """Count what was done."""
        self._done += count
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, best=self._best)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY
            print(self.line(), file=sys.stderr, flush=True)  # noqa: T201 - the stage's own report

    def best(self, text: str) -> None:
        """Remember what to show as the best so far, and show it."""
        self._best = text
        if self._bar is not None:
            self._bar.update(self._task, best=text)

    def line(self) -> str:
        """Return how far it is, as one line."""
        best = f", best so far {self._best}" if self._best else ""
        return f"{self._what}: {self._done} of {self._total} {self._unit}{best}"


@contextmanager
def progress(what: str, total: int, unit: str = "fits") -> Iterator[Progress]:
    """Show the progress of `total` steps; nothing is drawn into a file or a pipe."""
    if not sys.stderr.isatty():
        yield Progress(None, what, total, unit)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[best]}"),
    )  # fmt: skip
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield Progress(bar, what, total, unit)
