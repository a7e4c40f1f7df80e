"""How a stage ends when it cannot go on: a text that a person can act on, and an exit status."""

import sys
from pathlib import Path
from typing import NoReturn

from playbill.config import place
from playbill.errors import PlaybillError


def leave(error: PlaybillError, *hints: str) -> NoReturn:
    """Print `error` and `hints` to standard error and exit with the error's status."""
    sys.stdout.flush()
    tell(f"playbill: {error}", *hints)
    raise SystemExit(error.exit_status)


def tell(*lines: str) -> None:
    """Print to standard error, with no secret: what a source raised may quote its password."""
    text = place.hidden("\n".join(lines), Path.cwd())
    print(text, file=sys.stderr)  # noqa: T201 - the stage's edge
