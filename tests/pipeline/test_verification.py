"""Verification with real runs: what is the same, what is not, and why; faults are planted.

One project holds a stage for each fault, so that DVC runs once for all of them.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from playbill.lineage import attestation, contradiction, git, locked, store
from playbill.pipeline.verification import cause, content, rerun, room
from playbill.pipeline.verification.check import check
from playbill.pipeline.verification.verify import Wish, verify
from tests.conftest import REPOSITORY, TINY, Run

FAULTS = {
    "draws": """
    import numpy as np
    projection = np.random.default_rng().normal(size=3)  # as an estimator without a seed
    made = (projection @ np.array(table["rows"], dtype=float)).tolist()
""",
    "stamps": """
    from datetime import datetime
    made = {"rows": len(table["rows"]), "at": datetime.now().isoformat()}
""",
    "counts": """
    import os
    from concurrent.futures import ThreadPoolExecutor
    from functools import reduce
    from operator import add
    workers = int(os.environ.get("OMP_NUM_THREADS", 1))
    values = [1e16, 1.0, -1e16, 1.0] * 25
    with ThreadPoolExecutor(workers) as pool:
        parts = pool.map(lambda i: reduce(add, values[i::workers]), range(workers))
    made = reduce(add, parts)
""",
    "orders": """
    made = list({f"column {i}" for i in range(20)})
""",
    "stands": """
    from pathlib import Path
    made = {"rows": len(table["rows"]), "from": str(Path("data").resolve())}
""",
    "signs": """
    import platform
    made = {"rows": len(table["rows"]), "by": platform.node()}
""",
    "leaks": """
    import os
    made = {"process": os.getpid()}
""",
}
STAGE = '''"""A stage with a fault."""


def run(params, *, table):
    """Return what should not be returned."""{body}    return {{"made": made}}


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("{name}", run)
'''


def quiet(_text: str) -> None:
    """Say nothing."""


def do(*words: str, cwd: Path, **environment: str) -> str:
    start = [sys.executable, "-m", *words] if words[0] in ("dvc", "playbill") else words
    done = subprocess.run(
        start, cwd=cwd, env={**os.environ, **environment}, text=True, capture_output=True,
        check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


def settle(patch: pytest.MonkeyPatch, world: Path) -> None:
    for name in [n for n in os.environ if n.startswith(("GIT_", "DVC_", "PLAYBILL_", "OMP_"))]:
        patch.delenv(name)
    patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    patch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        patch.setenv(f"GIT_{role}_NAME", "A Tester")
        patch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    patch.setenv("DVC_NO_ANALYTICS", "1")
    for name in ("GLOBAL_CONFIG_DIR", "SYSTEM_CONFIG_DIR", "SITE_CACHE_DIR"):
        patch.setenv(f"DVC_{name}", str(world / name))
    patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def start(project: Path) -> None:
    """Make the tiny project in a new repository."""
    shutil.copytree(TINY, project, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "stages" / "compose.py", project / "stages" / "compose.py")
    (project / ".dvc").mkdir()
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore"):
        shutil.copy(REPOSITORY / name, project / name)
    (project / ".gitignore").write_text("__pycache__/\n")
    do("git", "init", "-q", "-b", "main", ".", cwd=project)


def finish(project: Path, **environment: str) -> None:
    """Compile, run and commit."""
    do("playbill", "compose", cwd=project)
    do("git", "add", "-A", cwd=project)
    do("dvc", "repro", "-q", cwd=project, **environment)
    do("git", "add", "-A", cwd=project)
    do("git", "commit", "-qm", "run", cwd=project)


@pytest.fixture(scope="module")
def _ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny project, run and committed once; its raw data were pushed to `../storage`."""
    world = tmp_path_factory.mktemp("ran")
    with pytest.MonkeyPatch.context() as patch:
        settle(patch, world)
        project = world / "world" / "tiny"
        start(project)
        config = (project / ".dvc" / "config").read_text()
        config = config.replace("../../playbill-storage", "../../storage")
        (project / ".dvc" / "config").write_text(config)
        finish(project)
        do("dvc", "push", "-q", "gather", cwd=project)
    return project


