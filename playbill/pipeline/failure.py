"""How a stage ends when it cannot go on: a text that a person can act on, and an exit status."""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from traceback import format_exception
from typing import NoReturn

from playbill.config import place
from playbill.config.schema import Params
from playbill.errors import FitError, PlaybillError

TRACEBACK = "PLAYBILL_TRACEBACK"  # set: what a library raised is shown whole
FOLDER = Path(".dvc", "tmp", "playbill", "traceback")
_KEY = re.compile(r"[a-z][\w-]*(?:\.[\w-]+)*")


def leave(error: PlaybillError, *hints: str) -> NoReturn:
    """Print `error` and `hints` to standard error and exit with the error's status."""
    sys.stdout.flush()
    tell(f"playbill: {error}", *hints)
    raise SystemExit(error.exit_status)


def traced(error: PlaybillError, root: Path, stage: str) -> list[str]:
    """Return lines that say where another library raised, or in which file that stands.

    With PLAYBILL_TRACEBACK=1 the traceback itself; else it is kept out of the way.
    """
    if not isinstance(error, FitError) or error.__cause__ is None:
        return []
    text = place.hidden("".join(format_exception(error.__cause__)).rstrip(), root)
    if os.environ.get(TRACEBACK):
        return [text]
    kept = FOLDER / f"{stage}.txt"
    try:
        (root / kept).parent.mkdir(parents=True, exist_ok=True)
        (root / kept).write_text(f"{text}\n", "utf-8")
    except OSError:
        return []
    return [f"  traceback: {kept.as_posix()}"]


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
