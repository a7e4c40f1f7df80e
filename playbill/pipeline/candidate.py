"""The model that a window of the past would have given, kept by content so that no replay refits.

What is kept of a model is what a replay asks for: its score of every row of the history, which
rows it learned from, its hold-out and threshold. It lies under .dvc/tmp, outside of Git and DVC.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from playbill.config.schema import Params
from playbill.config.source import Window
from playbill.contract.column import inputs
from playbill.contract.task import outcome
from playbill.pipeline.runner import find, load_function, on_frames

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

_FOLDER = Path(".dvc", "tmp", "playbill", "backtest")
_VERSION = 1
# What decides a model besides its window; the code behind it is in `environment`.
_GROUPS = ("source", "contract", "split", "feature", "model", "evaluation", "allow", "seed", "name")


@dataclass(frozen=True)
class Candidate:
    """One model of the past.

    Attributes:
        window: What it learned from, its own hold-out included.
        scores: Its answer to each row of the history, float64 of shape (rows,).
        learned: The rows that it was fitted on, bool of shape (rows,).
        held_out: The rows of its window that it was not fitted on, bool of shape (rows,).
        threshold: Probability from which on a row is labelled positive.
        seconds: CPU seconds of its fit.
        restored: True if it was kept from an earlier replay.
    """

    window: Window
    scores: "NDArray[np.float64]"
    learned: "NDArray[np.bool_]"
    held_out: "NDArray[np.bool_]"
    threshold: float
    seconds: float
    restored: bool = False


def history(root: Path, params: Params, window: Window) -> "pd.DataFrame":
    """Return the validated rows of a long window, kept by content like the models.

    Raises:
        DataError: A source cannot be read, or the rows break the contract.
    """
    import pandas as pd

    from playbill.pipeline.window import read_window

    file = root / _FOLDER / f"{_digest(params, window, ('ingest', 'validate'))}.parquet"
    if file.is_file():
        return pd.read_parquet(file)
    table = read_window(root, window.start, window.end)
    with _replacing(file) as part:
        table.to_parquet(part, index=False)
    return table


def fit(root: Path, params: Params, rows: "pd.DataFrame", window: Window, digest: str) -> Candidate:
    """Return the model of a window; fitted by the project's own stages unless it is kept.

    Args:
        root: The project.
        params: Its params.
        rows: The history in the order of time, with every row of the window.
        window: What the model may know.
        digest: Of the history by content, since scores are kept row by row.

    Raises:
        DataError: The window has too few rows to learn from.
    """
    name = _digest(params, window, ("ingest", "validate", "prepare", "train"))
    file = root / _FOLDER / f"{name}-{digest.removeprefix('sha256:')[:16]}.npz"
    if (kept := _read(file, window)) is not None:
        return kept
    made = _fit(root, params, rows, window)
    _write(file, made)
    return made


def _fit(root: Path, params: Params, rows: "pd.DataFrame", window: Window) -> Candidate:
    from playbill.contract.frame import as_model_frame
    from playbill.model.estimator import predict

    contract, asked = params.contract, outcome(params.contract)
    time_column = contract.role("time")
    moments = rows[time_column]
    inside = (moments >= str(window.start)) & (moments < str(window.end))
    prepared = _stage(root, params, "prepare")(params, table=rows[inside].reset_index(drop=True))
    begin = time.process_time()
    trained = _stage(root, params, "train")(params, train=prepared["train"])
    seconds = time.process_time() - begin
    answers = predict(
        trained["pipeline"],
        as_model_frame(rows, inputs(contract)),
        task=asked.task,
        classes=asked.classes,
    )
    tuned = trained["training"]["threshold"]
    keys = rows[contract.key]
    return Candidate(
        window=window,
        scores=answers,
        learned=keys.isin(prepared["train"][contract.key]).to_numpy(),
        held_out=keys.isin(prepared["test"][contract.key]).to_numpy(),
        threshold=params.evaluation.threshold if tuned is None else tuned,
        seconds=seconds,
    )


def _stage(root: Path, params: Params, name: str) -> Any:
    return on_frames(root, load_function(root, find(params, name).stage))


def _digest(params: Params, window: Window, stages: Sequence[str]) -> str:
    plain = params.model_dump(mode="json", by_alias=True, include={*_GROUPS, "environment"})
    plain["environment"] = {name: plain["environment"].get(name) for name in stages}
    plain["source"]["window"] = window.model_dump(mode="json")
    text = json.dumps([_VERSION, plain], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _read(file: Path, window: Window) -> Candidate | None:
    import numpy as np

    try:
        with file.open("rb") as handle, np.load(handle, allow_pickle=False) as kept:
            return Candidate(
                window=window,
                scores=kept["scores"],
                learned=kept["learned"],
                held_out=kept["held_out"],
                threshold=float(kept["threshold"]),
                seconds=float(kept["seconds"]),
                restored=True,
            )
    except (OSError, ValueError, KeyError, BadZipFile):
        return None  # never written, or cut short: it is fitted again


def _write(file: Path, made: Candidate) -> None:
    import numpy as np

    with _replacing(file) as part, part.open("wb") as handle:
        np.savez_compressed(
            handle,
            scores=made.scores,
            learned=made.learned,
            held_out=made.held_out,
            threshold=made.threshold,
            seconds=made.seconds,
        )


class _replacing:  # noqa: N801 - reads as a verb: with replacing(file)
    """Write beside a file and put it in place when all went well."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=file.parent, suffix=".part")
        os.close(descriptor)
        self._part = Path(name)

    def __enter__(self) -> Path:
        return self._part

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._part.replace(self._file)
        else:
            self._part.unlink(missing_ok=True)
