"""What it costs to bring rows in, validate and divide them: CPU seconds and peak memory.

    python bench/rows.py                              # 330 thousand and 3.4 million rows
    python bench/rows.py --copies 30                  # 10 million
    python bench/rows.py --polars OTHER/bin/python    # an environment that has Polars

One CSV file of flights, numbered so that each row has a key. Playbill's own stage functions (file
source, join, contract, split, snapshots and tables written) against the shortest script that does
the same checks and writes the same two tables: pandas, DuckDB, Polars. Each subject is a process of
its own, on one thread; children count.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PLAYBILL = """
import sys, time
from pathlib import Path
from pydantic import TypeAdapter
sys.path.insert(0, sys.argv[1])
from playbill.config.schema import Contract, Split
from playbill.config.scratch import fresh
from playbill.config.source import FileSource, Window
from playbill.contract.trial import validate
from playbill.pipeline import format as file_format
from playbill.source.fetch import fetch
from playbill.source.join import join
from playbill.contract.task import as_target_column, outcome
from playbill.split.base import Roles
from playbill.split.preparation import prepare
root = Path.cwd()
make = lambda kind, value: TypeAdapter(kind).validate_python(value)
source = make(FileSource, {"kind": "file", "path": "rows.csv"})
window = make(Window, {"start": "2013-01-01", "end": "2014-01-01"})
snapshot = fetch("rows", source, window, root=root)
query = "SELECT * REPLACE (time_hour::TIMESTAMP AS time_hour) FROM rows ORDER BY time_hour, id"
table = fresh(root, "table.parquet")
join(query, {"rows": list(snapshot.parquet.values())}, table)
file_format.write(root / "raw", snapshot.files())
file_format.write(root / "table.parquet", table)
span = lambda low, high: {"in_range": {"min_value": low, "max_value": high}}
contract = Contract.model_validate({"task": "regression", "schema": {"strict": True, "columns": {
    "id": {"dtype": "int64", "unique": True}, "time_hour": {"dtype": "datetime64[ns]"},
    "carrier": {"dtype": "str"}, "origin": {"dtype": "str", "isin": ["EWR", "JFK", "LGA"]},
    "distance": {"dtype": "int64", **span(1, 10000)}, "hour": {"dtype": "int64", **span(0, 23)},
    "arr_delay": {"dtype": "float64", "nullable": True}}},
    "columns": {"id": {"role": "key"}, "time_hour": {"role": "time"},
                "arr_delay": {"role": "target"}}})
