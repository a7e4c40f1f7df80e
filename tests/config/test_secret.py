"""A value of the environment stays there: not in a file, not in a Git object, not in a message."""

import subprocess
from pathlib import Path

import pytest

from playbill.config.composition import compose
from playbill.config.interpolation import impure
from playbill.errors import ConfigError
from tests.config.conftest import edit
from tests.conftest import Run

SECRET = "planted-9f8e7d6c5b4a"
PLANTED = {"PLAYBILL_TEST_TOKEN": SECRET}
ASKED = "${oc.env:PLAYBILL_TEST_TOKEN}"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("${oc.env:HOME}", "oc.env"),
        ("${ oc.env : HOME}", "oc.env"),
        ("${env:HOME}", "env"),
        ("${now:%Y}", "now"),
        ("${hydra:runtime.cwd}", "hydra"),
        ("${mine:1}", "mine"),
        ("a ${seed} b ${oc.env:HOME}", "oc.env"),
        ("${oc.select:x,${oc.env:HOME}}", "oc.env"),
        ("${oc.${x}:HOME}", "oc.${x}"),
        ("${${x}:HOME}", "${x}"),
        ("${oc.decode:'$\\{oc.env:HOME}'}", "oc.decode"),
        ("${oc.create:{a: ${oc.env:HOME}}}", "oc.create"),
        ("${a}}: ${oc.env:X}", "oc.env"),
    ],
)
def test_a_resolver_that_reads_more_than_conf_is_seen(text: str, name: str) -> None:
    assert impure(text) == name


@pytest.mark.parametrize(
    "text",
    ["${seed}", "${a.b}/${c}", "a: b", "${oc.select:a,1}", "{a: ${b}}", "SELECT '{}'::JSON", "$x:"],
)
def test_an_interpolation_of_conf_alone_is_left_alone(text: str) -> None:
    assert impure(text) is None


