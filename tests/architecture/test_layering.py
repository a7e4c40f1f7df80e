"""The layers of pyproject.toml hold, and no folder stands outside them."""

import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
# What the console script calls, started by this interpreter wherever its scripts lie.
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def test_the_import_contracts_hold() -> None:
    finished = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", LINT_IMPORTS, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_every_declared_stage_stands_in_the_contract_that_keeps_stages_apart() -> None:
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    apart = next(c["modules"] for c in contracts if c["type"] == "independence")
    pipeline = ROOT.joinpath("playbill", "conf", "pipeline", "default.yaml")
    stages = yaml.safe_load(pipeline.read_text(encoding="utf-8"))["stages"]
    declared = {stage["function"].partition(":")[0] for stage in stages.values()}
    assert set(apart) == declared | {"stages.compose"}
