"""Plans, composes and reproduces a project in forks of one process that has imported everything.

`python tests/config/forks.py PROJECT` answers each word of its standard input with a line of JSON.
Starting Python and importing Hydra, DVC and pydantic anew for every stage would take most of the
time of a test that does it hundreds of times. What runs in a fork is the real thing: DVC's own
command line, and each stage's module as `__main__` in the folder and environment that DVC gives it.
"""

import json
import os
import runpy
import shlex
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dvc.cli
import dvc.repo.reproduce
import dvc.stage.run
import grimp  # noqa: F401 - imported for the forks
import hydra  # noqa: F401 - imported for the forks
from dvc.stage.exceptions import StageCmdFailedError

from playbill.config import compilation
from playbill.pipeline import compose, planning, runner  # noqa: F401 - imported for the forks


def forked(work: Callable[[], int]) -> tuple[int, str]:
    """Run `work` in a fork; return its status and everything that it printed."""
    with tempfile.TemporaryFile() as said:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            os._exit(_status(work))
        _, state = os.waitpid(child, 0)
        said.seek(0)
        return os.waitstatus_to_exitcode(state), said.read().decode()


def _status(work: Callable[[], int]) -> int:
    try:
        status = work()
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
    except BaseException:  # noqa: BLE001 - the fork must not go on as its parent
        traceback.print_exc()
        status = 70
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def run_stage(stage: Any, dry: bool = False, run_env: Any = None) -> None:  # noqa: FBT001, FBT002
    """Stand in for DVC's `cmd_run`: `python -m MODULE` in a fork instead of a new process."""
    dvc.stage.run.logger.info("Running stage '%s':", stage.addressing)
    python, flag, module = shlex.split(stage.cmd)
    assert (python, flag) == ("python", "-m")
    given = dvc.stage.run.prepare_kwargs(stage, run_env=run_env)
    child = os.fork()
    if child == 0:
        os.chdir(given["cwd"])
        os.environ.clear()
        os.environ.update(given["env"])
        sys.argv = [module]

        def work() -> int:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            return 0

        os._exit(_status(work))
    _, state = os.waitpid(child, 0)
    if status := os.waitstatus_to_exitcode(state):
        raise StageCmdFailedError(stage.cmd, status)


def plan() -> int:
    """Print the plan as JSON, on the last line."""
    print(json.dumps(planning.make_plan(Path.cwd()).as_dict()))  # noqa: T201
    return 0


def compile_all() -> int:
    """Do `playbill compose`."""
    compilation.write(Path.cwd(), compilation.compile_project(Path.cwd()))
    return 0


def repro() -> int:
    """Do `dvc repro`."""
    return int(dvc.cli.main(["repro"]))


WORK = {"plan": plan, "compose": compile_all, "repro": repro}


def main() -> None:
    """Answer until standard input ends."""
    os.chdir(sys.argv[1])
    sys.path[0] = sys.argv[1]
    dvc.stage.run.cmd_run = run_stage
    for word in sys.stdin:
        status, text = forked(WORK[word.strip()])
        print(json.dumps([status, text]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
