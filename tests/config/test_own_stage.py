"""The how-to for stages of one's own, done step by step; and what is refused."""

import json
import re
from pathlib import Path

import pytest
import yaml

from playbill.config import matrix
from playbill.config.compilation import compile_project
from playbill.config.composition import compose
from playbill.errors import ConfigError
from tests.config.conftest import edit
from tests.conftest import REPOSITORY, Run

HOW_TO = REPOSITORY / "docs" / "how-to" / "own-stage.md"
FILE = re.compile(r"^`([\w/.]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^```yaml\n(pipeline:\n.*?)^```$", re.MULTILINE | re.DOTALL)


def ran(text: str) -> list[str]:
    return re.findall(r"Running stage '([\w-]+)'", text)


def follow(folder: Path, *names: str, flow: str = "") -> None:
    """Write the files that the how-to shows, and choose a flow."""
    shown = dict(FILE.findall(HOW_TO.read_text("utf-8")))
    for name in names:
        (folder / name).write_text(shown[name], "utf-8")
    if flow:
        edit(folder / "conf" / "config.yaml", "pipeline: tiny", f"pipeline: {flow}")


def segments(folder: Path) -> Path:
    """The how-to's flow with a matrix; returns its file."""
    flow = "conf/pipeline/segments.yaml"
    follow(folder, flow, "stages/segment.py", "stages/contest.py", flow="segments")
    return folder / flow


def read(path: Path) -> object:
    return json.loads(path.read_text("utf-8"))


@pytest.mark.pipeline
def test_a_stage_is_added_and_another_swapped_as_the_how_to_says(tiny: Path, run: Run) -> None:
    follow(tiny, "stages/enrich.py", "conf/pipeline/flow.yaml", "stages/median.py", flow="flow")
    run("playbill", "compose", cwd=tiny)
    done = ran(run("dvc", "repro", cwd=tiny).stdout)
    assert done == ["compose", "gather", "enrich", "learn", "report"]
    assert read(tiny / "models" / "tiny" / "fitted.json")["rows"] == 3  # type: ignore[index]

    (section,) = SECTION.findall(HOW_TO.read_text("utf-8"))
    with (tiny / "conf" / "config.yaml").open("a", encoding="utf-8") as file:
        file.write("\n" + section)
    run("playbill", "compose", cwd=tiny)
    assert ran(run("dvc", "repro", cwd=tiny).stdout) == ["compose", "learn", "report"]
    assert read(tiny / "models" / "tiny" / "fitted.json") == {"median": 4, "seed": 7}
    assert ran(run("dvc", "repro", cwd=tiny).stdout) == []


@pytest.mark.pipeline
def test_a_matrix_fans_out_and_in_and_a_new_item_runs_alone(tiny: Path, run: Run) -> None:
    flow = segments(tiny)
    run("playbill", "compose", cwd=tiny)
    done = ran(run("dvc", "repro", cwd=tiny).stdout)
    assert done[-3:] == ["segment-EWR", "segment-JFK", "contest"]
    contest = tiny / "models" / "tiny" / "contest.json"
    assert read(contest) == {"EWR": 10, "JFK": 10}

    edit(flow, "[EWR, JFK]", "[EWR, JFK, LGA]")
    run("playbill", "compose", cwd=tiny)
    assert ran(run("dvc", "repro", cwd=tiny).stdout) == ["compose", "segment-LGA", "contest"]

    edit(flow, "[EWR, JFK, LGA]", "[JFK, LGA]")
    run("playbill", "compose", cwd=tiny)
    assert ran(run("dvc", "repro", cwd=tiny).stdout) == ["compose", "contest"]
    assert read(contest) == {"JFK": 10, "LGA": 10}

    done_alone = run("playbill", "run", "segment-JFK", cwd=tiny)
    assert ".dvc/tmp/playbill/run/segment-JFK" in done_alone.stdout


