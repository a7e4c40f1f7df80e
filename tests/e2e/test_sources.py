"""Sources under DVC: what is noticed, what is fetched, what comes back."""

import json
import shutil
from pathlib import Path

import pytest

from tests.config.conftest import edit
from tests.conftest import Run
from tests.e2e.conftest import HEADER, ROWS

pytestmark = [pytest.mark.pipeline, pytest.mark.xdist_group("flights")]

FEED = '''"""A feed that says in a file how often it was asked."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pandas as pd


def rows(start: date, end: date) -> Iterator[pd.DataFrame]:
    """Yield one row a day."""
    asked = Path("asked.txt")
    asked.write_text((asked.read_text() if asked.exists() else "") + f"{start} {end}\\n")
    scale = float(Path("scale.txt").read_text())
    for day in range((end - start).days):
        today = start + timedelta(days=day)
        yield pd.DataFrame({"id": [str(today)], "x": [scale * day + 1], "y": [day % 2 == 0]})
'''
SOURCE = """window: {start: 2020-01-01, end: 2020-03-01}
every: 1m
sources:
  feed: {kind: python, target: "stages.feed:rows", key: id}
query: SELECT * FROM feed ORDER BY id
"""


@pytest.fixture
def feed(table: Path, run: Run) -> Path:
    """The small project, its rows from a function, two monthly windows."""
    (table / "stages/feed.py").write_text(FEED)
    (table / "scale.txt").write_text("1")
    (table / "conf/source/tiny.yaml").write_text(SOURCE)
    run("playbill", "compose", cwd=table)
    return table


def asked(project: Path) -> list[str]:
    """Return the windows that were fetched since the last look."""
    file = project / "asked.txt"
    found = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return found


def out(project: Path) -> dict[str, bytes]:
    """Return what lies under data/raw."""
    folder = project / "data/raw"
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_an_edit_of_a_source_file_is_noticed(table: Path, run: Run) -> None:
    run("playbill", "compose", cwd=table)
    run("dvc", "repro", cwd=table)
    (table / "rows.csv").write_text(HEADER + ROWS + "r99,3.5,True\n")
    changed = json.loads(run("dvc", "status", "--json", cwd=table).stdout)
    assert {"changed deps": {"rows.csv": "modified"}} in changed["ingest"]
    run("dvc", "repro", "ingest", cwd=table)
    assert json.loads((table / "data/raw/rows.json").read_text())["rows"] == 41


def test_windows_move_forward_and_back_under_dvc(feed: Path, run: Run) -> None:
    run("dvc", "repro", "ingest", cwd=feed)
    assert asked(feed) == ["2020-01-01 2020-02-01", "2020-02-01 2020-03-01"]
    first = out(feed)
    edit(feed / "conf/source/tiny.yaml", "start: 2020-01-01, end: 2020-03-01",
         "start: 2020-02-01, end: 2020-04-01")  # fmt: skip
    run("dvc", "repro", "ingest", cwd=feed)
    assert asked(feed) == ["2020-03-01 2020-04-01"]
    assert set(out(feed)) == {
        "feed.json", "feed/2020-02-01_2020-03-01.parquet", "feed/2020-03-01_2020-04-01.parquet",
    }  # fmt: skip
    edit(feed / "conf/source/tiny.yaml", "start: 2020-02-01, end: 2020-04-01",
         "start: 2020-01-01, end: 2020-03-01")  # fmt: skip
    run("dvc", "repro", "--force", "ingest", cwd=feed)  # not from DVC's run cache
    assert asked(feed) == []
    assert out(feed) == first


def test_a_fresh_clone_takes_from_dvc_what_was_fetched_elsewhere(feed: Path, run: Run) -> None:
    run("dvc", "repro", "ingest", cwd=feed)
    asked(feed)
    first = out(feed)
    run("git", "add", "-A", cwd=feed)
    run("git", "commit", "-qm", "ingested", cwd=feed)
    shutil.rmtree(feed / ".dvc/tmp/playbill")
    shutil.rmtree(feed / "data/raw")
    edit(feed / "conf/source/tiny.yaml", "start: 2020-01-01, end: 2020-03-01",
         "start: 2020-01-01, end: 2020-04-01")  # fmt: skip
    run("dvc", "repro", "ingest", cwd=feed)
    assert asked(feed) == ["2020-03-01 2020-04-01"]
    now = out(feed)
    assert {name: now[name] for name in first if name != "feed.json"} == {
        name: data for name, data in first.items() if name != "feed.json"
    }
    run("playbill", "ingest", "--refresh", cwd=feed)
    assert len(asked(feed)) == 3


def test_refresh_fetches_again_and_says_what_changed(feed: Path, run: Run) -> None:
    run("dvc", "repro", "ingest", cwd=feed)
    asked(feed)
    (feed / "scale.txt").write_text("2")
    run("dvc", "repro", "ingest", cwd=feed)
    assert asked(feed) == []
    said = run("playbill", "ingest", "--refresh", "--source", "feed", "--json", cwd=feed).stdout
    assert len(asked(feed)) == 2
    (only,) = json.loads(said)["sources"]
    assert (only["rows"], only["windows"], len(only["changed"])) == (60, 2, 2)
    again = run("playbill", "ingest", cwd=feed).stdout
    assert again.splitlines()[-1].split() == ["feed", "python", "60", "2", "-"]


def test_an_edit_of_the_function_fetches_anew(feed: Path, run: Run) -> None:
    run("dvc", "repro", "ingest", cwd=feed)
    asked(feed)
    edit(feed / "stages/feed.py", "day % 2", "day % 3")
    run("dvc", "repro", "ingest", cwd=feed)
    assert len(asked(feed)) == 2


def test_an_unknown_source_is_named(feed: Path, run: Run) -> None:
    done = run("playbill", "ingest", "--refresh", "--source", "fed", cwd=feed, check=False)
    assert done.returncode == 2
    assert "`feed`" in done.stderr
