"""With `engine: preload` stages are forked from one process, and only the clock can tell."""

import contextlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from playbill.engine import start
from tests.conftest import REPOSITORY, Run

SECONDS = 60  # after which something hangs
WHO = "print('run by', sys.orig_argv[2], os.getppid(), flush=True)"
LEARN = """
import os, sys
{first}
def run(params, *, table):
    {body}
    return {{"fitted": {{"model": params.model, "seed": params.seed, "rows": 3}}}}

if __name__ == "__main__":
    from playbill.pipeline.runner import main
    main("learn", run)
"""
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork: stages run by themselves")


def choose(project: Path, *modules: str) -> None:
    """Choose preloading, of these modules."""
    shutil.copy(REPOSITORY / "stages" / "__init__.py", project / "stages" / "__init__.py")
    config = project / "conf" / "config.yaml"
    text = config.read_text().replace("  - _self_", "  - engine: preload\n  - _self_")
    config.write_text(f"{text}\nengine: {{preload: [{', '.join(modules)}]}}\n")


def write_learn(project: Path, body: str, first: str = "") -> None:
    """Give the second stage another function."""
    (project / "stages" / "learn.py").write_text(LEARN.format(first=first, body=body))


@pytest.fixture
def preloading(tiny: Path) -> Iterator[Path]:
    """A project that preloads; afterwards nothing that it started may be there."""
    choose(tiny, "decimal")
    write_learn(tiny, WHO)
    yield tiny
    assert wait_for(lambda: not processes_in(tiny)), processes_in(tiny)
    assert list((tiny / ".dvc/tmp/playbill/engine").glob("*")) == []


def wait_for(condition: object) -> bool:
    """Return whether something becomes true in time."""
    assert callable(condition)
    until = time.monotonic() + SECONDS
    while not (done := condition()) and time.monotonic() < until:
        select.select([], [], [], 0.02)
    return bool(done)


def processes_in(folder: Path) -> list[str]:
    """Return the command lines of all processes that stand in a folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (place / "cwd").readlink() == folder:
                found.append((place / "cmdline").read_text().replace("\0", " "))
    return found


def outs(project: Path) -> dict[str, object]:
    stages = yaml.safe_load((project / "dvc.lock").read_text())["stages"]
    return {name: s["outs"] for name, s in stages.items() if name != "compose"}


def test_outputs_are_the_same_and_libraries_may_use_their_threads(
    tiny: Path, tmp_path: Path, run: Run
) -> None:
    body = """
    assert ("sklearn.ensemble" in sys.modules) == preloaded
    import numpy as np, pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    draw = np.random.default_rng(7)
    x = draw.normal(size=(20_000, 8))
    model = HistGradientBoostingClassifier(max_iter=20, random_state=1).fit(x @ x[:8], x[:, 0] > 0)
    total = float(model.predict_proba(x)[:, 1].sum()) + float(pd.DataFrame(x).corr().sum().sum())
    return {"fitted": {"seed": 1, "total": total, "tty": os.isatty(0)}}"""
    write_learn(tiny, body, "preloaded = 'preloading' in sys.orig_argv[2]")
    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    choose(other, "numpy", "pandas", "sklearn.ensemble")
    for project in (tiny, other):
        run("playbill", "compose", cwd=project)
        run("dvc", "repro", cwd=project, OMP_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2")
    assert outs(tiny) == outs(other)
    assert wait_for(lambda: not processes_in(other))


def test_stages_of_a_run_share_one_process_and_switching_reruns_none(
    preloading: Path, run: Run
) -> None:
    report = preloading / "stages" / "report.py"
    report.write_text(report.read_text() + f"\nimport os, sys\n{WHO}\n")
    said = run("dvc", "repro", cwd=preloading, check=False).stdout
    said += run(
        "dvc", "repro", cwd=preloading
    ).stdout  # the new `stages/__init__.py` is in the graph
    assert len(set(re.findall(r"run by playbill\.engine\.preloading (\d+)", said))) == 1
    config = preloading / "conf" / "config.yaml"
    config.write_text(config.read_text().replace("preload: [decimal]", "preload: []"))
    said = run("dvc", "repro", cwd=preloading).stdout
    assert re.findall(r"Running stage '(\w+)'", said) == ["compose"]


CASES = {
    "raise ValueError('seven')": "",
    "sys.exit(7)": "",
    "sys.exit('no more')": "",
    "os.kill(os.getpid(), 9)": "",
    "raise KeyboardInterrupt('key')": "",
    "from playbill.errors import DataError; raise DataError('no rows')": "",
    "print('one'); os.write(1, b'two'); print('three', file=sys.stderr)": "",
    "pass": "import nowhere",
    "return {}": "",
}
PARENT = """
import os, subprocess, sys
for case in ("gather", *sys.argv[1:]):
    if case != "gather":
        with open("stages/learn.py", "w") as file:
            file.write(case)
    name = "gather" if case == "gather" else "learn"
    words = [sys.executable, "-m", f"stages.{name}"]
    done = subprocess.run(words, env={**os.environ, "DVC_STAGE": name}, stderr=subprocess.STDOUT)
    print(name, "ended with", done.returncode, flush=True)