@pytest.fixture
def ran(_ran: Path, tmp_path: Path) -> Path:
    shutil.copytree(_ran.parent, tmp_path / "world", symlinks=True)
    return tmp_path / "world" / "tiny"


def differing(outcome: rerun.Outcome) -> rerun.Outcome:
    """Return an outcome as another machine may find it: there the output differs."""
    other = rerun.Changed(f"data/{outcome.stage}.json", "then", "now")
    return replace(outcome, state="differs", changed=outcome.changed or (other,))


@pytest.fixture(scope="module")
def diagnosed(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, tuple[rerun.Outcome, list[cause.Cause]]]]:
    """Every planted fault, run again in one clean room: the outcome and the causes by stage."""
    world = tmp_path_factory.mktemp("faults")
    with pytest.MonkeyPatch.context() as patch:
        settle(patch, world)
        project = world / "tiny"
        start(project)
        pipeline = project / "conf" / "pipeline" / "tiny.yaml"
        declared = yaml.safe_load(pipeline.read_text())
        for name, body in FAULTS.items():
            declared["stages"][name] = {
                "function": f"stages.{name}:run", "config": ["seed"],
                "inputs": {"table": "data/table.json"}, "outputs": {"made": f"data/{name}.json"},
            }  # fmt: skip
            (project / "stages" / f"{name}.py").write_text(STAGE.format(body=body, name=name))
        pipeline.write_text(yaml.safe_dump(declared, sort_keys=False))
        finish(project, OMP_NUM_THREADS="1")
        patch.setenv("OMP_NUM_THREADS", "2")
        commit = git.head(project)
        with room.opened(project, commit, "auto", quiet) as clean:
            outcomes = {one.stage: one for one in rerun.run_again(clean, quiet)}
            found = {
                name: (outcomes[name], cause.find(clean, differing(outcomes[name]), [], {}, quiet))
                for name in FAULTS
            }
            found["report"] = outcomes["report"], []
        yield found


Diagnosed = dict[str, tuple[rerun.Outcome, list[cause.Cause]]]


@pytest.mark.parametrize(
    ("stage", "kind", "place"),
    [
        ("draws", "seed", "data/draws.json: "),
        ("stamps", "time", "data/stamps.json: at: "),
        ("counts", "threads", "data/counts.json: value: "),
        ("stands", "folder", "data/stands.json: from: "),
        ("orders", "hash order", "data/orders.json: : the same items in another order"),
    ],
)
def test_a_planted_fault_is_found_and_named_with_the_place_in_the_output(
    diagnosed: Diagnosed, stage: str, kind: str, place: str
) -> None:
    outcome, causes = diagnosed[stage]
    assert outcome.state == "differs"
    assert [one.kind for one in causes] == [kind]
    assert causes[0].evidence[0].startswith(place)


def test_the_name_of_the_machine_is_a_cause_that_another_machine_would_show(
    diagnosed: Diagnosed,
) -> None:
    """On this machine alone it is the same each time: the experiment is asked by itself."""
    outcome, causes = diagnosed["signs"]
    assert outcome.state == "same"
    assert [one.kind for one in causes] == ["host"]
    assert causes[0].evidence == ('data/signs.json: by: "one-machine" and "another-machine"',)


def test_what_no_experiment_can_hold_still_is_called_unknown(diagnosed: Diagnosed) -> None:
    outcome, causes = diagnosed["leaks"]
    assert outcome.state == "differs"
    assert [one.kind for one in causes] == ["unknown"]
    assert "process" in causes[0].evidence[0]


def test_files_with_the_same_bytes_are_not_named_among_those_that_differ(tmp_path: Path) -> None:
    import pandas as pd

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        pd.DataFrame({"x": [1, 2]}).to_parquet(tmp_path / name / "t.parquet")
        (tmp_path / name / "t.json").write_text('{"x": 1}')
    for name in ("t.parquet", "t.json"):
        assert content.differences(tmp_path / "one" / name, tmp_path / "two" / name) == []
    (tmp_path / "two" / "t.json").write_text('{"x":1}')
    found = content.differences(tmp_path / "one" / "t.json", tmp_path / "two" / "t.json")
    assert found == ["the same values, written in another way"]


