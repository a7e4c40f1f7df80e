"""Stage evaluate: the Pipeline is tried on the hold-out, as a whole and slice by slice.

Here, where it is at hand, what is to be shipped is proven to answer as it does.
"""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from playbill.bundle.proven import prove
from playbill.bundle.served import contract_file, declared
from playbill.config.schema import Params
from playbill.contract.column import inputs
from playbill.contract.frame import as_model_frame
from playbill.contract.task import columns, outcome
from playbill.evaluation import curves
from playbill.evaluation.assessment import assess, make_plan, work
from playbill.evaluation.metrics import measure
from playbill.evaluation.scored import encode
from playbill.evaluation.slices import measure_slices
from playbill.model.estimator import predict
from playbill.training.progress import progress

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

FORMAT_VERSION = 2  # of metrics.json; 1 had neither this nor `task`


def run(
    params: Params, *, pipeline: Any, test: "pd.DataFrame", training: dict[str, Any]
) -> dict[str, object]:
    """Return what is measured on the hold-out, and the `runtime` that answers as the Pipeline."""
    contract, config, asked = params.contract, params.evaluation, outcome(params.contract)
    model = partial(predict, pipeline, task=asked.task, classes=asked.classes)
    rows = as_model_frame(test, inputs(contract))
    answers = model(rows)
    tuned = training["threshold"]
    threshold = config.threshold if tuned is None else tuned
    scored = encode(test[contract.target], answers, asked.task, asked.classes, threshold)
    plan = make_plan(test, contract, config)
    with progress("evaluation", work(plan, config, rows.shape[1]), "draws") as bar:
        report = assess(test, rows, scored, replace(plan, advance=bar.step), config, model)
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
        "runtime": _runtime(params, pipeline, test, answers, tuned),
    }


def _runtime(
    params: Params,
    pipeline: Any,
    test: "pd.DataFrame",
    answers: "NDArray[np.float64]",
    tuned: float | None,
) -> dict[str, bytes]:
    """Return the files of the first of `bundle.runtimes` that is equal, edge rows included."""
    from playbill.bundle.parity import Model

    served = declared(params, tuned)
    contract = contract_file(served)
    asked = (served.inputs, served.asked, served.threshold, contract, params.allow)
    return prove(params.bundle.runtimes, Model(pipeline, *asked), test, answers)


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("evaluate", run)
