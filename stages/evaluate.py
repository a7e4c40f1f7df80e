"""Stage evaluate: the Pipeline is tried on the hold-out, as a whole and slice by slice."""

from typing import TYPE_CHECKING, Any

from playbill.config.schema import Params
from playbill.contract.column import inputs
from playbill.contract.frame import as_model_frame
from playbill.evaluation.curves import curves
from playbill.evaluation.metrics import measure
from playbill.evaluation.slices import measure_slices
from playbill.model.estimator import predict

if TYPE_CHECKING:
    import pandas as pd


def run(params: Params, *, pipeline: Any, test: "pd.DataFrame") -> dict[str, object]:
    """Return `predictions`, `plots`, `metrics` and `slices` of the hold-out."""
    contract, config = params.contract, params.evaluation
    probability = predict(pipeline, as_model_frame(test, inputs(contract)))
    truth = test[contract.target].to_numpy(dtype="int64")
    named = [name for name in (contract.key, contract.role("time"), contract.target) if name]
    label = (probability >= config.threshold).astype("int64")
    return {
        "predictions": test[named].assign(probability=probability, prediction=label),
        "plots": curves(truth, probability, threshold=config.threshold, points=config.curve_points),
        "metrics": {"threshold": config.threshold, **measure(truth, probability, config.threshold)},
        "slices": measure_slices(
            test,
            truth,
            probability,
            columns=config.slices,
            threshold=config.threshold,
            minimum_rows=config.slice_rows,
        ),
    }


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("evaluate", run)