def test_stages_without_a_fault_are_the_same_beside_those_with_one(diagnosed: Diagnosed) -> None:
    assert diagnosed["report"][0].state == "same"


def test_a_sound_revision_is_identical_and_attested_with_every_digest(
    ran: Path, run: Run, tmp_path: Path
) -> None:
    from tests.lineage.test_attestation import make_key, name_key

    name_key(ran, make_key(tmp_path / "keys", run))
    (ran / "stages" / "learn.py").write_text("raise SystemExit('never committed')\n")
    do("git", "init", "-q", "--bare", str(tmp_path / "origin.git"), cwd=tmp_path)
    do("git", "remote", "add", "origin", str(tmp_path / "origin.git"), cwd=ran)
    words = ("main", "--json", "--push", "--out", str(tmp_path / "a.json"))
    # Where it is run, and in which language, is no part of what comes out.
    done = run("playbill", "verify", *words, cwd=ran, LC_ALL="C", TZ="Pacific/Kiritimati")
    found = json.loads(done.stdout)
    assert found["verdict"] == "identical"
    assert found["attestation"]["pushed"] is True
    (pushed,) = do("git", "ls-remote", "--tags", "--refs", "origin", cwd=ran).splitlines()
    assert pushed.endswith(f"refs/tags/{found['attestation']['tag']}")
    states = {one["stage"]: one["state"] for one in found["stages"]}
    assert states == {
        "compose": "same", "gather": "brought in", "learn": "same", "report": "same",
    }  # fmt: skip
    assert found["snapshots"] == {"data/table.json": "remote"}
    assert any("not committed" in note for note in found["notes"])
    told = attestation.attestation_for(ran, git.head(ran))
    assert told is not None
    assert told.trusted
    assert told.digest == found["attestation"]["digest"]
    assert told.platform["system"]
    _is_slsa_provenance(told.statement)
    named = {one["name"]: one["digest"] for one in told.statement["subject"]}
    content = git.read(ran, "HEAD", "models/tiny/metrics.json")
    import hashlib

    assert named["models/tiny/metrics.json"] == {"sha256": hashlib.sha256(content).hexdigest()}
    held = run("playbill", "verify", "--attestation", "main", cwd=ran)
    assert held.stdout.startswith("holds: ")
    assert run("playbill", "verify", "--attestation", str(tmp_path / "a.json"), cwd=ran).stdout
    assert check(ran, "main").absent == ()
    assert len(check(ran, "main").right) == 5
    for one in told.statement["subject"]:
        if one["name"] == "models/tiny/fitted.json":
            one["digest"]["sha256"] = "0" * 64
    (tmp_path / "forged.json").write_text(attestation.seal(ran, told.statement))
    forged = check(ran, str(tmp_path / "forged.json"))
    assert forged.wrong == ("models/tiny/fitted.json",)
    assert not forged.holds


def test_from_the_source_a_changed_source_is_the_first_difference_and_called_so(
    ran: Path, run: Run, tmp_path: Path
) -> None:
    outside = tmp_path / "rows.json"
    outside.write_text("[1, 2, 3]")
    gather = ran / "stages" / "gather.py"
    read = f"json.loads(Path({str(outside)!r}).read_text())"
    text = gather.read_text().replace("[1, 2, 3]", read)
    gather.write_text(
        text.replace("from playbill", "import json\nfrom pathlib import Path\n\nfrom playbill", 1)
    )
    finish(ran)
    shutil.rmtree(ran.parent / "storage")  # neither the remote nor the cache is asked
    shutil.rmtree(ran / ".dvc" / "cache")
    words = ("playbill", "verify", "--from-source", "--no-attest", "--json")
    same = json.loads(run(*words, cwd=ran).stdout)
    assert same["verdict"] == "identical"
    assert {one["stage"]: one["state"] for one in same["stages"]}["gather"] == "same"
    assert same["snapshots"] == {}
    outside.write_text("[1, 2, 4]")
    done = run(*words, cwd=ran, check=False)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["first_difference"], found["causes"][0]["kind"]) == ("gather", "source")


