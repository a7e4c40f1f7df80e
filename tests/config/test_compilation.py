"""compose as DVC runs it: edits, hand edits, experiments, a changed graph, an environment."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from playbill.config.compilation import hand_edit
from playbill.config.params import ParamsFile, read_file
from tests.config.conftest import edit
from tests.conftest import Run

pytestmark = pytest.mark.pipeline


def ran(text: str) -> list[str]:
    return re.findall(r"Running stage '(\w+)'", text)


def params(project: Path) -> dict[str, object]:
    found = yaml.safe_load((project / "params.yaml").read_text())
    assert isinstance(found, dict)
    return found


def fitted(project: Path) -> dict[str, object]:
    found = json.loads((project / "models" / "tiny" / "fitted.json").read_text())
    assert isinstance(found, dict)
    return found


def test_dvc_repro_runs_what_an_edit_touches_and_nothing_twice(tiny: Path, run: Run) -> None:
    assert ran(run("dvc", "repro", cwd=tiny).stdout) == ["compose", "gather", "learn", "report"]
    assert ran(run("dvc", "repro", cwd=tiny).stdout) == []
    assert run("playbill", "compose", "--check", cwd=tiny).returncode == 0
    edit(tiny / "conf" / "config.yaml", "model: boosting", "model: forest")
    assert ran(run("dvc", "repro", cwd=tiny).stdout) == ["compose", "learn", "report"]
    assert "RandomForest" in str(fitted(tiny)["model"])


def test_compose_check_exits_1_over_a_stale_file_and_writes_nothing(tiny: Path, run: Run) -> None:
    edit(tiny / "conf" / "config.yaml", "seed: 7", "seed: 8")
    before = (tiny / "params.yaml").read_bytes()
    done = run("playbill", "compose", "--check", cwd=tiny, check=False)
    assert done.returncode == 1
    assert "params.yaml" in done.stderr
    assert (tiny / "params.yaml").read_bytes() == before


def test_a_typo_says_the_same_under_check_compose_and_dvc_repro(tiny: Path, run: Run) -> None:
    edit(tiny / "conf" / "config.yaml", "seed: 7", "sead: 7")
    texts = [
        run("playbill", "check", cwd=tiny, check=False),
        run("playbill", "compose", cwd=tiny, check=False),
        run("dvc", "repro", cwd=tiny, check=False),
    ]
    assert [done.returncode for done in texts] == [2, 2, 255]
    for done in texts:
        assert "conf/config.yaml:20 sead" in done.stderr
        assert "`seed`" in done.stderr


def test_experiments_are_true_afterwards(tiny: Path, run: Run) -> None:
    run("dvc", "repro", cwd=tiny)
    run("git", "add", "-A", cwd=tiny)
    run("git", "commit", "-qm", "run", cwd=tiny)

    done = run("dvc", "exp", "run", "-S", "model=forest", "-S", "model.max_depth=8", cwd=tiny)
    assert ran(done.stdout) == ["compose", "learn", "report"]
    model = fitted(tiny)["model"]
    assert isinstance(model, dict)
    assert model["max_depth"] == 8
    assert "RandomForest" in model["_target_"]
    assert ran(run("dvc", "repro", cwd=tiny).stdout) == []
    assert run("playbill", "compose", "--check", cwd=tiny).returncode == 0

    run("dvc", "exp", "run", "-S", "seed=5", cwd=tiny)
    assert params(tiny)["seed"] == 5
    assert fitted(tiny)["model"]["max_depth"] == 8  # type: ignore[index]
    assert fitted(tiny)["model"]["random_state"] == 5  # type: ignore[index]

    assert ran(run("dvc", "exp", "run", cwd=tiny).stdout) == ["compose"]
    assert params(tiny)["seed"] == 5

    back = run("dvc", "exp", "run", "-S", "model=boosting", cwd=tiny)
    assert "HistGradient" in str(fitted(tiny)["model"])
    assert "applies to the new choice too" in back.stdout
    assert ran(run("dvc", "repro", cwd=tiny).stdout) == []

    run("dvc", "exp", "run", "-S", "model=logistic", cwd=tiny)
    assert "max_depth" not in (tiny / "conf" / "recorded.yaml").read_text()
    assert run("playbill", "compose", "--check", cwd=tiny).returncode == 0


def test_a_refused_experiment_leaves_nothing_recorded(tiny: Path, run: Run) -> None:
    done = run("dvc", "exp", "run", "-S", "model.max_iter=abc", cwd=tiny, check=False)
    assert done.returncode != 0
    assert "model.max_iter" in done.stderr
    assert "a whole number" in done.stderr
    assert (tiny / "conf" / "recorded.yaml").read_text() == "# @package _global_\n"
    again = run("dvc", "repro", cwd=tiny)
    assert "experiment that failed" in again.stdout
    assert params(tiny)["seed"] == 7


def test_a_queued_experiment_runs_with_what_it_said(tiny: Path, run: Run) -> None:
    run("dvc", "repro", cwd=tiny)
    run("git", "add", "-A", cwd=tiny)
    run("git", "commit", "-qm", "run", cwd=tiny)
    run("dvc", "exp", "run", "--temp", "-S", "seed=9", "-n", "nine", cwd=tiny)
    assert params(tiny)["seed"] == 7
    run("dvc", "exp", "apply", "nine", cwd=tiny)
    assert params(tiny)["seed"] == 9
    assert fitted(tiny)["seed"] == 9
    assert ran(run("dvc", "repro", cwd=tiny).stdout) == []


def test_an_edit_under_a_recorded_value_is_refused_and_adopt_mends_it(tiny: Path, run: Run) -> None:
    run("dvc", "exp", "run", "-S", "seed=5", "-S", "model.max_iter=9", cwd=tiny)
    edit(tiny / "conf" / "config.yaml", "seed: 7", "seed: 8")
    done = run("dvc", "repro", cwd=tiny, check=False)
    assert "conf/config.yaml:20 seed" in done.stderr
    assert "playbill adopt" in done.stderr
    run("playbill", "adopt", cwd=tiny)
    assert "seed: 5  # of everything that draws" in (tiny / "conf" / "config.yaml").read_text()
    assert "max_iter: 9" in (tiny / "conf" / "model" / "boosting.yaml").read_text()
    assert ran(run("dvc", "repro", cwd=tiny).stdout) == ["compose"]
    assert run("playbill", "adopt", cwd=tiny).stdout == "nothing to adopt\n"


def test_a_value_typed_into_params_yaml_is_not_eaten(tiny: Path, run: Run) -> None:
    run("dvc", "repro", cwd=tiny)
    edit(tiny / "params.yaml", "\nseed: 7", "\nseed: 12")
    done = run("dvc", "repro", cwd=tiny, check=False)
    assert done.returncode == 255
    assert "seed: 12 here, 7 in conf/config.yaml:20" in done.stderr
    assert "adopt --from-params" in done.stderr
    assert params(tiny)["seed"] == 12
    run("playbill", "adopt", "--from-params", cwd=tiny)
    assert ran(run("dvc", "repro", cwd=tiny).stdout) == ["compose", "learn", "report"]
    assert fitted(tiny)["seed"] == 12


def test_many_hand_edits_are_told_a_line_each_and_the_rest_counted(tiny: Path) -> None:
    values = read_file(tiny)
    assert values is not None
    many = {f"k{number}": number for number in range(30)}
    edited = {**values.values, "seed": 12, "model": {**values.values["model"], **many}}
    said = hand_edit(tiny, ParamsFile(edited, values.declared)).what.splitlines()
    assert said[0] == "params.yaml was edited by hand, 31 keys:"
    assert said[-1] == "  and 11 more: model 11"
    assert len(said) == 22
    assert "  seed: 12 here, 7 in conf/config.yaml:" in "\n".join(said)


def test_compose_drops_a_hand_edit_when_asked(tiny: Path, run: Run) -> None:
    edit(tiny / "params.yaml", "\nseed: 7", "\nseed: 12")
    run("playbill", "compose", cwd=tiny)
    assert params(tiny)["seed"] == 7


def test_a_changed_graph_takes_two_runs_and_says_so(tiny: Path, run: Run) -> None:
    run("dvc", "repro", cwd=tiny)
    (tiny / "stages" / "rules.py").write_text('"""Rules."""\n\nFACTOR = 1\n')
    edit(
        tiny / "stages" / "learn.py",
        "from playbill",
        "from stages.rules import FACTOR\nfrom playbill",
    )
    edit(tiny / "stages" / "learn.py", '"seed": params.seed', '"seed": params.seed * FACTOR')
    done = run("dvc", "repro", cwd=tiny, check=False)
    assert "the graph changed: run `dvc repro` again" in done.stderr
    assert "learn" in ran(run("dvc", "repro", cwd=tiny).stdout)
    edit(tiny / "stages" / "rules.py", "FACTOR = 1", "FACTOR = 2")
    again = ran(run("dvc", "repro", cwd=tiny).stdout)
    assert again == ["compose", "learn", "report"]
    assert fitted(tiny)["seed"] == 14


def test_a_package_off_the_pins_is_told_before_any_stage_reads(tiny: Path, run: Run) -> None:
    (tiny / "constraints.txt").write_text("pyyaml==0.0.1\n")
    done = run("dvc", "repro", cwd=tiny, check=False)
    assert "the environment is not the pinned one: pyyaml is" in done.stderr
    assert "pinned 0.0.1" in done.stderr
    assert "gather" not in ran(done.stdout)


def test_a_stage_refuses_an_environment_that_compose_did_not_see(tiny: Path, run: Run) -> None:
    edit(
        tiny / "conf" / "pipeline" / "tiny.yaml",
        "config: [source]",
        "config: [source]\n    packages: [pyyaml]",
    )
    run("playbill", "compose", cwd=tiny)
    text = (tiny / "params.yaml").read_text()
    version = params(tiny)["environment"]["gather"]["packages"]["pyyaml"]  # type: ignore[index]
    (tiny / "params.yaml").write_text(text.replace(f"pyyaml: {version}", "pyyaml: 0.0.1"))
    done = run("python", "-m", "stages.gather", cwd=tiny, check=False)
    assert done.returncode == 3
    assert "the environment is not the pinned one: pyyaml is" in done.stderr
    assert "python -m stages.gather" in done.stderr


def test_a_stage_says_which_input_is_missing(tiny: Path, run: Run) -> None:
    done = run("python", "-m", "stages.learn", cwd=tiny, check=False)
    assert done.returncode == 3
    assert "data/table.json does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_work_from_any_folder_of_the_project(tiny: Path, run: Run) -> None:
    for folder in ("conf", "conf/model", "stages"):
        (tiny / folder).mkdir(exist_ok=True)
        assert run("playbill", "compose", "--check", cwd=tiny / folder).returncode == 0


def test_a_stage_without_its_module_is_refused_with_the_nearest(tiny: Path, run: Run) -> None:
    edit(tiny / "conf" / "pipeline" / "tiny.yaml", "stages.learn:run", "stages.lern:run")
    done = run("playbill", "check", cwd=tiny, check=False)
    assert done.returncode == 2
    assert "conf/pipeline/tiny.yaml:7 pipeline.stages.learn.function" in done.stderr
    assert "`stages.learn`" in done.stderr


def test_code_that_cannot_be_parsed_is_named_with_its_line(tiny: Path, run: Run) -> None:
    (tiny / "stages" / "learn.py").write_text('"""Learn."""\n\ndef run(:\n')
    done = run("playbill", "check", cwd=tiny, check=False)
    assert done.returncode == 2
    assert "stages/learn.py:3" in done.stderr


def test_check_and_compose_do_not_call_a_hand_edit_stale(tiny: Path, run: Run) -> None:
    edit(tiny / "params.yaml", "\nseed: 7", "\nseed: 12")
    told = run("playbill", "check", cwd=tiny).stdout
    assert "seed: 12 here, 7 in conf/config.yaml:20" in told
    assert "adopt --from-params" in told
    done = run("playbill", "compose", "--check", cwd=tiny, check=False)
    assert done.returncode == 1
    assert "adopt --from-params" in done.stderr
    assert params(tiny)["seed"] == 12
    assert "dropped:" in run("playbill", "compose", cwd=tiny).stderr


@pytest.mark.pipeline
def test_without_a_dvc_yaml_every_command_names_what_writes_it(tiny: Path, run: Run) -> None:
    """`dvc repro` itself says only that the file is missing, so it is no cure."""
    (tiny / "dvc.yaml").unlink()
    assert (
        "not compiled yet: dvc.yaml (playbill compose)" in run("playbill", "check", cwd=tiny).stdout
    )
    planned = run("playbill", "plan", cwd=tiny, check=False)
    assert planned.returncode == 2
    assert "there is no dvc.yaml" in planned.stderr
    assert "nothing to do" not in planned.stdout
    doctor = run("playbill", "doctor", cwd=tiny, check=False).stdout
    assert "next: playbill compose" in doctor
    run("playbill", "compose", cwd=tiny)
    run("dvc", "repro", cwd=tiny)


@pytest.mark.pipeline
def test_an_experiment_that_changes_the_graph_says_what_to_do_and_then_does_it(
    tiny: Path, run: Run
) -> None:
    done = run("dvc", "exp", "run", "-S", "name=other", cwd=tiny, check=False)
    assert done.returncode != 0
    assert "the experiment changes the graph" in done.stderr
    assert "run `dvc exp run` again" in done.stderr
    run("dvc", "exp", "run", cwd=tiny)
    assert "name: other" in (tiny / "params.yaml").read_text()
    assert run("playbill", "compose", "--check", cwd=tiny).returncode == 0


@pytest.mark.pipeline
def test_a_merges_markers_in_params_yaml_are_named_as_such(tiny: Path, run: Run) -> None:
    file = tiny / "params.yaml"
    file.write_text(f"<<<<<<< HEAD\n{file.read_text()}")
    for command in ("check", "compose"):
        done = run("playbill", command, cwd=tiny, check=False)
        assert "a merge left its conflict markers in params.yaml" in done.stderr
        assert "params.yaml:1" in done.stderr
        assert "playbill compose --merge" in done.stderr


@pytest.mark.pipeline
def test_digests_stand_for_the_values_in_dvc_lock_and_plan_still_names_them(
    tiny: Path, run: Run
) -> None:
    run("playbill", "compose", cwd=tiny)
    run("dvc", "repro", cwd=tiny)
    lock = (tiny / "dvc.lock").read_text()
    assert "params.digest.json" in lock
    assert "max_iter" not in lock
    edit(tiny / "conf" / "config.yaml", "seed: 7", "seed: 8")
    run("dvc", "repro", cwd=tiny)  # dvc.lock is now ahead of every commit
    edit(tiny / "conf" / "config.yaml", "seed: 8", "seed: 9")
    run("playbill", "compose", cwd=tiny)  # and params.yaml no longer has what it was made with
    assert "seed: 8 -> 9" in run("playbill", "plan", cwd=tiny).stdout
    shutil.rmtree(tiny / ".dvc" / "tmp" / "playbill" / "params")
    said = run("playbill", "plan", cwd=tiny).stdout
    assert "seed: changed (no params.yaml here has what dvc.lock was made with)" in said
