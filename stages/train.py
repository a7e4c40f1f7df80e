"""Stage train: `feature` and `model` make one Pipeline, fitted on the prepared rows."""

from typing import TYPE_CHECKING

from playbill.config.schema import Params
from playbill.contract.column import inputs
from playbill.contract.frame import as_model_frame
from playbill.feature.transform import build_transformer
from playbill.model.estimator import build_pipeline, fit

if TYPE_CHECKING:
    import pandas as pd


def run(params: Params, *, train: "pd.DataFrame") -> dict[str, object]:
    """Return `pipeline`, the fitted Pipeline."""
    transformer = build_transformer(params.feature, params.allow)
    pipeline = build_pipeline(transformer, params.model, params.allow)
    rows = as_model_frame(train, inputs(params.contract))
    return {"pipeline": fit(pipeline, rows, train[params.contract.target])}


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("train", run)
