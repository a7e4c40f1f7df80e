"""What the workspace holds and never ran: it is neither asked about nor taken for a model."""

import shutil
from pathlib import Path

import pytest

from playbill.config.compilation import compile_project, write
from playbill.errors import LineageError
from playbill.lineage import git
from playbill.lineage.contradiction import not_run, refuse_not_run

TINY = Path(__file__).resolve().parents[1] / "config" / "tiny"


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(TINY, folder, ignore=shutil.ignore_patterns("__pycache__"))
    git.call(tmp_path, ["init", "-q", str(folder)])
    write(folder, compile_project(folder))
    (folder / ".dvc").mkdir()
    (folder / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    return folder


def test_conf_that_was_edited_and_not_compiled_is_named_by_its_key(compiled: Path) -> None:
    assert list(not_run(compiled, None)) == []
    config = compiled / "conf" / "config.yaml"
    before = config.read_text()
    config.write_text(before + "# a comment says nothing\n")
    assert list(not_run(compiled, None)) == []
    config.write_text(before.replace("seed: 7", "seed: 8"))
    assert before != config.read_text()
    (found,) = not_run(compiled, None)
    assert "`seed`" in found.what
    with pytest.raises(LineageError, match="was not run as it stands") as error:
        refuse_not_run(compiled, None)
    assert "conf/ has another" in error.value.where
    assert error.value.run.startswith("dvc repro")
    write(compiled, compile_project(compiled))
    assert list(not_run(compiled, None)) == []


def test_an_output_that_was_exchanged_in_dvc_lock_is_not_what_the_next_stage_read(
    compiled: Path,
) -> None:
    def lock(written: str) -> str:
        return (
            "schema: '2.0'\nstages:\n"
            f"  train:\n    cmd: a\n    outs:\n    - {{path: model.bin, md5: '{written}'}}\n"
            "  evaluate:\n    cmd: b\n    deps:\n    - {path: model.bin, md5: '1'}\n"
        )

    (compiled / "dvc.lock").write_text(lock("1"))
    assert list(not_run(compiled, None)) == []
    (compiled / "dvc.lock").write_text(lock("2"))
    (found,) = not_run(compiled, None)
    assert (found.stage, found.what) == ("evaluate", "it read another model.bin than dvc.lock has")
