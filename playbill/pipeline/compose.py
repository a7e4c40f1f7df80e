"""The compose stage's edge: the folder it runs in and the way it fails."""

from pathlib import Path

from playbill.config.compilation import compose_stage
from playbill.errors import PlaybillError
from playbill.pipeline.failure import leave


def main() -> None:
    """Compile conf/ in the current folder; a PlaybillError becomes its text and exit status."""
    try:
        compose_stage(Path.cwd())
    except PlaybillError as error:
        leave(error)
