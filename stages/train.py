"""Stage train: `feature` and `model` make one Pipeline, fitted on the prepared rows."""

from typing import TYPE_CHECKING

from playbill.config.schema import Params
from playbill.contract.column import inputs
from playbill.contract.frame import as_model_frame
from playbill.contract.task import outcome
from playbill.feature.transform import build_transformer
from playbill.model.estimator import build_pipeline, fit
from playbill.model.seen import seen

if TYPE_CHECKING:
    import pandas as pd


def run(params: Params, *, train: "pd.DataFrame") -> dict[str, object]:
    """Return `pipeline`, the fitted Pipeline, `training` and the keys of the rows it has `seen`."""
    contract = params.contract
    transformer = build_transformer(params.feature, params.allow)
    pipeline = build_pipeline(transformer, params.model, params.allow, task=contract.task)
    rows = as_model_frame(train, inputs(contract))
    return {
        "pipeline": fit(pipeline, rows, train[contract.target]),
        "training": {"format_version": 1, "task": outcome(contract).task, "threshold": None},
        "seen": seen(train[contract.key]),
    }


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("train", run)