begin = time.process_time()
valid = validate(root / "table.parquet", contract.schema_, name="the table")
print(f"validate {time.process_time() - begin:.2f}")
file_format.write(root / "valid.parquet", valid)
config = make(Split, {"kind": "time", "may_cross": ["time"]})
made = prepare(
    root / "valid.parquet", config, Roles("id", "arr_delay", "time_hour"), task="regression",
    as_target=lambda values: as_target_column(values, outcome(contract), name="arr_delay"),
    root=root,
)
file_format.write(root / "train.parquet", made.train)
file_format.write(root / "test.parquet", made.test)
"""
PANDAS = """
import pandas as pd
t = pd.read_csv("rows.csv")
t["time_hour"] = pd.to_datetime(t["time_hour"])
t = t.sort_values(["time_hour", "id"])
assert t["id"].is_unique and t["origin"].isin(["EWR", "JFK", "LGA"]).all()
assert t["distance"].between(1, 10000).all() and t["hour"].between(0, 23).all()
assert t["carrier"].notna().all() and t["time_hour"].notna().all()
t = t[t["arr_delay"].notna()].drop_duplicates("id")
cut = t["time_hour"].quantile(0.8, interpolation="lower")
t[t["time_hour"] < cut].to_parquet("train.parquet", compression="zstd", index=False)
t[t["time_hour"] >= cut].to_parquet("test.parquet", compression="zstd", index=False)
"""
DUCKDB = """
import duckdb
c = duckdb.connect(config={"threads": 1})
c.execute("SET enable_progress_bar = false")
c.execute("CREATE TABLE t AS SELECT * FROM read_csv('rows.csv') ORDER BY time_hour, id")
bad = c.execute('''SELECT count(*) - count(DISTINCT id),
  count(*) FILTER (NOT (origin IN ('EWR', 'JFK', 'LGA') AND distance BETWEEN 1 AND 10000
  AND hour BETWEEN 0 AND 23 AND carrier IS NOT NULL AND time_hour IS NOT NULL)) FROM t
''').fetchone()
assert bad == (0, 0), bad
c.execute("CREATE VIEW k AS SELECT DISTINCT ON (id) * FROM t WHERE arr_delay IS NOT NULL")
cut = c.execute("SELECT quantile_disc(time_hour, 0.8) FROM k").fetchone()[0]
for name, sign in (("train", "<"), ("test", ">=")):
    c.execute(f"COPY (SELECT * FROM k WHERE time_hour {sign} '{cut}' ORDER BY time_hour, id) "
              f"TO '{name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
"""
POLARS = """
import polars as pl
t = pl.read_csv("rows.csv", try_parse_dates=True).sort("time_hour", "id")
assert t["id"].is_unique().all() and t["origin"].is_in(["EWR", "JFK", "LGA"]).all()
assert t["distance"].is_between(1, 10000).all() and t["hour"].is_between(0, 23).all()
assert t["carrier"].null_count() == 0 and t["time_hour"].null_count() == 0
t = t.filter(pl.col("arr_delay").is_not_null()).unique("id", maintain_order=True)
cut = t["time_hour"].sort()[int(0.8 * len(t))]
t.filter(pl.col("time_hour") < cut).write_parquet("train.parquet", compression="zstd")
t.filter(pl.col("time_hour") >= cut).write_parquet("test.parquet", compression="zstd")
"""


def main() -> None:
    """Measure each subject at each size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--copies", type=int, nargs="*", default=[1, 10])
    parser.add_argument("--polars", help="an interpreter whose environment has Polars")
    asked = parser.parse_args()
    subjects = {"pandas": (sys.executable, PANDAS), "duckdb": (sys.executable, DUCKDB)}
    if asked.polars:
        subjects["polars"] = (asked.polars, POLARS)
    subjects["playbill"] = (sys.executable, PLAYBILL)
    print("rows       subject    CPU s    x pandas   peak GB")
    for copies in asked.copies:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            rows = _write(folder / "rows.csv", copies)
            base = 0.0
            for subject, (python, code) in subjects.items():
                seconds, peak, said = _run(python, code, folder)
                base = base or seconds
                ratio = seconds / base
                print(f"{rows:<10,} {subject:<9} {seconds:7.2f} {ratio:9.2f} {peak:9.2f}  {said}")


def _write(path: Path, copies: int) -> int:
    """Write `copies` times the flights of 2013, each row with a number of its own."""
    sys.path.insert(0, str(REPOSITORY))
    import pandas as pd

    from stages import flights

    columns = ["time_hour", "carrier", "origin", "distance", "hour", "arr_delay"]
    one = pd.read_csv(flights._file("flights.csv.zip"), usecols=columns)[columns]  # noqa: SLF001
    one["time_hour"] = one["time_hour"].str.slice(0, 19)
    for copy in range(copies):
        one.insert(0, "id", range(copy * len(one), (copy + 1) * len(one)))
        one.to_csv(path, mode="a", header=not copy, index=False)
        del one["id"]
    return copies * len(one)


def _run(python: str, code: str, folder: Path) -> tuple[float, float, str]:
    """Return CPU seconds, peak memory in GB, and what was printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    threads = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "ARROW_NUM_THREADS": "1"}
    watched = (
        "import atexit, resource, sys\n"
        "atexit.register(lambda: print('peak', "
        "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))\n" + code
    )
    done = subprocess.run(
        [python, "-c", watched, str(REPOSITORY)], cwd=folder, env={**os.environ, **threads},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    *said, peak = done.stdout.splitlines()
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, int(peak.split()[1]) / 2**20, "; ".join(said)


if __name__ == "__main__":
    main()
