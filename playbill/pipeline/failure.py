"""How a stage ends when it cannot go on: a text that a person can act on, and an exit status."""

import sys
from typing import NoReturn

from playbill.errors import PlaybillError


def leave(error: PlaybillError, *hints: str) -> NoReturn:
    """Print `error` and `hints` to standard error and exit with the error's status."""
    sys.stdout.flush()
    print(f"playbill: {error}", *hints, sep="\n", file=sys.stderr)  # noqa: T201 - the stage's edge
    raise SystemExit(error.exit_status)