@pytest.mark.parametrize(
    ("file", "old", "new", "where"),
    [
        ("config.yaml", "seed: 7", f"seed: {ASKED}", "conf/config.yaml:20 seed"),
        ("config.yaml", "seed: 7", "seed: 7\nextra: [1, ['" + ASKED + "']]",
         "conf/config.yaml:21 extra.1.0"),
        ("source/tiny.yaml", "rows.csv", f"'{ASKED}'", "conf/source/tiny.yaml:3"),
        ("recorded.yaml", "_global_\n", "_global_\nseed: " + ASKED + "\n",
         "conf/recorded.yaml:2 seed"),
        ("feature/tiny.yaml", "strategy: median", f"strategy: 'a ${{seed}} {ASKED}'",
         "conf/feature/tiny.yaml:5 feature.groups.numbers.steps.0.strategy"),
    ],
)  # fmt: skip
def test_reading_the_environment_is_refused_wherever_it_stands(
    project: Path, file: str, old: str, new: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYBILL_TEST_TOKEN", SECRET)
    edit(project / "conf" / file, old, new)
    with pytest.raises(ConfigError, match="reads the environment") as caught:
        compose(project)
    assert where.partition(" ")[0] in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("override", [f"seed={ASKED}", "allow=[" + ASKED + "]", "seed=${now:%Y}"])
def test_an_override_that_reads_more_than_conf_is_refused(project: Path, override: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose(project, [override])
    assert override in str(caught.value)


def test_a_file_on_another_search_path_is_no_way_around(project: Path, tmp_path: Path) -> None:
    (tmp_path / "other" / "model").mkdir(parents=True)
    (tmp_path / "other" / "model" / "sly.yaml").write_text(f"C: {ASKED}\n")
    other = f"file://{tmp_path / 'other'}"
    edit(
        project / "conf" / "config.yaml",
        "[pkg://playbill.conf]",
        f"[pkg://playbill.conf, '{other}']",
    )
    with pytest.raises(ConfigError, match="reads the environment"):
        compose(project, ["model=sly"])


def test_without_the_shipped_options_on_the_search_path_nothing_is_composed(project: Path) -> None:
    edit(project / "conf" / "config.yaml", "[pkg://playbill.conf]", "[]")
    for group in (
        "split: random",
        "evaluation: default",
        "bundle: default",
        "server: default",
        "drift: default",
    ):
        edit(project / "conf" / "config.yaml", f"  - {group}\n", "")
    edit(project / "conf" / "config.yaml", "  - model: boosting\n", "")
    with pytest.raises(ConfigError, match="not on Hydra's search path"):
        compose(project)


def holders(project: Path) -> list[str]:
    """Return the files and the Git objects, reachable or not, that hold the secret."""
    found = [
        path.relative_to(project).as_posix()
        for path in project.rglob("*")
        if path.is_file() and SECRET.encode() in path.read_bytes()
    ]
    objects = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"],
        cwd=project, capture_output=True, check=True,
    )  # fmt: skip
    return found + (["a Git object"] if SECRET.encode() in objects.stdout else [])


def test_what_is_planted_is_found_again(tiny: Path, run: Run) -> None:
    (tiny / "leak.txt").write_text(SECRET)
    run("git", "stash", "-u", cwd=tiny)
    assert holders(tiny) == ["a Git object"]


@pytest.mark.pipeline
@pytest.mark.parametrize("place", ["conf", "override"])
def test_no_command_carries_a_secret_out_of_the_environment(
    tiny: Path, run: Run, place: str
) -> None:
    """DVC composes for an experiment before any stage of ours runs: `playbill.conf` refuses."""
    words = ["-S", f"evaluation.threshold={ASKED}"]
    if place == "conf":
        edit(tiny / "conf" / "config.yaml", "seed: 7", f"seed: {ASKED}")
        run("git", "commit", "-qam", "a slip", cwd=tiny)
        words = ["-S", "evaluation.threshold=0.4"]
    commands = [
        ["dvc", "exp", "run", *words],
        ["dvc", "exp", "run", "--queue", *words],
    ]
    if place == "conf":
        ours = [
            ["playbill", "check"],
            ["playbill", "compose"],
            ["dvc", "repro"],
            ["dvc", "exp", "run"],
        ]
        commands = [*ours, *commands]
    for command in commands:
        done = run(*command, cwd=tiny, check=False, **PLANTED)
        assert done.returncode != 0, command
        assert "reads the environment" in done.stdout + done.stderr, command
        assert SECRET not in done.stdout + done.stderr, command
        assert holders(tiny) == [], command
    assert "seed: 7" in (tiny / "params.yaml").read_text()


@pytest.mark.pipeline
@pytest.mark.parametrize("raised", ["RuntimeError", "StageError"])
def test_a_secret_in_what_a_stage_raises_is_not_shown_and_not_logged(
    tiny: Path, run: Run, raised: str
) -> None:
    (tiny / "conf" / "env").mkdir(exist_ok=True)
    (tiny / "conf" / "env" / "local.yaml").write_text("secrets: [PLAYBILL_TEST_TOKEN]\n")
    edit(
        tiny / "stages" / "gather.py",
        "    return {",
        "    from playbill.config.place import secret\n"
        "    from playbill.errors import StageError\n"
        "    password = secret('PLAYBILL_TEST_TOKEN')\n"
        f"    raise {raised}(f'no way in to db://me:{{password}}@host')\n"
        "    return {",
    )
    run("playbill", "compose", cwd=tiny)
    run("git", "add", ".", cwd=tiny)
    run("git", "commit", "-qm", "a source with a password", cwd=tiny)
    commands = [
        ["python", "-m", "stages.gather"],
        ["playbill", "run", "gather"],
        ["dvc", "repro"],
        ["dvc", "exp", "run", "--queue"],
        ["dvc", "exp", "run", "--run-all"],
    ]
    told = ""
    for command in commands:
        done = run(*command, cwd=tiny, check=False, **PLANTED)
        told += done.stdout + done.stderr
    assert "no way in to db://me:***@host" in told
    assert SECRET not in told
    assert holders(tiny) == []


@pytest.mark.pipeline
def test_a_secret_typed_where_its_name_belongs_is_refused_and_not_repeated(
    tiny: Path, run: Run
) -> None:
    (tiny / "conf" / "env").mkdir(exist_ok=True)
    (tiny / "conf" / "env" / "local.yaml").write_text(f"secrets: ['pw={SECRET}']\n")
    for command in (["playbill", "check"], ["playbill", "run", "gather"]):
        done = run(*command, cwd=tiny, check=False)
        assert "conf/env/local.yaml:1 secrets.0" in done.stderr
        assert SECRET not in done.stdout + done.stderr