@pytest.mark.pipeline
def test_a_stage_with_a_matrix_says_which_items_there_are(tiny: Path, run: Run) -> None:
    segments(tiny)
    run("playbill", "compose", cwd=tiny)
    for words, told in (
        ([], "python -m stages.segment --item EWR"),
        (["--item", "EWE"], "`segment-EWR` is the nearest name"),
        (["--itm", "EWR"], "`--item NAME` for a stage with a matrix"),
    ):
        done = run("python", "-m", "stages.segment", *words, cwd=tiny, check=False)
        assert done.returncode == 2
        assert told in done.stderr
        assert "Traceback" not in done.stderr
    alone = run("python", "-m", "stages.segment", "--item", "EWR", cwd=tiny, check=False)
    assert "segment-EWR; again by itself: python -m stages.segment --item EWR" in alone.stderr
    done = run("playbill", "run", "segment", cwd=tiny, check=False)
    assert "['segment-EWR', 'segment-JFK']" in done.stderr


def test_what_dvc_reads_of_a_matrix_has_nothing_left_to_resolve(project: Path) -> None:
    segments(project)
    text = compile_project(project).texts["dvc.yaml"]
    assert "{" not in text
    stages = yaml.safe_load(text)["stages"]
    assert stages["segment-JFK"]["cmd"] == "python -m stages.segment --item JFK"
    matrix_key = "pipeline/stages/segment/matrix"
    assert matrix_key not in stages["segment-JFK"]["params"][0]["params.digest.json"]
    assert matrix_key in stages["contest"]["params"][0]["params.digest.json"]
    assert set(stages["contest"]["deps"]) >= {
        "models/tiny/segments/EWR.json",
        "models/tiny/segments/JFK.json",
    }


def test_the_items_come_from_a_list_elsewhere_and_numbers_stay_numbers(project: Path) -> None:
    flow = segments(project)
    edit(flow, "[EWR, JFK]", "${contract.schema.columns.y.isin}")
    edit(
        project / "conf" / "contract" / "tiny.yaml",
        "y: {dtype: bool}",
        "y: {dtype: int64, isin: [3, 4]}",
    )
    found = matrix.steps(compose(project).params)
    assert found["segment-3"].values == {"segment": 3}
    assert found["contest"].inputs == {
        "fitted": {"3": "models/tiny/segments/3.json", "4": "models/tiny/segments/4.json"}
    }


def test_several_keys_give_every_combination_and_a_stage_may_gather_one_of_them(
    project: Path,
) -> None:
    flow = segments(project)
    edit(flow, "segment: [EWR, JFK]", "segment: [EWR, JFK]\n      year: [1, 2]")
    edit(flow, "segments/{segment}.json", "{segment}/{year}.json")
    edit(flow, "segments/{segment}.json", "{segment}/{year}.json")
    edit(flow, "contest:run", "contest:run\n    matrix: {segment: [EWR, JFK]}")
    edit(flow, "tiny/contest.json", "tiny/{segment}/contest.json")
    edit(project / "stages" / "segment.py", "segment: str", "segment: str, year: int")
    edit(project / "stages" / "contest.py", "*, fitted", "*, segment: str, fitted")
    compile_project(project)
    found = matrix.steps(compose(project).params)
    names = ["segment-EWR-1", "segment-EWR-2", "segment-JFK-1", "segment-JFK-2"]
    assert [name for name in found if name.startswith("segment")] == names
    assert found["contest-JFK"].inputs["fitted"] == {
        "1": "models/tiny/JFK/1.json",
        "2": "models/tiny/JFK/2.json",
    }


def test_a_plot_of_a_matrix_draws_every_item(project: Path) -> None:
    flow = segments(project)
    plot = "\nplots:\n  curve: {file: 'models/tiny/segments/{segment}.json', x: a, y: b}\n"
    flow.write_text(flow.read_text() + plot)
    (shown,) = yaml.safe_load(compile_project(project).texts["dvc.yaml"])["plots"]
    assert list(shown["curve"]["y"]) == [
        "models/tiny/segments/EWR.json",
        "models/tiny/segments/JFK.json",
    ]


