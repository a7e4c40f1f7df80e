"""The environment as an input: what changes a stage's share of it, and what a difference does."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from playbill.config.environment import check_stage
from playbill.config.params import read_params
from playbill.errors import InstalledError
from tests.config.conftest import edit
from tests.conftest import Run

SCHEMA = "playbill/config/schema.py"
GROUP = "playbill/config/group.py"
ROOT = Path(__file__).resolve().parents[2]
# Each edit of a copy of the project: the file, what is replaced (nothing: behind its end), by what.
CODE = "\n\nEXTRA = 1\n"
EDITS = {
    "nothing": ("playbill/cli/check.py", "", ""),
    "command line": ("playbill/cli/check.py", "", CODE),
    "compiler": ("playbill/config/composition.py", "", CODE),
    "check of a stage": ("playbill/config/environment.py", "", CODE),
    "comment": ("playbill/source/join.py", "", "\n# A remark.\n"),
    "model": ("playbill/model/estimator.py", "", CODE),
    "source": ("playbill/source/join.py", "", CODE),
    "runner": ("playbill/pipeline/runner.py", "", CODE),
    "runtime": ("playbill/bundle/runtime/skops.py", "", "\n# A remark.\n"),
    "page": ("playbill/server/pages/page.css", "", "\n/* A remark. */\n"),
    "docstring of the server": ("playbill/server/problem.py", '"""', '"""Now: '),
    "key of drift": (
        "playbill/config/policy.py",
        "    minimum_effect: Annot",
        "    more: int = 0\n    minimum_effect: Annot",
    ),
    "default of split": (SCHEMA, "test_size: Share = 0.2", "test_size: Share = 0.3"),
    "what all models are": (GROUP, "        strict=True,", "        strict=False,"),
    "what shares are": ("playbill/config/scalar.py", "Field(gt=0, lt=1)", "Field(gt=0, le=1)"),
    "what spans are": (
        "playbill/config/scalar.py",
        "Field(pattern=PATTERN)",
        "Field(min_length=2)",
    ),
    "comment in a stage": ("stages/flights.py", "", "\n# A remark.\n"),
    "stage": ("stages/flights.py", "", CODE),
}
EVERY = {"ingest", "validate", "prepare", "train", "evaluate", "server", "package"}
# They carry, or state a digest of, the files that ship as they are, the models of conf/ among them.
CARRIERS = {"server", "package"}
PROGRAM = """
import json, pathlib, sys
import playbill
from playbill.config.closure import SourceTree
from playbill.config.composition import compose
from playbill.config.environment import stage_environment

root = pathlib.Path.cwd()
assert pathlib.Path(playbill.__file__).is_relative_to(root), playbill.__file__
params = compose(root).params
answer = {}
for name, (file, old, new) in json.loads(sys.argv[1]).items():
    path = root / file
    before = path.read_text()
    assert old in before, (name, old)
    path.write_text(before.replace(old, new, 1) if old else before + new)
    tree = SourceTree(root, params.pipeline.sources)
    stages = params.pipeline.stages
    answer[name] = {s: stage_environment(params, s, tree).model_dump() for s in stages}
    path.write_text(before)
