"""Stage evaluate: the Pipeline is tried on the hold-out, as a whole and slice by slice."""

from functools import partial
from typing import TYPE_CHECKING, Any

from playbill.config.schema import Params
from playbill.contract.column import inputs
from playbill.contract.frame import as_model_frame
from playbill.contract.task import columns, outcome
from playbill.evaluation import curves
from playbill.evaluation.assessment import assess, make_plan
from playbill.evaluation.metrics import measure
from playbill.evaluation.scored import encode
from playbill.evaluation.slices import measure_slices
from playbill.model.estimator import predict

if TYPE_CHECKING:
    import pandas as pd

FORMAT_VERSION = 2  # of metrics.json; 1 had neither this nor `task`


def run(
    params: Params, *, pipeline: Any, test: "pd.DataFrame", training: dict[str, Any]
) -> dict[str, object]:
    """Return `predictions`, `plots`, `metrics`, `slices` and the `report` of the hold-out."""
    contract, config, asked = params.contract, params.evaluation, outcome(params.contract)
    model = partial(predict, pipeline, task=asked.task, classes=asked.classes)
    rows = as_model_frame(test, inputs(contract))
    answers = model(rows)
    tuned = training["threshold"]
    threshold = config.threshold if tuned is None else tuned
    scored = encode(test[contract.target], answers, asked.task, asked.classes, threshold)
    report = assess(test, rows, scored, make_plan(test, contract, config), config, model)
    named = [name for name in (contract.key, contract.role("time"), contract.target) if name]
    head: dict[str, object] = {"format_version": FORMAT_VERSION, "task": asked.task}
    if asked.task == "binary":
        head["threshold"] = threshold
    return {
        "predictions": test[named].assign(**columns(answers, asked, threshold)),
        "plots": curves.curves(scored, points=config.curve_points)
        | curves.importance(report["importance"]),
        "metrics": head | measure(scored),
        "slices": measure_slices(
            test, scored, columns=config.slices, minimum_rows=config.slice_rows
        ),
        "report": report,
    }


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("evaluate", run)
