"""Stage evaluate: the Pipeline is tried on the hold-out, as a whole and slice by slice."""

from typing import TYPE_CHECKING, Any

from playbill.config.schema import Params
from playbill.contract.column import inputs
from playbill.contract.frame import as_model_frame
from playbill.contract.task import columns, outcome
from playbill.evaluation.curves import curves
from playbill.evaluation.metrics import measure
from playbill.evaluation.slices import measure_slices
from playbill.model.estimator import predict

if TYPE_CHECKING:
    import pandas as pd


def run(
    params: Params, *, pipeline: Any, test: "pd.DataFrame", training: dict[str, Any]
) -> dict[str, object]:
    """Return `predictions`, `plots`, `metrics` and `slices` of the hold-out."""
    contract, config, asked = params.contract, params.evaluation, outcome(params.contract)
    rows = as_model_frame(test, inputs(contract))
    answers = predict(pipeline, rows, task=asked.task, classes=asked.classes)
    tuned = training["threshold"]
    threshold = config.threshold if tuned is None else tuned
    named = [name for name in (contract.key, contract.role("time"), contract.target) if name]
    made: dict[str, object] = {
        "predictions": test[named].assign(**columns(answers, asked, threshold))
    }
    if asked.task != "binary":
        return {**made, "plots": {}, "metrics": {"rows": len(test)}, "slices": {}}
    truth = test[contract.target].to_numpy(dtype="int64")
    return {
        **made,
        "plots": curves(truth, answers, threshold=threshold, points=config.curve_points),
        "metrics": {"threshold": threshold, **measure(truth, answers, threshold)},
        "slices": measure_slices(
            test,
            truth,
            answers,
            columns=config.slices,
            threshold=threshold,
            minimum_rows=config.slice_rows,
        ),
    }


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("evaluate", run)
