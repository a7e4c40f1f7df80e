"""A stage that a person stops says so, in words."""

import shutil
import sys
from pathlib import Path

import pytest

from playbill.config.compilation import compile_project, write
from playbill.config.schema import Params
from playbill.pipeline import runner
from tests.config.conftest import TINY


def stopped(params: Params) -> dict[str, object]:
    raise KeyboardInterrupt


def test_a_stage_stopped_by_ctrl_c_shows_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "project"
    shutil.copytree(TINY, project, ignore=shutil.ignore_patterns("__pycache__"))
    write(project, compile_project(project))
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "argv", ["stages.gather"])
    with pytest.raises(SystemExit) as ended:
        runner.main("gather", stopped)
    assert ended.value.code == 130
    said = capsys.readouterr().err
    assert "stage gather was stopped" in said
    assert "python -m stages.gather" in said
    assert "Traceback" not in said