def _is_slsa_provenance(statement: dict[str, Any]) -> None:
    """Read it with the in-toto project's own messages, which refuse unknown and wrong fields."""
    from google.protobuf import json_format
    from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
    from in_toto_attestation.v1.statement import Statement
    from in_toto_attestation.v1.statement_pb2 import Statement as Message

    made = Statement.copy_from_pb(json_format.ParseDict(statement, Message()))
    made.validate()
    predicate = json.loads(json.dumps(statement["predicate"]))
    extension = predicate["runDetails"]["metadata"].pop("playbill_verdict")
    assert extension == "identical"
    read = json_format.ParseDict(predicate, Provenance())
    assert read.build_definition.build_type == "urn:playbill:verify:1"
    assert read.run_details.metadata.started_on.seconds > 0


def _swap_model(project: Path) -> None:
    """Put another model into DVC's cache and dvc.lock, as if it had been trained."""
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    (out,) = lock["stages"]["learn"]["outs"]
    content = b'{\n  "model": {},\n  "rows": 3,\n  "seed": 7\n}\n'
    import hashlib

    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    place = project / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    before = out["md5"]
    text = (project / "dvc.lock").read_text().replace(before, digest)
    (project / "dvc.lock").write_text(text)
    do("git", "commit", "-qam", "swap", cwd=project)


def test_a_swapped_model_is_found_though_dvc_lock_agrees_with_itself(ran: Path) -> None:
    _swap_model(ran)
    done = verify(ran, "HEAD", Wish(), quiet)
    found = done.verdict
    assert (found.word, done.tag) == ("different", "")
    assert found.first is not None
    assert found.first.stage == "learn"
    assert found.contradictions == ()
    assert [one.kind for one in found.causes] == ["lock edited"]
    assert "the same bytes each time here" in found.causes[0].what
    assert "model" in found.causes[0].evidence[0]


@pytest.mark.parametrize(
    ("old", "new", "stage", "words"),
    [
        ("seed: 7", "seed: 8", "learn", "another `seed` than params.yaml has"),
        (
            "cmd: python -m stages.report",
            "cmd: python -m stages.learn",
            "report",
            "not the command",
        ),
    ],
)
def test_an_edited_dvc_lock_is_told_by_what_it_contradicts(
    ran: Path, old: str, new: str, stage: str, words: str
) -> None:
    text = (ran / "dvc.lock").read_text()
    assert old in text
    (ran / "dvc.lock").write_text(text.replace(old, new, 1))
    do("git", "commit", "-qam", "edit", cwd=ran)
    (found,) = rerun.contradictions(ran, ran, git.head(ran))
    assert found.stage == stage
    assert words in found.what


def test_a_word_that_yaml_1_1_takes_for_something_else_is_no_contradiction(ran: Path) -> None:
    """In a dvc.lock from before there were digests, which has the values themselves."""
    text = (ran / "params.yaml").read_text()
    assert "\nseed: 7\n" in text
    (ran / "params.yaml").write_text(text.replace("\nseed: 7\n", "\nseed: 'off'\n"))
    lock = yaml.safe_load((ran / "dvc.lock").read_text())
    lock["stages"]["learn"]["params"] = {"params.yaml": {"seed": "off"}}
    (ran / "dvc.lock").write_text(yaml.safe_dump(lock).replace("seed: 'off'", "seed: off"))
    do("git", "commit", "-qam", "edit", cwd=ran)
    found = {one.stage for one in rerun.contradictions(ran, ran, git.head(ran))}
    assert found == {"compose"}  # which did write another params.yaml


