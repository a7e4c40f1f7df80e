import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
)

from playbill.bundle import parity
from playbill.bundle.compiler.feature import Feature
from playbill.bundle.compiler.fold import breaks_of
from playbill.bundle.compiler.pipeline import compile_pipeline
from playbill.bundle.compiler.transformer import transform
from playbill.bundle.compiler.zone import changes_of
from playbill.bundle.runtime.numpy import FILE, open_model
from playbill.bundle.runtime.tensors import dump_tensors, load_tensors
from playbill.contract.column import Column
from playbill.contract.frame import as_model_frame
from playbill.contract.outcome import BINARY
from playbill.errors import BundleError, DataError, UnsupportedError
from playbill.feature.crossing import Crossing
from playbill.feature.dates import PARTS, DateParts
from tests.bundle.pipelines import (
    ASKED,
    INPUTS,
    NUMBERS,
    TEXTS,
    chosen,
    estimators,
    fitted,
    preparations,
    rows,
    target,
)

# Each estimator with one way of preparing, and each way of preparing with one estimator of a kind.
PAIRS = [
    *((prepared, model, task) for task in ASKED for model in estimators(task)
      for prepared in ["impute, scale, target"]),
    *((prepared, model, "binary") for prepared in preparations()
      for model in ("histogram", "forest", "extra trees", "logistic")
      if prepared not in ("impute, scale, target", "missing kept")
      and ("date" not in prepared or model == "logistic")
      and ("crossing" not in prepared or model in ("forest", "logistic"))),
    ("missing kept", "histogram", "multiclass"),
    ("missing kept", "forest", "binary"),
    ("missing kept", "large forest", "regression"),
]  # fmt: skip


def kind_of(files: Any) -> str:
    model = load_tensors(files[FILE])[1]["model"]
    return str(model["head"]["kind"] if "head" in model else model["kind"])


@pytest.mark.parametrize(("prepared", "model", "task"), PAIRS)
def test_it_answers_every_row_and_every_edge_as_the_pipeline(
    prepared: str, model: str, task: str
) -> None:
    pipeline = Pipeline([("f", preparations()[prepared]()), ("m", estimators(task)[model]())])
    proof = chosen(fitted(pipeline, task), "numpy").proof
    for trial in ("hold_out", "edges"):
        assert proof[trial]["largest_difference"] <= 1e-12
        assert proof[trial]["labels_changed"] == 0
    assert proof["edges"]["rows"] > 30


@pytest.mark.parametrize("leaves", [31, 200])
def test_native_categories_with_missing_and_unknown_ones(leaves: int) -> None:
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    texts = ColumnTransformer([("t", ordinal, TEXTS)], remainder="passthrough")
    booster = HistGradientBoostingClassifier(
        max_iter=10, categorical_features=[0, 1], max_leaf_nodes=leaves, min_samples_leaf=2
    )
    choice = chosen(fitted(make_pipeline(texts, booster), "binary"), "numpy")
    assert kind_of(choice.candidate.files) == ("masks" if leaves == 31 else "walk")
    assert choice.proof["edges"]["kinds"]["category"] > 5


def test_native_categories_of_plain_text_columns() -> None:
    plain = ColumnTransformer([("t", "passthrough", TEXTS), ("n", "passthrough", NUMBERS)])
    booster = HistGradientBoostingClassifier(max_iter=10, categorical_features=[0, 1])
    assert chosen(fitted(make_pipeline(plain, booster), "binary"), "numpy").runtime == "numpy"


def test_small_trees_become_masks_and_large_ones_a_walk() -> None:
    for model, expected in (("forest", "masks"), ("large forest", "walk"), ("logistic", "linear")):
        prepared = preparations()["impute, scale, target"]()
        trained = fitted(make_pipeline(prepared, estimators("binary")[model]()), "binary")
        assert kind_of(chosen(trained, "numpy").candidate.files) == expected


def test_equal_pipelines_give_equal_bytes() -> None:
    made = [
        compile_pipeline(
            fitted(make_pipeline(preparations()["robust, ordinal"](), model), "binary").pipeline,
            INPUTS,
            BINARY,
        )
        for model in (HistGradientBoostingClassifier(max_iter=5, random_state=0),) * 2
    ]
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("step", "named"),
    [
        (PolynomialFeatures(), "PolynomialFeatures"),
        (FunctionTransformer(np.abs), "FunctionTransformer"),
    ],
)
def test_what_is_not_on_the_menu_is_named_and_left_to_the_next_runtime(
    step: Any, named: str
) -> None:
    numbers = ColumnTransformer([("n", step, ["age", "night"])])
    trained = fitted(make_pipeline(numbers, LogisticRegression()), "binary")
    with pytest.raises(UnsupportedError, match=named):
        compile_pipeline(trained.pipeline, INPUTS, BINARY)
    with pytest.raises(BundleError, match=named):
        chosen(trained, "numpy")