print(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Return for each edit the stages whose environment differs from that of the plain copy."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("playbill", "stages", "conf"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(EDITS)],
        cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    plain = found["nothing"]
    return {n: {s for s in stages if stages[s] != plain[s]} for n, stages in found.items()}


def test_an_edit_of_the_command_line_changes_no_stage(changed: dict[str, set[str]]) -> None:
    assert changed["command line"] == set()


def test_a_fix_of_the_compiler_or_of_a_check_changes_no_stage(changed: dict[str, set[str]]) -> None:
    assert changed["compiler"] == set()
    assert changed["check of a stage"] == set()


def test_an_edit_of_the_runner_changes_every_stage(changed: dict[str, set[str]]) -> None:
    assert changed["runner"] == EVERY
    assert changed["what all models are"] == EVERY


def test_a_new_key_changes_only_the_stages_that_read_its_group(
    changed: dict[str, set[str]],
) -> None:
    assert changed["key of drift"] == CARRIERS
    # Of sources, and of the age that the contract allows.
    assert changed["what spans are"] == EVERY
    # Shares stand in contract, split, evaluation and drift; ingest reads none of them.
    assert changed["what shares are"] == EVERY - {"ingest"}
    # `train` does not list `split`, but the code with which it folds names the model.
    assert changed["default of split"] == {"prepare", "train", *CARRIERS}


def test_an_edit_of_what_a_bundle_carries_changes_it_though_only_named(
    changed: dict[str, set[str]],
) -> None:
    assert changed["runtime"] == CARRIERS
    assert changed["page"] == CARRIERS
    assert changed["docstring of the server"] == CARRIERS


def test_a_comment_changes_no_stage(changed: dict[str, set[str]]) -> None:
    assert changed["comment"] == set()
    assert changed["comment in a stage"] == set()


def test_an_edit_of_the_model_code_changes_train_and_not_what_comes_before(
    changed: dict[str, set[str]],
) -> None:
    assert "train" in changed["model"]
    assert changed["model"] & {"ingest", "validate", "prepare"} == set()


def test_an_edit_of_the_source_code_changes_ingest_and_not_train(
    changed: dict[str, set[str]],
) -> None:
    assert "ingest" in changed["source"]
    assert changed["source"] & {"train", "evaluate"} == set()


def test_an_edit_of_what_a_source_names_changes_ingest_alone(changed: dict[str, set[str]]) -> None:
    assert "ingest" in changed["stage"]
    assert "train" not in changed["stage"]


def fake(folder: Path, name: str, version: str) -> str:
    """Put the metadata of a distribution into a folder that comes first on the path."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return str(folder)


@pytest.fixture
def pinned(tiny: Path, run: Run) -> Path:
    """A project that has run, its learn stage dependent on a pinned package."""
    edit(tiny / "conf" / "pipeline" / "tiny.yaml", "config: [model, seed]",
         "config: [model, seed]\n    packages: [scikit-learn]")  # fmt: skip
    version = json.loads(
        run(sys.executable, "-c",
            "import json, importlib.metadata as m; print(json.dumps(m.version('scikit-learn')))",
            cwd=tiny).stdout
    )  # fmt: skip
    (tiny / "constraints.txt").write_text(f"scikit-learn=={version}\n")
    run("playbill", "compose", cwd=tiny)
    run("dvc", "repro", cwd=tiny)
    return tiny


@pytest.mark.pipeline
def test_another_version_is_told_and_cannot_flip_dvc_lock(
    pinned: Path, run: Run, tmp_path: Path
) -> None:
    """On such a laptop nothing that DVC would take for a change makes a stage run."""
    path = fake(tmp_path / "site", "scikit_learn", "0.0.1")
    names = ("dvc.lock", "params.yaml", "dvc.yaml")
    before = [(pinned / name).read_bytes() for name in names]
    edit(pinned / "conf" / "config.yaml", "seed: 7", "seed: 8")
    commands = [
        ["playbill", "compose"],
        ["dvc", "repro"],
        ["dvc", "repro", "-f", "-s", "learn"],
        ["python", "-m", "stages.learn"],
    ]
    for command in commands:
        done = run(*command, cwd=pinned, check=False, PYTHONPATH=path)
        assert done.returncode != 0, command
        assert "scikit-learn is 0.0.1, pinned" in done.stderr, command
        assert "pip install -c constraints.txt" in done.stderr, command
    assert [(pinned / name).read_bytes() for name in names] == before


@pytest.mark.pipeline
def test_a_package_that_is_not_there_is_told_before_anything_is_deleted(
    pinned: Path, run: Run
) -> None:
    """The stage would be run, and DVC deletes what it wrote before it runs it."""
    edit(pinned / "conf" / "pipeline" / "tiny.yaml", "scikit-learn]", "scikit-learn, no-such]")
    names = ("params.yaml", "dvc.lock", "models/tiny/fitted.json")
    before = [(pinned / name).read_bytes() for name in names]
    for command in (["dvc", "repro"], ["playbill", "compose"], ["playbill", "check"]):
        done = run(*command, cwd=pinned, check=False)
        assert done.returncode != 0, command
        assert "not installed: no-such (learn)" in done.stderr, command
        assert "pip install -c constraints.txt" in done.stderr, command
    assert [(pinned / name).read_bytes() for name in names] == before


@pytest.mark.pipeline
def test_a_new_pin_reruns_what_depends_on_the_package_and_nothing_else(
    pinned: Path, run: Run, tmp_path: Path
) -> None:
    path = fake(tmp_path / "site", "scikit_learn", "99.0.0")
    (pinned / "constraints.txt").write_text("scikit-learn==99.0.0\n")
    done = run("dvc", "repro", cwd=pinned, PYTHONPATH=path)
    assert [n for n in ("compose", "gather", "learn") if f"Running stage '{n}'" in done.stdout] == [
        "compose", "learn",
    ]  # fmt: skip


def test_a_stage_refuses_another_framework_than_compose_saw(
    pinned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from playbill.config import closure

    monkeypatch.setattr(closure.SourceTree, "framework_digest", lambda *_: "0" * 32)
    check_stage(read_params(pinned), "learn", pinned)  # nothing moved since it was compiled here
    (pinned / "stages" / "shared.py").write_text("MOVED = 1\n")
    with pytest.raises(InstalledError, match="would run other code"):
        check_stage(read_params(pinned), "learn", pinned)


@pytest.mark.parametrize(
    ("runtimes", "counts"),
    [
        (["numpy", "onnx", "skops"], False),
        (["numpy", "skops"], False),
        (["onnx", "skops"], True),
        (["onnx", "numpy"], True),
    ],
)
def test_onnx_is_an_input_where_it_can_be_taken(
    runtimes: list[str],
    counts: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    from playbill.config.closure import SourceTree
    from playbill.config.environment import stage_environment
    from playbill.config.params import read_params

    params = read_params(ROOT)
    bundle = params.bundle.model_copy(update={"runtimes": runtimes})
    params = params.model_copy(update={"bundle": bundle})
    tree = SourceTree(ROOT, params.pipeline.sources)
    for stage in ("evaluate", "train"):
        packages = stage_environment(params, stage, tree).packages
        assert ("onnxruntime" in packages) == (counts and stage == "evaluate")
