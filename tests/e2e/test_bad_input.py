"""What a user can get wrong with data, and what `dvc repro` says then."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.config.conftest import edit
from tests.conftest import Run
from tests.e2e.conftest import HEADER, ROWS

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("flights")]


def refused(project: Path, run: Run) -> str:
    """Run the pipeline twice if the graph changed; return what it said when it failed."""
    done = run("dvc", "repro", cwd=project, check=False)
    if "the graph changed" in done.stderr:
        done = run("dvc", "repro", cwd=project, check=False)
    assert done.returncode == 255, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def test_good_rows_pass(table: Path, run: Run) -> None:
    run("playbill", "compose", cwd=table)
    run("dvc", "repro", cwd=table)
    assert (table / "data/prepared/train.parquet").is_file()


def test_a_missing_source_file_is_named(table: Path, run: Run) -> None:
    (table / "rows.csv").unlink()
    assert "rows.csv" in refused(table, run)


def test_a_missing_column_is_named(table: Path, run: Run) -> None:
    (table / "rows.csv").write_text("id,z,y\n" + ROWS)
    text = refused(table, run)
    assert "PB410" in text
    assert "- x: column_in_dataframe" in text


def test_an_empty_table_is_said_to_be_empty(table: Path, run: Run) -> None:
    (table / "rows.csv").write_text(HEADER)
    assert "PB400 source `rows`: rows.csv has no rows" in refused(table, run)


def test_a_text_in_a_numeric_column_is_shown_with_its_column(table: Path, run: Run) -> None:
    (table / "rows.csv").write_text(HEADER + ROWS + "r99,twelve,True\n")
    text = refused(table, run)
    assert "PB410" in text
    assert re.search(r"- x: .*\(1 rows\): `twelve`", text)
    line = line_of(table / "conf/contract/tiny.yaml", "x:")
    assert f"where:    conf/contract/tiny.yaml:{line} contract.schema.columns.x" in text
    assert "next:     correct the data or its query, as x::DOUBLE in conf/source's query" in text


def line_of(path: Path, text: str) -> int:
    lines = path.read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.strip().startswith(text))


def test_broken_yaml_is_named_with_its_line(table: Path, run: Run) -> None:
    edit(table / "conf/source/tiny.yaml", "kind: file", "kind: [file")
    assert "conf/source/tiny.yaml:" in refused(table, run)


def test_rows_that_break_a_check_are_put_aside_and_the_others_go_on(table: Path, run: Run) -> None:
    (table / "rows.csv").write_text(HEADER + ROWS + "r98,-1.5,True\nr99,99.5,True\n")
    conf = table / "conf/contract/tiny.yaml"
    said = yaml.safe_load(conf.read_text())
    said["schema"]["columns"]["x"]["in_range"] = {"min_value": 0, "max_value": 90}
    columns = said.setdefault("columns", {})
    columns["x"] = {**columns.get("x", {}), "policy": {"in_range": "quarantine"}}
    conf.write_text(yaml.safe_dump({**said, "quarantine": {"share": 0.1}}))
    run("playbill", "compose", cwd=table)
    run("dvc", "repro", "prepare", cwd=table)
    aside = pd.read_parquet(table / "data/quarantine/rows.parquet")
    assert list(aside["id"]) == ["r98", "r99"]
    assert set(aside["reason"]) == {"x: in_range(0, 90)"}
    assert len(pd.read_parquet(table / "data/validated/table.parquet")) == 40
    edit(conf, "share: 0.1", "share: 0.01")
    assert "PB410" in refused(table, run)
    report = json.loads((table / "data/quarantine/report.json").read_text())
    (broken, share) = report["failures"]
    assert (broken["count"], broken["rows"], share["policy"]) == (2, [40, 41], "fail")