"""


def test_a_failing_stage_says_the_same_and_ends_with_the_same_status(tiny: Path, run: Run) -> None:
    cases = [LEARN.format(body=body, first=first) for body, first in CASES.items()]
    said = {}
    for engine in ("default", "preload"):
        if engine == "preload":
            choose(tiny, "decimal")
        run("playbill", "compose", cwd=tiny)
        said[engine] = run(sys.executable, "-c", PARENT, *cases, cwd=tiny).stdout
    assert said["default"] == said["preload"]
    for text in ("ValueError: seven", "ended with 7", "ended with -9", "ended with 130", "two"):
        assert text in said["preload"]
    assert wait_for(lambda: not processes_in(tiny))


def test_ctrl_c_at_a_terminal_stops_the_stage_and_its_process(preloading: Path, run: Run) -> None:
    body = f"{WHO}; print('asked', input(), flush=True); import signal; signal.pause()"
    write_learn(preloading, body)
    run("playbill", "compose", cwd=preloading)
    process, terminal = pty.fork()
    if process == 0:
        _heed_interrupts()
        os.chdir(preloading)
        os.execv(sys.executable, [sys.executable, "-m", "dvc", "repro"])
    read_until(terminal, b"run by playbill.engine.preloading")
    os.write(terminal, b"me\n")
    read_until(terminal, b"asked me")
    os.write(terminal, b"\x03")
    # A shell that stands between (dash) tells of the signal, one that does not of the stage's 130.
    said = read_until(terminal, rb"exited with (130|-2)\b")
    assert b"stage learn was stopped" in said
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 255
    os.close(terminal)


def _heed_interrupts() -> None:
    """What a shell starts in the background ignores them, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def read_until(terminal: int, text: bytes) -> bytes:
    """Read from a terminal until a text (a regular expression) was seen."""
    said = b""
    until = time.monotonic() + SECONDS
    while not re.search(text, said) and time.monotonic() < until:
        if select.select([terminal], [], [], 0.1)[0]:
            with contextlib.suppress(OSError):
                said += os.read(terminal, 4096)
    assert re.search(text, said), said.decode()
    return said


def stage_under(process: int, module: str) -> int:
    """Return the number of the process that runs `module`, below the shell or in its place."""
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        if module in Path(f"/proc/{child}/cmdline").read_text().split("\0"):
            return int(child)
        if below := stage_under(int(child), module):
            return below
    return 0


@pytest.mark.parametrize("shell", ["bash", "sh"])  # the second waits, where it is dash
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_signal_to_the_process_that_dvc_started_ends_the_stage(
    preloading: Path, run: Run, number: signal.Signals, shell: str
) -> None:
    write_learn(preloading, "open('started', 'w').close(); import signal; signal.pause()")
    run("playbill", "compose", cwd=preloading)
    dvc = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro"], cwd=preloading, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "SHELL": shutil.which(shell) or shell}, preexec_fn=_heed_interrupts,  # noqa: PLW1509
    )  # fmt: skip
    assert wait_for((preloading / "started").is_file)
    os.kill(stage_under(dvc.pid, "stages.learn"), number)
    said, _ = dvc.communicate(timeout=SECONDS)
    # Interrupted, a stage says so and ends as shells have it: 128 and the signal's number.
    statuses = {128 + int(number)} if number is signal.SIGINT else {-int(number), 128 + number}
    assert int(re.findall(r"exited with (-?\d+)", said)[0]) in statuses


def test_a_run_that_is_killed_leaves_no_process(preloading: Path, run: Run) -> None:
    write_learn(preloading, "open('started', 'w').close(); sys.stdin.read()")
    run("playbill", "compose", cwd=preloading)
    reader, writer = os.pipe()
    dvc = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro"], cwd=preloading, stdin=reader,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(reader)
    assert wait_for((preloading / "started").is_file)
    dvc.kill()
    dvc.wait()
    os.close(writer)  # the stage goes on as it would without, and ends


