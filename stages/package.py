"""Stage package: everything that ships becomes one folder; evaluate proved what answers in it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.bundle import assembly
from playbill.bundle.card import Facts, Rows, write_card
from playbill.bundle.fingerprint import frame_digest, plain_digest
from playbill.bundle.proven import read
from playbill.bundle.runtime.base import TRUSTED
from playbill.bundle.served import Served, declared
from playbill.config.decision import DECISIONS
from playbill.config.schema import Params
from playbill.contract.task import answers_of, score
from playbill.drift.direct import losses_of_classes, losses_of_values, profile_direct
from playbill.drift.performance import profile_performance
from playbill.drift.profile import build_profile, with_model

if TYPE_CHECKING:
    import pandas as pd

# What the model layer's lineage states; the stage depends on exactly these keys.
GROUPS = (
    "source",
    "contract",
    "split",
    "feature",
    "model",
    "validation",
    "tuning",
    "training",
    "evaluation",
    "seed",
)
# The code that ships, by name: importing FastAPI here would only take time. Its bytes count in the
# stage's code digest all the same (config/closure.py).
CODE = ("playbill.server.application", "playbill.server.command")
STAGES = ("ingest", "validate", "prepare", "train", "evaluate")


def run(  # noqa: PLR0913 - one argument for each input that conf/pipeline declares
    params: Params,
    *,
    runtime: Path,
    server: Path,
    train: "pd.DataFrame",
    test: "pd.DataFrame",
    predictions: "pd.DataFrame",
    metrics: dict[str, Any],
    report: dict[str, Any],
    training: dict[str, Any],
) -> dict[str, object]:
    """Return `bundle`, its files by relative path."""
    served, proven = declared(params, training["threshold"]), read(runtime)
    paths = [path for path in sorted(server.rglob("*")) if path.is_file()]
    texts = {path.relative_to(server).as_posix(): path.read_bytes() for path in paths}
    lineage = _lineage(params, {"train": train, "test": test})
    facts = Facts(
        name=params.name,
        target=served.target,
        inputs=served.inputs,
        rows={
            "train": _rows(params, train, lineage["data"]["train"]),
            "test": _rows(params, test, lineage["data"]["test"]),
        },
        window=(str(params.source.window.start), str(params.source.window.end)),
        estimator=str(params.model["_target_"]),
        threshold=served.threshold if served.asked.task == "binary" else None,
        report=report,
        said=params.evaluation.card,
        proof=proven.proof,
    )
    parts = assembly.Parts(
        served=served,
        proven=proven,
        profile=_profile(params, {"train": train, "test": test}, predictions, served, report),
        metrics=metrics,
        lineage=lineage,
        card=write_card(facts),
        trusted=json.loads(texts[TRUSTED]),
    )
    layer = assembly.model_layer(parts)
    files = assembly.assemble(params.name, layer, texts, code=list(CODE))
    return {"bundle": files}


def _profile(
    params: Params,
    tables: "dict[str, pd.DataFrame]",
    predictions: "pd.DataFrame",
    served: Served,
    report: dict[str, Any],
) -> dict[str, Any]:
    contract, known = params.contract, served.asked
    answers = answers_of(predictions, known)
    performance, direct = None, None
    if known.task == "binary":
        positive = predictions[contract.target].to_numpy() == 1
        performance = profile_performance(answers, positive, served.threshold)
    profile = build_profile(
        tables["train"],
        served.inputs,
        params.drift,
        scores=score(answers, known),
        time=contract.role("time"),
    )
    window = {"start": str(params.source.window.start), "end": str(params.source.window.end)}
    if known.task != "binary":
        direct = _direct(params, profile, tables["test"], predictions, served)
    losses = _importance(report)
    model = with_model(profile, performance=performance, importance=losses, direct=direct)
    return {**model, "window": window}


def _direct(
    params: Params,
    profile: dict[str, Any],
    test: "pd.DataFrame",
    predictions: "pd.DataFrame",
    served: Served,
) -> dict[str, Any] | None:
    """Return how a row's loss follows from where it lies; rows in the order of time."""
    import numpy as np

    contract, time = params.contract, params.contract.role("time")
    rows = test if time is None else test.sort_values([time, contract.key])
    said = predictions.set_index(contract.key).loc[rows[contract.key]]
    answers, truth = answers_of(said, served.asked), said[contract.target]
    if served.asked.task == "regression":
        losses = losses_of_values(answers, truth.to_numpy(dtype="float64"))
    else:
        place = {str(name): index for index, name in enumerate(served.asked.classes)}
        places = np.asarray(truth.astype(str).map(place), dtype=np.int64)
        losses = losses_of_classes(answers, places)
    return profile_direct(profile, rows, score(answers, served.asked), losses)


def _importance(report: dict[str, Any]) -> dict[str, float]:
    """Return what the model loses when a column is shuffled; empty if that was not measured."""
    found = report.get("importance") or {}
    return {each["column"]: each["increase"] for each in found.get("columns", [])}


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
        # What measured a model and proved what ships made none of it: its results are in the layer.
        "code": {
            name: plain_digest([each.framework, each.targets])
            for name, each in made.items()
            if name != "evaluate"
        },
        "environment": {name: e.packages for name, e in made.items()},
    }


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("package", run)
