"""What a `_target_` may name: every way to another place is refused before anything is imported."""

import sys
from pathlib import Path

import pytest

from playbill.config.composition import compose
from playbill.config.target import build, import_target
from playbill.errors import ConfigError, TargetError
from tests.config.conftest import edit
from tests.conftest import Run

FORBIDDEN = [
    "os.system",
    "subprocess.run",
    "subprocess:run",
    "pandas.read_pickle",
    "joblib.load",
    "builtins.eval",
    "sklearn.datasets.fetch_california_housing",
    "sklearn.datasets:load_files",
    "sklearn.base.clone",
    "sklearnx.Foo",
    "sklearn",
    "stages.flights.os.system",
    "stages.flights.system",
    "stages.flights.loads",
    "stages.flights.shell",
    "stages.flights.os",
    "stages.__init__.Thing",
    "stages.flights.__builtins__",
    "stages.flights.__loader__.load_module",
    "stages..flights.Thing",
]
FLIGHTS = """
import os
from os import system
from pickle import loads
from stages.inner import shell


class Thing:
    def __init__(self, size: int = 1) -> None:
        self.size = size

    def fit(self, rows: object, target: object) -> "Thing":
        return self

    def predict_proba(self, rows: object) -> object:
        return rows


def make(size: int = 1) -> Thing:
    return Thing(size)
"""


@pytest.fixture
def sly(project: Path) -> Path:
    """A project whose own module has imported what must not be reached through it."""
    (project / "stages" / "flights.py").write_text(FLIGHTS)
    (project / "stages" / "inner.py").write_text(
        "import subprocess\n\nfrom os import popen as shell\n"
    )
    return project


def with_model(project: Path, text: str) -> Path:
    folder = project / "conf" / "model"
    folder.mkdir(exist_ok=True)
    (folder / "boosting.yaml").write_text(text)
    return project


def refusal(project: Path, *overrides: str) -> TargetError:
    with pytest.raises(TargetError) as caught:
        _ = compose(project, overrides).params
    assert "to allow it, add `" in str(caught.value)
    return caught.value


@pytest.mark.parametrize("path", FORBIDDEN)
def test_what_is_not_allowed_is_refused_with_its_line_and_the_way_to_allow_it(
    sly: Path, path: str
) -> None:
    edit(sly / "conf" / "feature" / "tiny.yaml", "sklearn.impute.SimpleImputer", f"'{path}'")
    error = refusal(sly)
    assert error.where == "conf/feature/tiny.yaml:5 feature.groups.numbers.steps.0._target_"
    assert f"`{path}`" in error.what


@pytest.mark.parametrize("path", ["stages.flights.Thing", "stages.flights:make"])
def test_what_the_project_defines_itself_is_allowed_and_its_arguments_are_checked(
    sly: Path, path: str
) -> None:
    with_model(sly, f"_target_: {path}\nsize: 2\n")
    assert compose(sly).params.model["size"] == 2
    with pytest.raises(ConfigError, match="`size`"):
        _ = compose(sly, ["+model.sise=2"]).params


@pytest.mark.parametrize(
    "value",
    [
        "{_target_: os.system}",
        "[{_target_: os.system}]",
        "[{deep: [{_target_: os.system}]}]",
        "{deep: {deeper: {_target_: os.system}}}",
    ],
)
def test_a_nested_target_is_refused_however_deep(project: Path, value: str) -> None:
    edit(project / "conf" / "feature" / "tiny.yaml", "strategy: median", f"missing_values: {value}")
    error = refusal(project)
    assert error.where.startswith("conf/feature/tiny.yaml:5 feature.groups.numbers.steps.0.missing")
    assert error.where.endswith("._target_")


def test_a_target_smuggled_through_an_interpolation_is_refused_at_its_line(project: Path) -> None:
    edit(project / "conf" / "feature" / "tiny.yaml", "sklearn.impute.SimpleImputer",
         "'${contract.columns.id.description}'")  # fmt: skip
    edit(project / "conf" / "contract" / "tiny.yaml", "{role: key}",
         "{role: key, description: os.system}")  # fmt: skip
    assert "conf/feature/tiny.yaml:5" in refusal(project).where


@pytest.mark.parametrize(
    "override",
    [
        "model._target_=os.system",
        "model={_target_: os.system}",
        "+model.extra={_target_: os.system}",
    ],
)
def test_a_target_smuggled_through_an_override_is_refused(project: Path, override: str) -> None:
    assert override in str(refusal(project, override))


@pytest.mark.parametrize("override", ["allow=[os.]", "++allow.3=os.", "+allow=[os.]", "~allow"])
def test_an_override_cannot_widen_the_list(project: Path, override: str) -> None:
    with pytest.raises(ConfigError, match="allow list cannot be changed by an override"):
        compose(project, [override])


@pytest.mark.pipeline
def test_an_experiment_cannot_widen_the_list(tiny: Path, run: Run) -> None:
    words = ["-S", "allow=[sklearn.,stages.,os.]", "-S", "model._target_=os.system"]
    done = run("dvc", "exp", "run", *words, cwd=tiny, check=False)
    assert "PB100 the allow list cannot be changed by an override" in done.stderr
    recorded = tiny / "conf" / "recorded.yaml"
    assert recorded.read_text() == "# @package _global_\n"
    recorded.write_text("# @package _global_\nallow: [os.]\n")
    assert "conf/recorded.yaml allow" in run("playbill", "check", cwd=tiny, check=False).stderr


