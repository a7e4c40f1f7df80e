import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from playbill.bundle import manifest
from playbill.bundle.runtime.base import open_bundle
from playbill.bundle.runtime.carried import carry
from playbill.errors import BundleError
from tests.serving import as_sent, made, running, start_words, visits, write

REPOSITORY = Path(__file__).parents[2]
# The project's own transformer, in a module that needs another of its modules.
CIRCLE = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from stages.angle import turn


class Circle(TransformerMixin, BaseEstimator):
    def fit(self, x, y=None):
        self.period_ = 120.0
        return self

    def transform(self, x):
        return np.sin(turn(np.asarray(x, dtype=float), self.period_))
"""
ANGLE = "import numpy as np\n\n\ndef turn(x, period):\n    return 2 * np.pi * x / period\n"
# Fits, chooses and assembles as the stages do, in a process whose project is the current folder.
PACKAGE = """
import json, sys
from dataclasses import replace
from pathlib import Path
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from playbill.bundle import assembly, parity
from playbill.bundle.served import contract_file
from playbill.config.target import build
from playbill.contract.frame import as_model_frame
from playbill.contract.outcome import BINARY
from playbill.model.estimator import predict
from playbill.model.persistence import dump, load
from tests.serving import ASKED, CODE, NAME, SERVED, parts, texts, visits, write

target, step, allow = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
train, test = visits(300), visits(100, seed=2)
numbers = ["age", "dose", "class"]
first = build({"_target_": step}, allow) if step else "passthrough"
transform = ColumnTransformer([("first", first, ["age"]), ("numbers", "passthrough", numbers)])
model = build({"_target_": target, "random_state": 0}, allow)
pipeline = Pipeline([("feature", transform), ("model", model)])
pipeline.fit(as_model_frame(train, ASKED), train["back"])
pipeline = load(dump(pipeline), trusted=allow)
expected = predict(pipeline, as_model_frame(test, ASKED))
asked = parity.Model(pipeline, ASKED, BINARY, 0.4, contract_file(SERVED), allow)
choice = parity.choose(["numpy", "skops"], asked, test, expected)
server = {**texts(), "trusted.json": json.dumps(allow)}
made = replace(parts(choice, SERVED, train), trusted=allow)
write(assembly.assemble(NAME, assembly.model_layer(made), server, code=CODE), Path("bundle"))
print(json.dumps(expected.tolist()))
"""
LOGISTIC = "sklearn.linear_model.LogisticRegression"
CASES = {
    "lightgbm": ("lightgbm.LGBMClassifier", "", ["sklearn.", "lightgbm."]),
    "xgboost": ("xgboost.XGBClassifier", "", ["sklearn.", "xgboost."]),
    "own transformer": (
        "sklearn.ensemble.HistGradientBoostingClassifier", "stages.circle.Circle",
        ["sklearn.", "stages."],
    ),
}  # fmt: skip


@cache
def packaged(folder: Path, case: str) -> tuple[Path, list[float]]:
    (folder / "stages").mkdir(parents=True)
    for name, text in {"__init__": "", "circle": CIRCLE, "angle": ANGLE}.items():
        (folder / "stages" / f"{name}.py").write_text(text)
    target, step, allow = CASES[case]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PACKAGE, target, step, json.dumps(allow)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "bundle", json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("projects")


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_compiled_is_served_as_the_pipeline_itself(
    folder: Path, tmp_path: Path, case: str
) -> None:
    bundle, expected = packaged(folder / case, case)
    assert manifest.verify(bundle).runtime == "skops"
    refused = json.loads((bundle / "model/proof.json").read_text())["refused"]
    assert [each["runtime"] for each in refused] == ["numpy"]
    elsewhere = tmp_path / "elsewhere"  # away from the project's own modules
    shutil.copytree(bundle, elsewhere)
    with running(start_words(elsewhere), cwd=tmp_path) as server:
        rows = as_sent(visits(100, seed=2))
        answer = server.client.post("/predict/batch", json={"rows": rows})
        assert answer.status_code == 200, answer.text
    assert [each["probability"] for each in answer.json()["predictions"]] == expected
    pins = (elsewhere / "requirements.txt").read_text()
    code = sorted(p.name for p in elsewhere.glob("model/code/stages/*"))
    if case == "own transformer":
        assert code == ["__init__.py", "angle.py", "circle.py"]
    else:
        assert code == []
        assert f"\n{case}" in pins


def test_a_type_that_nobody_allowed_is_refused_whatever_the_model_layer_says(
    folder: Path, tmp_path: Path
) -> None:
    contents = manifest.load_all(packaged(folder / "xgboost", "xgboost")[0])[1]
    contents["server/trusted.json"] = b'["sklearn."]'
    contents["model/trusted.json"] = b'["xgboost."]'
    listed = manifest.describe("visits", "skops", contents)
    write({**contents, manifest.NAME: manifest.render(listed)}, tmp_path)
    with pytest.raises(BundleError, match=r"not trusted: xgboost"):
        open_bundle(tmp_path)


def test_a_model_s_code_does_not_take_the_place_of_other_code_under_its_name() -> None:
    with pytest.raises(BundleError, match=r"`tests\.serving` is loaded already"):
        carry({"code/tests/serving.py": b"x = 1\n"})


def test_a_compiled_model_names_no_type_and_needs_no_pins() -> None:
    described = json.loads(made().files["model/runtime.json"])
    assert described == {"format_version": 1, "runtime": "numpy", "code": [], "pins": {}}
    pins = json.loads(made("skops").files["model/runtime.json"])["pins"]
    assert {"scikit-learn", "pandas", "skops", "numpy"} <= set(pins)
