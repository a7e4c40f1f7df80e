"""One stage at a desk: existing inputs, a scratch folder for the outputs, a debugger on failure."""

import os
import shutil
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playbill.config import place
from playbill.config.schema import Params
from playbill.errors import PlaybillError, StageError
from playbill.pipeline.failure import tell
from playbill.pipeline.runner import find, load_function, run

SCRATCH = Path(".dvc", "tmp", "playbill", "run")


def run_stage(root: Path, name: str, params: Params, *, pdb: bool = False) -> Path:
    """Run a stage and return the folder that holds its outputs.

    Args:
        root: The project.
        name: The stage as dvc.yaml names it, `train` or `train-EWR`.
        params: The typed params.
        pdb: Open the debugger at the frame that raised.

    Raises:
        SystemExit: The stage's own code raised; the traceback is shown, without any secret.
    """
    stage = find(params, name).stage
    folder = _folder(root) / name
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    function = load_function(root, stage)
    with _inside(root):
        try:
            run(root, name, params, function, into=folder)
        except Exception as error:
            if isinstance(error, PlaybillError) and not pdb:
                raise
            tell(traceback.format_exc().rstrip(), f"playbill: stage {name} raised")
            if not pdb:
                raise SystemExit(StageError.exit_status) from None
            import pdb as debugger  # noqa: T100 - the option asks for it

            debugger.post_mortem(sys.exc_info()[2])
    return folder


def _folder(root: Path) -> Path:
    """Return a folder of our own: what stands in it is deleted by the next run."""
    scratch = place.current(root).scratch
    return root / scratch / "playbill-run" if scratch else root / SCRATCH


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Run with `folder` as the current one, as a stage does under DVC."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
