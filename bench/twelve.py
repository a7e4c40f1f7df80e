"""The model that all servers answer with: flights by 8 numbers and 4 texts, 100 boosted trees.

Imputed, scaled, one-hot encoded; small enough to be written by hand for every server. It learns
from data/prepared (`dvc repro` makes it) and is written as our bundle, and with joblib for others.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from playbill.bundle import assembly, manifest, parity, proven
from playbill.bundle.interface import write_interface
from playbill.bundle.served import Served, contract_file
from playbill.config.params import read_params
from playbill.config.schema import Drift, Server
from playbill.contract.column import Column, columns, inputs
from playbill.contract.frame import as_model_frame
from playbill.contract.outcome import outcome
from playbill.drift.profile import build_profile
from playbill.server import application, command
from playbill.server.description import openapi_text

ROOT = Path(__file__).resolve().parents[1]
NUMBERS = ["distance", "temp", "dewp", "humid", "wind_speed", "pressure", "visib", "plane_year"]
TEXTS = ["carrier", "origin", "dest", "manufacturer"]
ROWS = 500


@dataclass(frozen=True)
class Made:
    """The model's files, and rows to ask about."""

    bundle: Path
    pipeline: Path
    rows: list[dict[str, Any]]


def make(folder: Path) -> Made:
    """Fit the model and write it into `folder`."""
    params = read_params(ROOT)
    train, test = (_table(part) for part in ("train", "test"))
    names = {*NUMBERS, *TEXTS}
    asked = [_open(each) for each in inputs(params.contract) if each.name in names]
    target = next(c for c in columns(params.contract) if c.name == params.contract.target)
    pipeline = fitted(as_model_frame(train, asked), train[target.name])
    joblib.dump(pipeline, folder / "pipeline.joblib")
    task = outcome(params.contract)
    served = Served("flights", params.contract.key, asked, target, 0.5, task)
    files = _bundle(served, pipeline, train, test)
    manifest.write(files, folder / "bundle")
    sample = test.sample(ROWS, random_state=1)[[each.name for each in asked]].astype(object)
    rows = sample.where(sample.notna(), None).to_dict("records")
    return Made(folder / "bundle", folder / "pipeline.joblib", [dict(row) for row in rows])


def fitted(frame: pd.DataFrame, target: pd.Series) -> Any:
    """Return the fitted Pipeline."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    transform = ColumnTransformer([("numbers", numbers, NUMBERS), ("texts", texts, TEXTS)])
    model = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=7)
    return make_pipeline(transform, model).fit(frame, target)


def _table(part: str) -> pd.DataFrame:
    found = pd.read_parquet(ROOT / "data" / "prepared" / f"{part}.parquet")
    # One spelling of a missing text, so that a converter to ONNX can take the Pipeline.
    return found.assign(manufacturer=found["manufacturer"].fillna(""))


def _open(column: Column) -> Column:
    from dataclasses import replace

    return replace(column, nullable=column.kind == "number")


def _bundle(
    served: Served, pipeline: Any, train: pd.DataFrame, test: pd.DataFrame
) -> dict[str, bytes]:
    texts = write_interface(
        served.name, served.inputs, served.target, Server(title="Flights"), served.asked
    )
    answers = pipeline.predict_proba(as_model_frame(test, served.inputs))[:, 1]
    contract = contract_file(served)
    model = parity.Model(pipeline, served.inputs, served.asked, served.threshold, contract)
    parts = assembly.Parts(
        served=served,
        proven=proven.of(parity.choose(["numpy"], model, test, answers)),
        profile=build_profile(train, served.inputs, Drift(), scores=answers),
        metrics={},
        lineage={"data": {}},
        card="",
    )
    texts = {**texts, "openapi.json": openapi_text(texts)}
    code = [application.__name__, command.__name__]
    return assembly.assemble(served.name, assembly.model_layer(parts), texts, code=code)
