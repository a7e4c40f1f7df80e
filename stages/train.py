"""Stage train: `feature` and `model` make one Pipeline, tried on folds and fitted on all rows."""

from pathlib import Path
from typing import TYPE_CHECKING

from playbill.config import place
from playbill.config.schema import Params
from playbill.model.seen import seen
from playbill.training.learning import learn
from playbill.training.search import Desk

if TYPE_CHECKING:
    import pandas as pd


def run(params: Params, *, train: "pd.DataFrame") -> dict[str, object]:
    """Return `pipeline`, `training` (its report), `trials` and the keys of the rows it has `seen`.

    How many fits run at once is the place's (`jobs` in conf/env): it decides nothing.
    """
    here = Path.cwd()
    versions = params.environment["train"].packages if "train" in params.environment else {}
    kept = here / ".dvc" / "tmp" / "playbill" / "tuning" if (here / ".dvc").is_dir() else None
    learned = learn(params, train, Desk(place.current(here).jobs, kept, str(versions)))
    return {
        "pipeline": learned.pipeline,
        "training": learned.report,
        "trials": learned.trials,
        "seen": seen(train[params.contract.key]),
    }


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("train", run)
