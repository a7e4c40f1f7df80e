"""The compose stage's edge: the folder it runs in and the way it fails."""

import time
from pathlib import Path

from playbill.config.compilation import compose_stage
from playbill.config.graph import COMPOSE
from playbill.errors import PlaybillError
from playbill.pipeline import duration
from playbill.pipeline.failure import leave


def main() -> None:
    """Compile conf/ in the current folder; a PlaybillError becomes its text and exit status."""
    root, begin = Path.cwd(), time.monotonic()
    try:
        compose_stage(root)
        duration.note(root, COMPOSE, time.monotonic() - begin)
    except PlaybillError as error:
        leave(error)
