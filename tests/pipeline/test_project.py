"""`playbill.open()`: any revision as plain objects, a stage in memory, the workspace untouched."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import playbill
from playbill.config.override import override
from playbill.errors import DataError, LineageError, StageError, UsageError
from playbill.lineage import git, worktree
from playbill.pipeline.project import Values

EVALUATION = Path("models", "tiny", "evaluation")


def test_the_workspace_is_read_from_its_files(history: Path) -> None:
    project = playbill.open(root=history)
    assert project.name == "workspace"
    assert project.metrics == {"roc_auc": 0.62, "rows": 300}
    assert list(project.predictions.columns) == ["id", "late", "probability", "prediction"]
    assert list(project.table("prepared/train")["distance"]) == [1.5] * 5
    assert project.bundle == history / "models" / "tiny" / "bundle"
    assert "workspace" in repr(project)


def test_a_revision_is_read_from_git_and_dvc(history: Path) -> None:
    project = playbill.open("first", history)
    assert project.metrics == {"roc_auc": 0.61, "rows": 300}
    assert project.config.seed == 1
    assert len(project.predictions) == 300
    assert (project.bundle / "model" / "pipeline.skops").read_text() == "model of seed 1"
    assert not project.predictions.equals(playbill.open(root=history).predictions)
    assert not worktree.is_dirty(history)


def test_an_experiment_and_a_registered_version_can_be_opened(history: Path) -> None:
    assert playbill.open("quiet-moth", history).params["model"]["c"] == 0.5
    git.run(history, "tag", "-am", "by hand", "tiny@v1.0.0", "first")
    assert playbill.open("tiny@v1.0.0", history).commit == git.resolve(history, "first")


def test_a_table_inside_an_output_folder_of_a_revision_is_found(history: Path) -> None:
    table = playbill.open("first", history).table("prepared/train")
    assert list(table["id"]) == [0, 1, 2, 3, 4]
    with pytest.raises(
        LineageError, match=r"data/prepared of revision .* has no file tset"
    ) as caught:
        playbill.open("first", history).table("prepared/tset")
    assert "train.parquet" in caught.value.expected


def test_old_params_are_taken_as_they_are(history: Path) -> None:
    """A key of yesterday's or tomorrow's release must not make a revision unreadable."""
    config = playbill.open("first", history).config
    assert isinstance(config, Values)
    assert config.contract.columns.id.role == "key"
    assert dict(config.model) == {"c": 0.9}
    assert "seed" in config
    with pytest.raises(AttributeError, match="no key `moddel`"):
        _ = config.moddel


def test_what_is_missing_is_said_with_the_way_to_get_it(history: Path) -> None:
    project = playbill.open(root=history)
    with pytest.raises(
        StageError, match=r"data/nothing\.parquet is not in the workspace"
    ) as caught:
        project.table("nothing")
    assert "dvc repro" in caught.value.run
    with pytest.raises(LineageError, match=r"data/nothing.parquet is not an output"):
        playbill.open("first", history).table("nothing")
    (history / EVALUATION / "metrics.json").unlink()
    with pytest.raises(LineageError, match=r"metrics\.json of the workspace is missing"):
        _ = project.metrics


def test_a_broken_table_is_an_error_with_its_name(history: Path) -> None:
    file = history / EVALUATION / "predictions.parquet"
    file.unlink()
    file.write_bytes(b"not parquet")
    with pytest.raises(DataError, match=r"predictions.parquet of the workspace is not a Parquet"):
        _ = playbill.open(root=history).predictions


def test_outside_a_project_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a Playbill project"):
        playbill.open(root=tmp_path)


@pytest.fixture
def ran(tiny: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The tiny project after its stages ran, without DVC."""
    for stage in ("gather", "learn", "report"):
        run(sys.executable, "-m", f"stages.{stage}", cwd=tiny)
    worktree.commit(tiny, ["."], "ran")
    monkeypatch.chdir(tiny)
    monkeypatch.syspath_prepend(str(tiny))
    kept = {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "stages"}
    for name in kept:
        del sys.modules[name]
    yield tiny
    for name in [n for n in sys.modules if n.partition(".")[0] == "stages"]:
        del sys.modules[name]
    sys.modules.update(kept)


def test_a_stage_runs_in_memory_with_other_choices(ran: Path) -> None:
    project = playbill.open()
    changed: dict[str, Any] = {"model.max_depth": 5}
    returned = project.run("learn", model="forest", seed=11, **changed)
    fitted = returned["fitted"]
    assert isinstance(fitted, dict)
    assert fitted["seed"] == 11
    assert fitted["model"]["max_depth"] == 5
    assert "RandomForest" in fitted["model"]["_target_"]
    assert worktree.changed(ran) == []


@pytest.mark.usefixtures("ran")
def test_the_workspace_has_typed_params() -> None:
    assert playbill.open().config.split.kind == "random"
    assert playbill.open("HEAD").config.split.kind == "random"


def test_a_stage_of_an_old_revision_is_refused(history: Path) -> None:
    with pytest.raises(UsageError, match="runs on the workspace"):
        playbill.open("first", history).run("train")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("forest", "forest"),
        ("it's, so", r"'it\'s, so'"),
        ("5", "'5'"),
        ("true", "'true'"),
        (True, "true"),
        (None, "null"),
        (0.5, "0.5"),
        ([1, "a b"], "[1,'a b']"),
        ({"a": {"b": False}}, "{a:{b:false}}"),
    ],
)
def test_a_python_value_becomes_the_same_value_in_hydra(value: object, text: str) -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import QuotedString

    said = override("key", value)
    assert said == f"key={text}"
    (parsed,) = OverridesParser.create().parse_overrides([said])
    read: Any = parsed.value()
    plain = read.text if isinstance(read, QuotedString) else read
    assert plain == value or isinstance(value, list)


def test_importing_playbill_imports_nothing_heavy() -> None:
    script = "import sys, playbill; print([m for m in sys.modules if m.startswith('playbill')])"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "['playbill']"