def test_edited_digests_and_files_are_told_by_what_they_contradict(ran: Path) -> None:
    assert rerun.contradictions(ran, ran, git.head(ran)) == []
    text = (ran / "dvc.lock").read_text()
    known = locked.stages(ran, None)
    table = known["gather"].outs["data/table.json"]
    head, _, tail = text.partition("  learn:")
    (ran / "dvc.lock").write_text(f"{head}  learn:{tail.replace(table, 'a' * 32, 1)}")
    (ran / "models" / "tiny" / "metrics.json").write_text('{"score": 1.0}\n')
    (ran / "stages" / "report.py").write_text("# nothing\n")
    do("git", "commit", "-qam", "edit", cwd=ran)
    found = {(one.stage, one.what) for one in rerun.contradictions(ran, ran, git.head(ran))}
    said = " ".join(f"{stage}: {what};" for stage, what in sorted(found))
    assert f"learn: it read data/table.json as aaaaaaaaaaaa, but gather wrote {table[:12]}" in said
    assert "report: it read stages/report.py as" in said
    unrun = {(one.stage, one.what) for one in contradiction.not_run(ran, git.head(ran))}
    assert unrun == {
        ("learn", "it read another data/table.json than dvc.lock has"),
        ("report", "it ran another stages/report.py than the commit has"),
    }
    assert "report: it wrote models/tiny/metrics.json as" in said


def test_an_edited_metric_alone_makes_it_different_and_exits_1(ran: Path, run: Run) -> None:
    (ran / "models" / "tiny" / "metrics.json").write_text('{\n  "score": 0.9\n}\n')
    do("git", "commit", "-qam", "edit", cwd=ran)
    done = run("playbill", "verify", "--no-attest", "--markdown", "-", cwd=ran, check=False)
    assert done.returncode == 1
    assert "is different: stage report first" in done.stdout
    assert "**lock edited** in `report`" in done.stdout
    assert "it wrote models/tiny/metrics.json as" in done.stdout
    assert "score: 0.9 and 0.7" in done.stdout
    assert "experiment" not in done.stderr


def test_what_cannot_be_had_exits_3_and_says_how_to_have_it(ran: Path, run: Run) -> None:
    shutil.rmtree(ran / ".dvc" / "cache")
    shutil.rmtree(ran.parent / "storage")
    done = run("playbill", "verify", cwd=ran, check=False)
    assert done.returncode == 3
    assert "data/table.json" in done.stderr
    assert "dvc push" in done.stderr
    assert run("playbill", "verify", "--attestation", "main", cwd=ran, check=False).returncode == 3


NOISE = '''"""A package whose next version gives slightly other numbers."""

__version__ = "{version}"


def noise():
    """Return a number."""
    return {value}
'''
USES_NOISE = '''"""Learn: predictions with a package's number in them."""


def run(params, *, table):
    """Return predictions and what was fitted."""
    import pandas as pd
    from noise import noise

    rows = pd.DataFrame({"id": table["rows"], "probability": [0.5 + noise() for _ in range(3)]})
    return {"fitted": {"noise": noise()}, "predictions": rows}


if __name__ == "__main__":
    from playbill.pipeline.runner import main

    main("learn", run)
'''


