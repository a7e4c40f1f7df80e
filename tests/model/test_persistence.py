"""Equal models give equal bytes, and only reviewed types are loaded."""

import json
import os
import subprocess
import sys
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.utils.validation import check_array

from playbill.errors import BundleError
from playbill.model import persistence
from playbill.model.persistence import dump, load

MODELS = {
    "boosting": HistGradientBoostingClassifier(max_iter=5, random_state=1),
    "forest": RandomForestClassifier(n_estimators=5, random_state=1),
    "logistic": LogisticRegression(),
}
ENCODERS = {
    "onehot": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    "ordinal": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    "target": TargetEncoder(cv=StratifiedKFold(5, shuffle=True, random_state=1)),
}


def rows() -> tuple[Any, Any]:
    import pandas as pd

    draw = np.random.default_rng(3)
    frame = pd.DataFrame({"x": draw.normal(size=300), "n": draw.normal(size=300)})
    frame.loc[::7, "x"] = np.nan
    words = draw.choice(["red", "green", "blue"], 300)
    frame["t"] = pd.Series(words.tolist(), dtype=object)
    return frame, (frame["n"] + draw.normal(size=300) > 0).to_numpy("int64")


def fitted(model: str, encoder: str) -> Any:
    frame, y = rows()
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    parts = [("numbers", numbers, ["x", "n"]), ("text", ENCODERS[encoder], ["t"])]
    return make_pipeline(ColumnTransformer(parts), MODELS[model]).fit(frame, y)


@pytest.mark.parametrize("encoder", sorted(ENCODERS))
@pytest.mark.parametrize("model", sorted(MODELS))
def test_what_comes_back_predicts_the_same_and_is_written_the_same(
    model: str, encoder: str
) -> None:
    pipeline = fitted(model, encoder)
    content = dump(pipeline)
    again = load(content)
    frame, _ = rows()
    np.testing.assert_array_equal(again.predict_proba(frame), pipeline.predict_proba(frame))
    assert dump(again) == content
    assert dump(fitted(model, encoder)) == content


@pytest.mark.parametrize("model", sorted(MODELS))
def test_two_processes_write_the_same_bytes(model: str) -> None:
    code = (
        "import importlib.util, sys, hashlib\n"
        f"spec = importlib.util.spec_from_file_location('here', {str(Path(__file__))!r})\n"
        "here = importlib.util.module_from_spec(spec); spec.loader.exec_module(here)\n"
        f"print(hashlib.sha256(here.dump(here.fitted({model!r}, 'target'))).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "MALLOC_PERTURB_": memory},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed, memory in (("1", "0"), ("2", "77"))
    }  # fmt: skip
    assert len(digests) == 1


def test_the_archive_says_nothing_of_when_and_where() -> None:
    with ZipFile(BytesIO(dump(fitted("logistic", "onehot")))) as archive:
        entries = archive.infolist()
        text = archive.read("schema.json").decode()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert "__id__" not in text


def test_a_type_that_nobody_reviewed_is_refused_by_name() -> None:
    frame, y = rows()
    pipeline = make_pipeline(SelectKBest(f_classif, k=1)).fit(frame[["n"]], y)
    with pytest.raises(BundleError, match="f_classif") as caught:
        load(dump(pipeline))
    assert "`allow:`" in caught.value.run


def test_a_type_that_the_project_allows_is_loaded() -> None:
    frame, y = rows()
    content = dump(make_pipeline(SelectKBest(f_classif, k=1)).fit(frame[["n"]], y))
    name = "sklearn.feature_selection._univariate_selection.f_classif"
    assert load(content, trusted=[name]).transform(frame[["n"]]).shape == (300, 1)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.skops"
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(BundleError, match=r"pipeline\.skops cannot be loaded"):
        load(path)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"gone\.skops cannot be loaded"):
        load(tmp_path / "gone.skops")


def test_every_estimator_that_skops_trusts_is_trusted_without_importing_them_all() -> None:
    from sklearn.utils import all_estimators

    names = [f"{found.__module__}.{found.__qualname__}" for _, found in all_estimators()]
    assert [name for name in names if not persistence._is_estimator(name)] == []