@pytest.mark.pipeline
def test_an_experiment_with_a_forbidden_target_is_refused_and_leaves_nothing(
    tiny: Path, run: Run
) -> None:
    done = run("dvc", "exp", "run", "-S", "model._target_=os.system", cwd=tiny, check=False)
    assert "PB110 `os.system` is not on the allow list" in done.stderr
    assert "conf/config.yaml" in done.stderr
    assert (tiny / "conf" / "recorded.yaml").read_text() == "# @package _global_\n"


def test_a_function_of_a_source_is_held_to_the_same_list(project: Path) -> None:
    edit(project / "conf" / "source" / "tiny.yaml", "{kind: file, path: rows.csv}",
         "{kind: python, target: 'pandas:read_pickle'}")  # fmt: skip
    assert refusal(project).where == "conf/source/tiny.yaml:3 source.sources.rows.target"


def test_every_forbidden_target_is_told_at_once(project: Path) -> None:
    edit(project / "conf" / "feature" / "tiny.yaml", "sklearn.impute.SimpleImputer", "os.system")
    error = refusal(project, "model._target_=joblib.load")
    assert "2 problems" in error.what
    assert "`os.system`" in error.what
    assert "`joblib.load`" in error.what


def test_a_name_on_the_list_by_itself_is_allowed_wherever_it_leads(sly: Path) -> None:
    edit(sly / "conf" / "config.yaml", "stages.]", "stages.flights.loads]")
    _ = compose(with_model(sly, "_target_: stages.flights.loads\n")).params


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("sklearn.impute.SimpelImputer", "`SimpleImputer`"),
        ("sklearn.imput.SimpleImputer", "`impute`"),
        ("stages.flights.Thin", "`Thing`"),
        ("stages.flight.Thing", "`flights`"),
        ("sklearn.utils.os.system", "one of"),
        ("sklearn.externals.joblib.os.system", "one of"),
    ],
)
def test_an_allowed_name_that_does_not_exist_names_the_nearest(
    sly: Path, path: str, nearest: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        _ = compose(with_model(sly, f"_target_: {path}\n")).params
    assert f"`{path}` does not exist" in caught.value.what
    assert nearest in caught.value.expected


def test_a_whole_module_is_no_target(sly: Path) -> None:
    with pytest.raises(ConfigError, match="is a module"):
        _ = compose(with_model(sly, "_target_: stages.flights\n")).params


@pytest.fixture
def castle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An importable package of the same kind: what counts in the end is the object itself."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "castle"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "castle").mkdir()
    (tmp_path / "castle" / "__init__.py").write_text("")
    (tmp_path / "castle" / "gate.py").write_text(
        "import os\nfrom os import system\nfrom subprocess import run, Popen\nopen_ = eval\n"
        "vars()['hid' + 'den'] = system\n\n\nclass Thing: ...\n\n\ndef make(): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "castle.gate"


@pytest.mark.parametrize(
    "name", ["os", "system", "run", "Popen", "open_", "hidden", "__builtins__", "__loader__"]
)
def test_importing_a_target_asks_the_object_where_it_comes_from(castle: str, name: str) -> None:
    with pytest.raises(TargetError, match="not on the allow list") as caught:
        import_target(f"{castle}.{name}", ["castle."])
    assert f"{castle}.{name}" in caught.value.run


@pytest.mark.parametrize("path", ["os.system", "castle.gate.os.system", "castlex.y", "castle.gate"])
def test_no_path_leads_out_of_an_allowed_package(castle: str, path: str) -> None:
    with pytest.raises(ConfigError):
        import_target(path, ["castle.gate."])


@pytest.mark.parametrize("name", ["Thing", "make"])
def test_what_an_allowed_module_defines_is_imported(castle: str, name: str) -> None:
    assert import_target(f"{castle}.{name}", ["castle."]).__name__ == name


def test_a_prefix_lets_no_function_be_called(castle: str) -> None:
    assert build({"_target_": f"{castle}.Thing"}, ["castle."])
    with pytest.raises(TargetError, match="is no class") as caught:
        build({"_target_": f"{castle}.make"}, ["castle."])
    assert f"add `{castle}.make`" in caught.value.run
    assert build({"_target_": f"{castle}.make"}, ["castle.", f"{castle}.make"]) is None


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("exploded"),)  # type: ignore[return-value]


def test_a_pickle_is_not_loaded_through_a_function_of_an_allowed_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """scikit-learn's loaders of data sets unpickle what they find in a folder."""
    import joblib

    monkeypatch.chdir(tmp_path)
    joblib.dump(_Bomb(), tmp_path / "cal_housing_py3.pkz")
    target = {
        "_target_": "sklearn.datasets.fetch_california_housing",
        "data_home": str(tmp_path),
        "download_if_missing": False,
    }
    with pytest.raises(TargetError, match="is no class"):
        build({"_target_": "sklearn.pipeline.Pipeline", "steps": [target]}, ["sklearn."])
    assert not Path("exploded").exists()
