"""Stage evaluate: the Pipeline is tried on the hold-out, as a whole and slice by slice."""

from functools import partial
from typing import TYPE_CHECKING, Any

from playbill.config.schema import Params
from playbill.contract.column import inputs
from playbill.contract.frame import as_model_frame
from playbill.evaluation import curves
from playbill.evaluation.assessment import assess, make_plan
from playbill.evaluation.metrics import measure
from playbill.evaluation.outcome import Outcome
from playbill.evaluation.slices import measure_slices
from playbill.model.estimator import predict

if TYPE_CHECKING:
    import pandas as pd


def run(params: Params, *, pipeline: Any, test: "pd.DataFrame") -> dict[str, object]:
    """Return `predictions`, `plots`, `metrics`, `slices` and the `report` of the hold-out."""
    contract, config = params.contract, params.evaluation
    rows = as_model_frame(test, inputs(contract))
    scores = predict(pipeline, rows)
    truth = test[contract.target].to_numpy(dtype="int64")
    outcome = Outcome("binary", truth, scores, ("0", "1"), config.threshold)
    plan = make_plan(test, contract, config)
    report = assess(test, rows, outcome, plan, config, partial(predict, pipeline))
    named = [name for name in (contract.key, contract.role("time"), contract.target) if name]
    return {
        "predictions": test[named].assign(probability=scores, prediction=outcome.labels()),
        "plots": curves.curves(outcome, points=config.curve_points)
        | curves.importance(report["importance"]),
        "metrics": {"format_version": 2, "threshold": config.threshold, **measure(outcome)},
        "slices": measure_slices(
            test, outcome, columns=config.slices, minimum_rows=config.slice_rows
        ),
        "report": report,
    }


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("evaluate", run)