def test_every_function_that_skops_trusts_is_trusted_without_looking_for_them_all() -> None:
    code = (
        "import scipy.special; from skops.io import _trusted_types as t; import json; "
        "print(json.dumps([*t.NUMPY_UFUNC_TYPE_NAMES, *t.SCIPY_UFUNC_TYPE_NAMES]))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = json.loads(said.stdout)
    assert len(names) > 300
    assert [name for name in names if not persistence._is_function(name)] == []


@pytest.mark.parametrize(
    "name", ["os.exp", "numpy.load", "numpy.random.exp", "scipy.special.voigt", "numpyish.exp"]
)
def test_a_function_elsewhere_than_skops_finds_it_is_not_trusted_by_its_name(name: str) -> None:
    assert not persistence._is_function(name)


def test_a_pipeline_with_a_function_of_numpy_comes_back() -> None:
    frame, _ = rows()
    pipeline = make_pipeline(FunctionTransformer(np.square)).fit(frame[["n"]])
    again = load(dump(pipeline))
    np.testing.assert_array_equal(again.transform(frame[["n"]]), pipeline.transform(frame[["n"]]))


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "sklearn.base.BaseEstimatorr",
        "sklearn.utils.check_array",
        "sklearn.tests.test_base.MyEstimator",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.nowhere.Estimator",
        "sklearnish.Estimator",
    ],
)
def test_what_is_no_public_estimator_is_not_trusted_by_its_name(name: str) -> None:
    assert not persistence._is_estimator(name)


def test_loading_a_model_does_not_import_what_it_does_not_need() -> None:
    code = (
        "import sys; from playbill.model.persistence import dump, load; "
        "from sklearn.preprocessing import StandardScaler; "
        "load(dump(StandardScaler())); assert 'pytest' not in sys.modules; "
        "from sklearn.utils import all_estimators; assert all_estimators is not list"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_part_of_a_function_is_refused_with_the_function_that_nobody_reviewed() -> None:
    with pytest.raises(BundleError, match="system"):
        load(dump(FunctionTransformer(partial(os.system, "true"))))


@pytest.mark.parametrize(
    ("function", "arguments", "keywords"),
    [
        (check_array, (), {"estimator": "E"}),
        (check_array, (), {"input_name": "x"}),
        (check_array, ([[1.0]],), {}),
        (StandardScaler, (), {}),
    ],
)
def test_a_part_of_a_reviewed_function_is_refused_with_arguments_that_nobody_reviewed(
    function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    with pytest.raises(BundleError, match=r"a functools\.partial of sklearn\."):
        load(dump(FunctionTransformer(partial(function, *arguments, **keywords))))


@pytest.mark.parametrize("kept", [partial(np.power, 2.0), partial(check_array, dtype=[np.float64])])
def test_a_part_of_what_computes_or_looks_comes_back(kept: Any) -> None:
    again = load(dump(FunctionTransformer(kept)))
    np.testing.assert_array_equal(again.func([[3.0]]), kept([[3.0]]))


def test_a_part_that_hides_behind_another_name_is_found(tmp_path: Path) -> None:
    """Its kind is told by skops' loader; the names beside it can be forged."""
    content = dump(FunctionTransformer(partial(check_array, input_name="x")))
    forged = tmp_path / "forged.skops"
    with ZipFile(BytesIO(content)) as archive, ZipFile(forged, "w") as out:
        for name in archive.namelist():
            text = archive.read(name)
            if name == "schema.json":
                text = text.replace(b'"partial","__module__":"functools"',
                                    b'"dtype","__module__":"numpy"')  # fmt: skip
            out.writestr(name, text)
    with pytest.raises(BundleError, match="partial"):
        load(forged)


def test_a_vote_of_estimators_comes_back() -> None:
    frame, target = rows()
    parts = [("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))]
    vote = VotingClassifier(parts, voting="soft").fit(frame[["n"]].fillna(0), target)
    again = load(dump(vote))
    asked = frame[["n"]].fillna(0)
    np.testing.assert_array_equal(again.predict_proba(asked), vote.predict_proba(asked))
