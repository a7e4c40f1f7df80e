"""Stage package: everything that ships becomes one folder, proven to answer as the Pipeline did."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.bundle import assembly, parity
from playbill.bundle.card import Facts, Rows, write_card
from playbill.bundle.fingerprint import frame_digest, plain_digest
from playbill.bundle.runtime.base import open_runtime
from playbill.config.schema import DECISIONS, Params
from playbill.contract.column import columns, inputs
from playbill.contract.task import answers_of, outcome, score
from playbill.drift.profile import build_profile
from playbill.server import application, command  # the code that ships is the code imported here

if TYPE_CHECKING:
    import pandas as pd

RUNTIME = "skops"
# What the model layer's lineage states; the stage depends on exactly these keys.
GROUPS = ("source", "contract", "split", "feature", "model", "evaluation", "seed")
STAGES = ("ingest", "validate", "prepare", "train", "evaluate")


def run(  # noqa: PLR0913 - one argument for each input that conf/pipeline declares
    params: Params,
    *,
    pipeline: Any,
    server: Path,
    train: "pd.DataFrame",
    test: "pd.DataFrame",
    predictions: "pd.DataFrame",
    metrics: dict[str, Any],
    report: dict[str, Any],
    training: dict[str, Any],
) -> dict[str, object]:
    """Return `bundle`, its files by relative path."""
    asked = inputs(params.contract)
    target = next(c for c in columns(params.contract) if c.name == params.contract.target)
    lineage = _lineage(params, {"train": train, "test": test})
    answers = answers_of(predictions, known := outcome(params.contract))
    tuned = training["threshold"]
    threshold = params.evaluation.threshold if tuned is None else tuned
    parts = assembly.Parts(
        name=params.name,
        pipeline=pipeline,
        key=params.contract.key,
        inputs=asked,
        target=target,
        threshold=threshold,
        profile=build_profile(
            train,
            asked,
            params.drift,
            scores=score(answers, known),
            time=params.contract.role("time"),
        ),
        metrics=metrics,
        lineage=lineage,
        card=write_card(
            Facts(
                name=params.name,
                target=target,
                inputs=asked,
                rows={
                    "train": _rows(params, train, lineage["data"]["train"]),
                    "test": _rows(params, test, lineage["data"]["test"]),
                },
                window=(str(params.source.window.start), str(params.source.window.end)),
                estimator=str(params.model["_target_"]),
                threshold=threshold if known.task == "binary" else None,
                report=report,
                said=params.evaluation.card,
            )
        ),
        asked=known,
    )
    model = assembly.model_layer(parts)
    runtime = open_runtime(RUNTIME, model)
    proof = parity.prove(runtime, test, asked, answers, threshold=threshold, asked=known)
    model["proof.json"] = assembly.to_json({"format_version": 1, "runtime": RUNTIME, **proof})
    texts = {path.name: path.read_bytes() for path in sorted(server.iterdir()) if path.is_file()}
    code = [application.__name__, command.__name__]
    return {"bundle": assembly.assemble(params.name, model, texts, code=code, runtime=RUNTIME)}


def _rows(params: Params, frame: "pd.DataFrame", digest: str) -> Rows:
    time = params.contract.role("time")
    start, end = (None, None) if time is None else (frame[time].min(), frame[time].max())
    return Rows(len(frame), start and str(start), end and str(end), digest)


def _lineage(params: Params, frames: "dict[str, pd.DataFrame]") -> dict[str, Any]:
    # As they stand in params.yaml, without defaults: so that Git alone can tell the digests again.
    # Who is let in (evaluation.gate, .promotion) is no part of what a model is.
    left_out = {"evaluation": set(DECISIONS)}
    plain = params.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=left_out)
    made = {name: params.environment[name] for name in STAGES if name in params.environment}
    return {
        "data": {name: frame_digest(frame) for name, frame in frames.items()},
        "params": {name: plain_digest(plain[name]) for name in GROUPS if name in plain},
        "code": {name: plain_digest([e.framework, e.targets]) for name, e in made.items()},
        "environment": {name: e.packages for name, e in made.items()},
    }


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("package", run)