def test_two_runs_at_once_have_a_process_each(preloading: Path, tmp_path: Path, run: Run) -> None:
    mine = tmp_path / "mine"
    body = """
    (open(mine, "w") if here else open(mine)).close()  # until the other run is as far
    with open("process", "w") as file: file.write(str(os.getppid()))"""
    other = tmp_path / "other"
    for project, here in ((preloading, True), (other, False)):
        if project == other:
            shutil.copytree(preloading, other)
        write_learn(project, body, f"mine, here = {str(mine)!r}, {here}")
    os.mkfifo(mine)
    runs = []
    for project in (preloading, other):
        run("playbill", "compose", cwd=project)
        words = [sys.executable, "-m", "dvc", "repro", "-q"]
        runs.append(subprocess.Popen(words, cwd=project))
    assert [each.wait(timeout=SECONDS) for each in runs] == [0, 0]
    assert len({(p / "process").read_text() for p in (preloading, other)}) == 2
    assert wait_for(lambda: not processes_in(other))


def test_an_edit_during_a_run_and_between_two_is_seen(preloading: Path, run: Run) -> None:
    (preloading / "stages" / "words.py").write_text("WORD = 'first'\n")
    gather = preloading / "stages" / "gather.py"
    edit = "from pathlib import Path; Path('stages/words.py').write_text(\"WORD = 'second'\\n\")"
    gather.write_text(gather.read_text().replace("    return", f"    {edit}\n    return"))
    write_learn(preloading, f"{WHO}; from stages.words import WORD; print('says', WORD)")
    run("playbill", "compose", cwd=preloading)
    said = run("dvc", "repro", cwd=preloading, check=False).stdout
    assert "run by playbill.engine.preloading" in said
    assert "says second" in said
    (preloading / "stages" / "words.py").write_text("WORD = 'third'\n")
    gather.write_text(gather.read_text().replace(edit, "pass"))
    run("playbill", "compose", cwd=preloading)
    assert "says third" in run("dvc", "repro", cwd=preloading).stdout


@pytest.mark.parametrize("missing", ["os.fork", "socket.AF_UNIX"])
def test_where_a_system_cannot_stages_run_by_themselves(
    preloading: Path, tmp_path: Path, run: Run, missing: str
) -> None:
    place = tmp_path / "site"
    place.mkdir()
    (place / "sitecustomize.py").write_text(
        f"import os, sys\nif 'stages' in str(sys.orig_argv): import socket; del {missing}\n"
    )
    run("playbill", "compose", cwd=preloading)
    said = run("dvc", "repro", cwd=preloading, PYTHONPATH=str(place)).stdout
    assert "run by stages.learn" in said


def test_a_stage_by_hand_runs_by_itself(preloading: Path, run: Run) -> None:
    run("playbill", "compose", cwd=preloading)
    run(sys.executable, "-m", "stages.gather", cwd=preloading)
    said = run(sys.executable, "-m", "stages.learn", cwd=preloading).stdout
    assert "run by stages.learn" in said


def test_the_key_is_read_as_the_parser_reads_it(preloading: Path, run: Run) -> None:
    run("playbill", "compose", cwd=preloading)
    assert start.asked(preloading / "params.yaml", "learn") == ["decimal"]
    assert start.asked(REPOSITORY / "params.yaml", "train") is None
    assert start.asked(preloading / "nowhere.yaml", "learn") is None


def test_a_stage_preloads_nothing_that_only_others_say_they_use(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    values: dict[str, object] = {
        "engine": {"preload": ["decimal", "duckdb", "sklearn.ensemble", "pandas"]},
        "environment": {
            "ingest": {"framework": "1", "packages": {"duckdb": "2", "pandas": "3"}},
            "train": {"framework": "2", "packages": {"pandas": "3", "scikit-learn": "1"}},
            "other": {"framework": "3", "packages": {}},
        },
        "name": "x",
    }
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    assert start.asked(file, "ingest") == ["decimal", "duckdb", "pandas"]
    assert start.asked(file, "train") == ["decimal", "sklearn.ensemble", "pandas"]
    assert start.asked(file, "other") == ["decimal", "duckdb", "sklearn.ensemble", "pandas"]


def test_own_code_is_not_preloaded(preloading: Path, run: Run) -> None:
    config = preloading / "conf" / "config.yaml"
    config.write_text(config.read_text().replace("[decimal]", "[decimal, stages.learn]"))
    done = run("playbill", "check", cwd=preloading, check=False)
    assert done.returncode == 2
    assert "engine.preload" in done.stderr
    assert "an edit would be missed" in done.stderr
