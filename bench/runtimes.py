"""Microseconds a row of each runtime, on the flights and with two models: boosting and a forest.

python bench/runtimes.py [--rounds 15]

Trains on data/prepared (run `dvc repro` first), builds every runtime, proves each on the hold-out,
and measures interleaved: each round asks every runtime the same rows; the median round counts. Time
is process CPU. Prints one table, as it stands in docs/explanation/runtimes.md.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from playbill.bundle.candidate import build
from playbill.bundle.parity import as_sent
from playbill.bundle.runtime.base import open_runtime
from playbill.bundle.served import Served, contract_file
from playbill.config.params import read_params
from playbill.contract.column import columns, inputs
from playbill.contract.frame import as_model_frame
from playbill.contract.outcome import outcome
from playbill.feature.transform import build_transformer
from playbill.model.estimator import build_pipeline, fit, predict

ROOT = Path(__file__).parents[1]
RUNTIMES = ("numpy", "onnx", "skops")
MODELS = {
    "boosting, 100 trees of 31 leaves": {
        "_target_": "sklearn.ensemble.HistGradientBoostingClassifier", "early_stopping": False,
        "random_state": 7,
    },
    "forest, 100 trees of depth 12": {
        "_target_": "sklearn.ensemble.RandomForestClassifier", "max_depth": 12,
        "min_samples_leaf": 5, "random_state": 7,
    },
}  # fmt: skip
BATCH = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    params = read_params(ROOT)
    train, test = (
        pd.read_parquet(ROOT / f"data/prepared/{part}.parquet") for part in ("train", "test")
    )
    print("| model | runtime | one row, us | 100 rows, us a row | largest difference |")
    print("|---|---|---|---|---|")
    for name, model in MODELS.items():
        for line in _measured(params, model, train, test, rounds):
            print(f"| {name} | {line} |", flush=True)


def _measured(
    params: Any, model: dict[str, Any], train: pd.DataFrame, test: pd.DataFrame, rounds: int
) -> list[str]:
    asked, contract = inputs(params.contract), params.contract
    known = outcome(contract)
    transformer = build_transformer(params.feature, params.allow)
    pipeline = build_pipeline(transformer, model, params.allow)
    fit(pipeline, as_model_frame(train, asked), train[contract.target])
    expected = predict(pipeline, as_model_frame(test, asked))
    target = next(c for c in columns(contract) if c.name == contract.target)
    served = Served(params.name, contract.key, asked, target, 0.5, known)
    described = contract_file(served)
    sent = {column.name: as_sent(test[column.name]) for column in asked}
    apart, ways = {}, {}
    for kind in RUNTIMES:
        files = build(kind, pipeline, asked, known).files
        runtime = open_runtime(kind, {**described, **files}, params.allow)
        apart[kind] = float(np.abs(runtime.predict(sent) - expected).max())
        ways[kind] = (runtime.predict_row, runtime.predict)
    apart["Pipeline, rows in a data frame"] = 0.0
    ways["Pipeline, rows in a data frame"] = _plain(pipeline, [column.name for column in asked])
    timings = _timed(ways, sent, rounds)
    return [f"{kind} | {one:,.1f} | {many:,.2f} | {apart[kind]:.1e}"
            for kind, (one, many) in timings.items()]  # fmt: skip


def _plain(pipeline: Any, names: list[str]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return how a hand-written server asks: a data frame from the values, then predict_proba."""

    def many(rows: dict[str, list[Any]]) -> Any:
        frame = pd.DataFrame(rows)
        texts = frame.select_dtypes("object").columns
        return pipeline.predict_proba(frame.assign(**{n: frame[n].fillna(np.nan) for n in texts}))

    def one(values: tuple[Any, ...]) -> Any:
        return many({name: [value] for name, value in zip(names, values, strict=True)})

    return one, many


def _timed(
    ways: dict[str, Any], sent: dict[str, list[Any]], rounds: int
) -> dict[str, tuple[float, float]]:
    rows = list(zip(*sent.values(), strict=True))
    batches = [{n: v[start : start + BATCH] for n, v in sent.items()}
               for start in range(0, 10 * BATCH, BATCH)]  # fmt: skip
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in ways}
    with threadpool_limits(limits=1):
        for _ in range(rounds):
            for kind, (one, many) in ways.items():
                few = 1 if kind not in ("numpy", "onnx") else 10
                start = time.process_time()
                for row in rows[: 20 * few]:
                    one(row)
                middle = time.process_time()
                for batch in batches[:few]:
                    many(batch)
                end = time.process_time()
                found[kind].append((
                    (middle - start) / (20 * few) * 1e6, (end - middle) / (few * BATCH) * 1e6
                ))  # fmt: skip
    return {
        kind: (statistics.median(o for o, _ in each), statistics.median(m for _, m in each))
        for kind, each in found.items()
    }


if __name__ == "__main__":
    main()