def test_two_stages_of_one_name_are_refused(project: Path) -> None:
    flow = segments(project)
    edit(flow, "[EWR, JFK]", "[1, 2]")
    edit(flow, "  contest:\n", "  segment-2:\n")
    with pytest.raises(ConfigError, match="two stages are called `segment-2`"):
        compile_project(project)


FLOW = "conf/pipeline/segments.yaml"
IN, OUT = "inputs:\n      fitted: models/tiny/segments/{segment}", "outputs:\n      fitted: models/"
REFUSED = [
    (FLOW, "[EWR, JFK]", "[EWR, NO]", ":8 ", "quote words like NO"),
    (FLOW, "[EWR, JFK]", "[EWR, a.b]", ":8 ", "letters, digits, _ and -"),
    (FLOW, "[EWR, JFK]", "[EWR, ewr]", ":8 ", "`ewr` is `EWR` again"),
    (FLOW, "[EWR, JFK]", "[]", ":8 ", "the matrix has no item"),
    (FLOW, "segment: [EWR", "table: [EWR", ":8 ", "has an argument `table` already"),
    (FLOW, "segment: [EWR", "class: [EWR", ":8 ", "`class` is no name for an argument"),
    (FLOW, OUT + "tiny/segments/{segment}", OUT + "{segmet}", ":12 ", "`segment` is the nearest"),
    (FLOW, OUT + "tiny/segments/{segment}", OUT + "x", ":12 ", "every item would write `models/x"),
    (FLOW, OUT + "tiny/segments/{segment}", OUT + "{segment", ":12 ", "belongs to no placeholder"),
    (FLOW, IN, IN.replace("{segment}", "{segmet}"), ":16 ", "segments/{segment}.json` is the"),
    (FLOW, "tiny/contest.json", "tiny/fitted.json", ":18 ", "is written by learn too"),
    (FLOW, "  contest:\n", "  compose:\n", ":13 ", "the stage that compiles conf/"),
    (FLOW, "[EWR, JFK]", "[ewr, EWR-1, ewR]", ":8 ", "`ewR` is `ewr` again"),
    (FLOW, "config: [seed]", "config: [sead]", ":6 ", "`seed` is the nearest name"),
    (FLOW, "stages.segment:run", "stages.segmet:run", ":5 ", "there is no stages/segmet.py"),
    (FLOW, "stages.segment:run", "stages.segment:go", ":5 ", "has no function `go`"),
    ("stages/segment.py", "segment: str, ", "", ":5 ", "takes no `segment`"),
    ("stages/segment.py", "segment: str", "segment: str, more: int", ":5 ", "wants `more`"),
    ("stages/segment.py", 'main("segment"', 'main("segmet"', ":5 ", 'main("segment", run)'),
    ("stages/segment.py", "def run(", "def run(:", ":5 ", "is no Python"),
]


@pytest.mark.parametrize(("name", "old", "new", "line", "told"), REFUSED)
def test_a_mistake_is_told_with_the_line_that_has_it(
    project: Path, name: str, old: str, new: str, line: str, told: str
) -> None:
    segments(project)
    edit(project / name, old, new)
    with pytest.raises(ConfigError) as caught:
        compile_project(project)
    error = str(caught.value)
    assert told in error
    assert f"{FLOW}{line}pipeline.stages." in error
    assert "Value error" not in error


def test_one_bad_item_is_told_once_and_not_again_by_every_path(project: Path) -> None:
    edit(segments(project), "[EWR, JFK]", "[EWR, {a: 1}]")
    with pytest.raises(ConfigError) as caught:
        compile_project(project)
    assert "problems" not in caught.value.what
    assert "pipeline.stages.segment.matrix.segment.1" in caught.value.where


def test_a_stage_that_is_null_says_how_to_take_one_out(project: Path) -> None:
    flow = segments(project)
    text = flow.read_text()
    flow.write_text(text.replace("  contest:\n", "  spare: null\n  contest:\n", 1))
    with pytest.raises(ConfigError, match="delete its lines") as caught:
        compile_project(project)
    assert caught.value.what == "`pipeline.stages.spare` is empty"