def small() -> Any:
    prepared = preparations()["impute, scale, target"]()
    model = HistGradientBoostingClassifier(max_iter=5, random_state=0)
    return open_model(
        chosen(fitted(make_pipeline(prepared, model), "binary"), "numpy").candidate.files
    )


def test_a_table_of_any_origin_means_the_same_as_values_of_a_request() -> None:
    frame, _ = rows(50, 3)
    runtime = small()
    sent = {name: parity.as_sent(frame[name]) for name in frame}
    aware = frame.assign(seen=frame["seen"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"))
    nullable = frame.convert_dtypes().assign(seen=frame["seen"].astype("datetime64[s]"))
    texts = frame.assign(seen=frame["seen"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"), ward="n")
    expected = runtime.predict(sent)
    for table in (frame, aware, nullable):
        assert runtime.predict({name: table[name] for name in table}).tolist() == expected.tolist()
    assert (
        runtime.predict({name: texts[name].tolist() for name in texts}).tolist()
        == runtime.predict(sent | {"ward": ["n"] * 50}).tolist()
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [("age", "old"), ("dose", float("inf")), ("rate", "1_000"), ("seen", "soon"), ("age", "nan")],
)
def test_a_value_of_another_kind_is_refused_as_the_table_s_reader_refuses_it(
    column: str, value: object
) -> None:
    sent = {column.name: parity.as_sent(rows(2, 3)[0][column.name]) for column in INPUTS}
    bad = sent | {column: [sent[column][0], value]}
    with pytest.raises(DataError):
        as_model_frame(bad, INPUTS)
    with pytest.raises(DataError, match=f"`{column}`") as caught:
        small().predict(bad)
    assert str(value) not in str(caught.value) or column == "seen"


def test_one_row_and_many_are_answered_alike() -> None:
    frame, _ = rows(40, 4)
    runtime = small()
    lists = [parity.as_sent(frame[column.name]) for column in INPUTS]
    many = runtime.predict(dict(zip((c.name for c in INPUTS), lists, strict=True)))
    assert [runtime.predict_row(values) for values in zip(*lists, strict=True)] == many.tolist()


def test_no_rows_give_no_answers() -> None:
    assert small().predict({column.name: [] for column in INPUTS}).shape == (0,)


def test_it_runs_where_numpy_is_the_only_package(tmp_path: Path) -> None:
    pipeline = make_pipeline(
        preparations()["impute, scale, target"](), RandomForestClassifier(5, random_state=0)
    )
    (tmp_path / FILE).write_bytes(chosen(fitted(pipeline, "binary"), "numpy").candidate.files[FILE])
    code = (
        "import sys, pathlib, datetime\n"
        "from playbill.bundle.runtime.numpy import open_model\n"
        f"runtime = open_model({{'{FILE}': pathlib.Path({str(tmp_path / FILE)!r}).read_bytes()}})\n"
        "row = (41, 1.5, None, 'n', None, True, datetime.datetime(2026, 1, 2))\n"
        "print(runtime.predict_row(row))\n"
        "heavy = {'pandas', 'sklearn', 'scipy', 'pydantic', 'fastapi'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 <= float(done.stdout) <= 1


@pytest.mark.parametrize("cut", [0, 4, 100, -9])
def test_a_file_that_is_cut_off_is_refused(cut: int) -> None:
    prepared = preparations()["robust, ordinal"]()
    model = fitted(make_pipeline(prepared, LogisticRegression()), "binary")
    content = chosen(model, "numpy").candidate.files[FILE]
    with pytest.raises(BundleError, match="compiled model"):
        open_model({FILE: content[:cut]})


def test_a_file_of_another_format_is_refused() -> None:
    with pytest.raises(BundleError, match="format version 99"):
        open_model({FILE: dump_tensors({}, {"format_version": 99})})
    with pytest.raises(BundleError, match="not a compiled model"):
        open_model({FILE: dump_tensors({}, {"format_version": 1})})
    with pytest.raises(BundleError, match=FILE):
        open_model({})


def test_the_container_keeps_arrays_and_their_types() -> None:
    arrays = {"a": np.arange(5, dtype=np.uint8), "b": np.array([[0.1, np.nan], [-0.0, 1e300]]),
              "c": np.zeros((0, 3)), "d": np.array([True, False])}  # fmt: skip
    content = dump_tensors(arrays, {"x": [1, "ü"]})
    found, about = load_tensors(content)
    assert about == {"x": [1, "ü"]}
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_a_threshold_is_pulled_back_to_the_last_double_that_passes() -> None:
    from playbill.bundle.compiler.feature import Feature

    feature = Feature(0, text=False).then("subtract", 0.3).then("divide", 1.7).then("float32")
    limits = np.array([-5.1, -0.0, 0.1, 1e-300, 3.7e10])
    found = breaks_of(feature, limits)
    assert len(found) == len(limits) - 1  # -0.0 and 1e-300 part nothing in single precision
    for each in found:
        below, at, above = feature.prefix(
            np.array([np.nextafter(each, -np.inf), each, np.nextafter(each, np.inf)])
        )
        assert below <= at < above
        assert ((at <= limits) & (above > limits)).any()


def test_a_column_of_times_counts_seconds_as_the_table_s_reader_does() -> None:
    inputs = [Column("at", "datetime", nullable=True)]
    moments = [
        None, dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC),
        dt.datetime.fromisoformat("2026-01-02T03:04:05.000006"),
        dt.datetime(1677, 10, 1, tzinfo=dt.UTC),
        pd.Timestamp("2026-01-02T03:04:05.000000007"),
    ]  # fmt: skip
    from playbill.bundle.runtime.cells import as_numbers

    expected = as_model_frame({"at": moments}, inputs)["at"].to_numpy()
    np.testing.assert_array_equal(as_numbers(moments, "datetime", "at"), expected)


@pytest.mark.parametrize("zone", [None, "Europe/Vienna", "Pacific/Apia", "Africa/Casablanca"])
def test_parts_of_a_time_are_the_pipelines_from_the_first_to_the_last_year(
    zone: str | None,
) -> None:
    parts = DateParts(list(PARTS), zone=zone)
    draw = np.random.default_rng(0)
    times = np.concatenate([
        draw.uniform(-6e10, 2.5e11, 5_000),
        draw.integers(-(10**9), 4 * 10**9, 20_000),
        *([changes_of(zone)[0][:-1] + step for step in (-1, 0, 0.5)] if zone else []),
        [np.nan],
    ])  # fmt: skip
    expected = parts.fit(times[:, np.newaxis]).transform(times[:, np.newaxis])
    made = transform(parts, [Feature(0, text=False)])
    found = np.stack([each.evaluate(times) for each in made], axis=1)
    np.testing.assert_array_equal(found, expected)


def test_crossed_texts_are_joined_before_they_are_looked_up() -> None:
    """Texts that nobody knows may join to one that is known, and the other way round."""
    crossed = ColumnTransformer([("t", make_pipeline(Crossing(separator=""), OneHotEncoder(
        handle_unknown="ignore")), TEXTS)])  # fmt: skip
    trained = fitted(make_pipeline(crossed, LogisticRegression()), "binary")
    layer = compile_pipeline(trained.pipeline, INPUTS, BINARY)
    runtime = open_model(layer)
    frame = rows(4, 3)[0].assign(
        ward=["nB", "n", "n", "n"], city=pd.Series(["ern", "Bern", "(missing)", None], dtype=object)
    )
    given = as_model_frame(frame, INPUTS)
    expected = trained.pipeline.predict_proba(given)[:, 1]
    columns: dict[str, list[Any]] = {str(name): frame[name].to_list() for name in given}
    np.testing.assert_array_equal(runtime.predict(columns), expected)
    lists = list(zip(*columns.values(), strict=True))
    plain = [tuple(None if pd.isna(each) else each for each in row) for row in lists]
    np.testing.assert_array_equal(runtime.predict_rows(plain), expected)
    assert [runtime.predict_row(row) for row in plain] == expected.tolist()


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("model", ["histogram", "forest"])
def test_scores_that_were_calibrated_on_other_rows(task: str, model: str) -> None:
    from playbill.model.calibrated import CalibratedModel, fit_calibrator, scores_of

    prepared = preparations()["impute, scale, target"]()
    trained = fitted(Pipeline([("f", prepared), ("m", estimators(task)[model]())]), task)
    frame, score = rows(200, 5)
    fitted_model = trained.pipeline.named_steps["m"]
    matrix = trained.pipeline[:-1].transform(as_model_frame(frame, INPUTS))
    calibrator = fit_calibrator(
        scores_of(fitted_model, matrix), target(score, task), fitted_model.classes_, "isotonic"
    )
    calibrated = Pipeline([("f", trained.pipeline.named_steps["f"]),
                           ("m", CalibratedModel(fitted_model, calibrator))])  # fmt: skip
    whole = parity.Model(calibrated, INPUTS, ASKED[task], 0.5, {})
    assert chosen(whole, "numpy").proof["hold_out"]["largest_difference"] <= 1e-12