def _environment(folder: Path, version: str, value: str) -> Path:
    """Make an environment that has all of this one's packages and `noise` of a version."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (ours,) = {Path(p) for p in sys.path if p.endswith("site-packages")}
    # addsitedir, so that the editable install's own .pth file counts too
    (site / "parent.pth").write_text(f"import site; site.addsitedir({str(ours)!r})\n")
    (site / "noise.py").write_text(NOISE.format(version=version, value=value))
    info = site / f"noise-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: noise\nVersion: {version}\n")
    (info / "top_level.txt").write_text("noise\n")
    (info / "RECORD").write_text("noise.py,,\n")
    return folder / "bin" / "python"


@pytest.mark.skipif(os.name == "nt", reason="the environments are laid out as on POSIX")
def test_another_version_of_a_package_is_named_and_its_predictions_are_equivalent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, tmp_path)
    project = tmp_path / "tiny"
    start(project)
    pipeline = project / "conf" / "pipeline" / "tiny.yaml"
    declared = yaml.safe_load(pipeline.read_text())
    predictions = "models/tiny/evaluation/predictions.parquet"
    declared["stages"]["learn"]["outputs"]["predictions"] = predictions
    del declared["stages"]["report"]
    pipeline.write_text(yaml.safe_dump(declared, sort_keys=False))
    (project / "stages" / "learn.py").write_text(USES_NOISE)
    (project / "constraints.txt").write_text(f"pyyaml=={yaml.__version__}\n")
    author = _environment(tmp_path / "author", "1.0", "0.0")
    other = _environment(tmp_path / "other", "2.0", "1e-9")

    def start_in(python: Path, *words: str) -> subprocess.CompletedProcess[str]:
        path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [python, "-m", *words], cwd=project, env={**os.environ, "PATH": path}, text=True,
            capture_output=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    assert start_in(author, "playbill", "compose").returncode == 0
    ran = start_in(author, "dvc", "repro")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    do("git", "add", "-A", cwd=project)
    do("git", "commit", "-qm", "run", cwd=project)
    words = ("playbill", "verify", "--here", "--no-attest", "--json", "--elsewhere")
    near = start_in(other, *words)
    assert near.returncode == 0, near.stdout + near.stderr
    found = json.loads(near.stdout)
    assert found["verdict"] == "equivalent"
    assert found["first_difference"] == "learn"
    assert found["closeness"]["largest"] == pytest.approx(1e-9, rel=1e-3)
    kinds = {one["kind"]: one for one in found["causes"]}
    assert "noise 2.0" in kinds["packages"]["what"]
    assert "column probability: 3 of 3 rows, by at most 1e-09" in str(kinds["packages"]["evidence"])
    (project / "constraints.txt").write_text("noise==1.0\n")
    do("git", "commit", "-qam", "pin", cwd=project)
    refused = start_in(other, *words)
    assert refused.returncode == 3
    assert "noise is 2.0, pinned 1.0" in refused.stderr


def test_the_pinned_environment_is_built_once_for_the_same_pins(
    tmp_path: Path, ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real wheel in a folder stands for the index, so that nothing leaves this machine."""
    wheel = tmp_path / "wheels" / "noise-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    import zipfile

    info = "noise-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("noise.py", NOISE.format(version="1.0", value="1"))
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: noise\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\n"
                         "Root-Is-Purelib: true\nTag: py3-none-any\n")  # fmt: skip
        archive.writestr(f"{info}/RECORD", "")
    for name in ("PIP", "UV"):
        monkeypatch.setenv(f"{name}_NO_INDEX", "1")
        monkeypatch.setenv(f"{name}_FIND_LINKS", str(wheel.parent))
    (ran / "constraints.txt").write_text("noise==1.0\n")
    do("git", "add", "-A", cwd=ran)
    do("git", "commit", "-qm", "pin", cwd=ran)
    said: list[str] = []
    with room.opened(ran, git.head(ran), "fresh", said.append) as clean:
        code = "import noise, sys; print(noise.__version__, sys.prefix != sys.base_prefix)"
        assert do(str(clean.python), "-c", code, cwd=clean.root) == "1.0 True\n"
        assert room.platform_facts(clean.python)["python"]
        first = clean.python
    with room.opened(ran, git.head(ran), "fresh", said.append) as clean:
        assert clean.python == first
    assert sum("building" in text for text in said) == 1
    assert sum("built before" in text for text in said) == 1
    assert store.dvc_folder(ran) in first.parents


def test_nothing_of_the_outside_reaches_into_the_room(
    ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTHONPATH", "PYTHONHASHSEED", "DVC_EXP_NAME", "GIT_DIR", "PLAYBILL_ENV"):
        monkeypatch.setenv(name, "0")
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("PLAYBILL_ENV")
    with room.opened(ran, git.head(ran), "here", quiet) as clean:
        told = clean.variables()
        folder = clean.folder
        assert not {"PYTHONPATH", "PYTHONHASHSEED", "DVC_EXP_NAME"} & set(told)
        assert git.head(clean.root) == git.head(ran)
        assert not (clean.root / "models" / "tiny" / "fitted.json").exists()
    assert not folder.exists()
