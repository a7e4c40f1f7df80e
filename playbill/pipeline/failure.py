"""How a stage ends when it cannot go on: a text that a person can act on, and an exit status."""

import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from playbill.config import place
from playbill.config.schema import Params
from playbill.errors import PlaybillError

_KEY = re.compile(r"[a-z][\w-]*(?:\.[\w-]+)*")


def leave(error: PlaybillError, *hints: str) -> NoReturn:
    """Print `error` and `hints` to standard error and exit with the error's status."""
    sys.stdout.flush()
    tell(f"playbill: {error}", *hints)
    raise SystemExit(error.exit_status)


def tell(*lines: str) -> None:
    """Print to standard error, with no secret: what a source raised may quote its password."""
    text = place.hidden("\n".join(lines), Path.cwd())
    print(text, file=sys.stderr)  # noqa: T201 - the stage's edge


def placed(error: PlaybillError, root: Path) -> PlaybillError:
    """Return an error about a key of conf/ with the file and the line that set it.

    A stage knows keys alone: it reads params.yaml. Only here, where one has failed, is conf/
    composed to look for the line.
    """
    found = _KEY.match(error.where)
    key = tuple(found.group().split(".")) if found else ("",)
    if key[0] in Params.model_fields:
        from playbill.config.blame import place as line
        from playbill.config.composition import compose

        with suppress(PlaybillError):  # conf/ was broken since: the key alone must do
            error.where = line(compose(root), key) + error.where.removeprefix(".".join(key))
            error.run = error.run or "mend the line, or the data, then `dvc repro`"
    return error
