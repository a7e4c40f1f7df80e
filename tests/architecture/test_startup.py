"""The command line starts fast because it loads no heavy library until a command needs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from playbill.cli import main

ROOT = Path(__file__).parents[2]
HEAVY = {
    "dvc",
    "duckdb",
    "fastapi",
    "gto",
    "hydra",
    "jinja2",
    "numpy",
    "omegaconf",
    "pandas",
    "pandera",
    "pyarrow",
    "pydantic",
    "rich",
    "scipy",
    "skops",
    "sklearn",
    "uvicorn",
}
PROBE = """
import json, sys
from playbill.cli.main import main
try:
    main()
except SystemExit as stop:
    status = stop.code
print(json.dumps([status, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def loaded_by(*arguments: str) -> tuple[int, set[str]]:
    """Run the command line in its own process; return its status and what it loaded."""
    finished = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        # A debugger or a coverage tool that starts with Python would load more.
        env={**os.environ, "PYTHONSAFEPATH": "", "COVERAGE_PROCESS_START": ""},
    )
    status, names = json.loads(finished.stdout.splitlines()[-1])
    return int(status or 0), set(names)


def test_help_loads_no_heavy_library() -> None:
    status, names = loaded_by("--help")
    assert status == 0
    assert names & HEAVY == set()


@pytest.mark.parametrize("command", main.COMMANDS)
def test_the_help_of_a_command_loads_none_either(command: str) -> None:
    status, names = loaded_by(command, "--help")
    assert status == 0
    # Typer itself takes pydantic for an option that is a path or one of several words.
    assert names & (HEAVY - {"pydantic"}) == set()


def test_a_stage_parses_no_source_for_the_descriptions_of_its_parameters() -> None:
    code = (
        "from playbill.config.schema import Params; import sys; "
        "assert Params.model_fields['seed'].description is None; "
        "assert 'playbill.config.description' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
