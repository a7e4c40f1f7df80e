"""LightGBM, XGBoost and a transformer of the project's own, from conf/ to an answer over HTTP."""

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
import yaml

from tests.conftest import Run
from tests.serving import running

XGBOOST = """\
_target_: xgboost.XGBClassifier
n_estimators: 20
n_jobs: 1
random_state: ${seed}
"""
OWN = """\
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class Ranks(TransformerMixin, BaseEstimator):
    def fit(self, x, y=None):
        self.known_ = np.sort(np.asarray(x, dtype=float), axis=0)
        return self

    def transform(self, x):
        pairs = zip(np.asarray(x, dtype=float).T, self.known_.T)
        return np.stack([np.searchsorted(known, column) for column, known in pairs], axis=1)
"""


def choose(project: Path, model: str, *allow: str, step: str = "") -> None:
    """Edit the project's conf/ as a user would."""
    path = project / "conf" / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config["defaults"] = [
        {"model": model} if isinstance(each, dict) and "model" in each else each
        for each in config["defaults"]
    ]
    config["allow"] = ["sklearn.", "stages.", *allow]
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    feature = project / "conf" / "feature" / "shop.yaml"
    groups = yaml.safe_load(feature.read_text())
    groups["groups"]["numbers"]["steps"] = [{"_target_": step}] if step else []
    feature.write_text(yaml.safe_dump(groups))


def answers(project: Path) -> tuple[list[float], list[float]]:
    """Return what `playbill serve` answers to rows of the hold-out, and what the Pipeline said."""
    table = pd.read_parquet(project / "data" / "prepared" / "test.parquet").head(20)
    model = project / "models" / "shop"
    contract = json.loads((model / "bundle" / "model" / "contract.json").read_text())
    names = [each["name"] for each in contract["inputs"]]
    rows: list[dict[str, Any]] = json.loads(table[names].to_json(orient="records"))
    serve = [sys.executable, "-m", "playbill", "serve", "--port", "0"]
    with running(serve, cwd=project) as server:
        found = server.client.post("/predict/batch", json={"rows": rows})
        assert found.status_code == httpx.codes.OK, found.text
        one = server.client.post("/predict", json=rows[0]).json()
    said = [each["probability"] for each in found.json()["predictions"]]
    assert one["probability"] == said[0]
    key = contract["key"]
    kept = pd.read_parquet(model / "evaluation" / "predictions.parquet").set_index(key)
    return said, kept.loc[table[key], "probability"].tolist()


@pytest.mark.slow
@pytest.mark.pipeline
def test_what_is_not_scikit_learn_s_is_trained_proven_and_served(tmp_path: Path, run: Run) -> None:
    run("playbill", "new", "shop", cwd=tmp_path)
    project = tmp_path / "shop"
    (project / "conf" / "model").mkdir()
    (project / "conf" / "model" / "xgboost.yaml").write_text(XGBOOST)
    (project / "stages" / "ranks.py").write_text(OWN)
    for model, allow, step in (
        ("lightgbm", ["lightgbm."], ""),
        ("xgboost", ["xgboost."], ""),
        ("boosting", [], "stages.ranks.Ranks"),
    ):
        choose(project, model, *allow, step=step)
        run("playbill", "compose", cwd=project)
        run("dvc", "repro", cwd=project)
        bundle = project / "models" / "shop" / "bundle"
        assert json.loads((bundle / "manifest.json").read_text())["runtime"] == "skops"
        said, expected = answers(project)
        assert said == pytest.approx(expected, abs=1e-12)
        code = sorted(path.name for path in bundle.glob("model/code/stages/*"))
        assert code == (["__init__.py", "ranks.py"] if step else [])
        if not step:
            assert f"\n{model}" in (bundle / "requirements.txt").read_text()
