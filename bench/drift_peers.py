"""Our drift check beside Evidently, NannyML, alibi-detect and scipy, on the same rows.

    python bench/drift_peers.py                        # everything: about an hour on two cores
    python bench/drift_peers.py --part stable wide     # parts of it
    python bench/drift_peers.py --repeats 5            # a quick look

Each peer runs with its defaults in an environment of its own, which the first run makes under
`--venvs` (about 3 GB, five minutes); nothing of them enters ours. alibi-detect is under the
Business Source Licence, so it is started here and never imported by Playbill. Not part of CI. Our
own level and power with more repeats: `bench/drift_false_alarms.py`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from drift_false_alarms import Source, changes, columns_of, interval, real, synthetic
from peers.drift import peak
from sklearn.metrics import roc_auc_score

from playbill.config.schema import Drift
from playbill.drift.decision import check, judge
from playbill.drift.performance import estimate, profile_performance
from playbill.drift.profile import build_profile
from playbill.drift.report import as_html
from playbill.drift.rows import read_watched
from playbill.drift.tally import Tally

PACKAGES = {
    "evidently": ["evidently==0.7.23", "pandas<3"],
    "nannyml": ["nannyml==0.13.1", "statsmodels", "pandas<3"],
    "alibi-detect": ["alibi-detect==0.13.0", "pyarrow<18"],
}
SIZES = [(1_000, 100), (1_000, 1_000), (1_000, 5_000), (5_000, 50), (5_000, 5_000)]
POLICY = Drift(minimum_rows=2)
SCRIPT = Path(__file__).parent / "peers" / "drift.py"
NOT_INPUTS = ["id", "employed", "year", "prediction", "predicted_probability"]


@dataclass(frozen=True)
class Bench:
    """Where things lie, and how often each cell is repeated.

    Attributes:
        folder: Scratch.
        venvs: Environments of the peers.
        repeats: Reports a cell.
        peers: Which peers run.
    """

    folder: Path
    venvs: Path
    repeats: int
    peers: tuple[str, ...]

    def python(self, peer: str) -> Path:
        """Return the interpreter of a peer, made first if need be; scipy's is our own."""
        if peer not in PACKAGES:
            return Path(sys.executable)
        place = self.venvs / peer
        found = place / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        if not found.exists():
            print(f"installing {peer} into {place}", file=sys.stderr)
            venv.create(place, with_pip=True)
            words = [found, "-m", "pip", "install", "--quiet", *PACKAGES[peer]]
            subprocess.run(words, check=True)
        return found

    def ask(self, peer: str, jobs: list[dict[str, str]]) -> list[dict[str, Any]]:
        """Return what a peer says of each job."""
        listed = self.folder / "jobs.json"
        listed.write_text(json.dumps(jobs), encoding="utf-8")
        done = subprocess.run(
            [self.python(peer), SCRIPT, peer, listed],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        lines = [line for line in done.stdout.decode().splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines]

    def job(self, name: str, reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, str]:
        """Write both tables and return the job."""
        paths = [self.folder / f"{name}-{side}.parquet" for side in ("reference", "current")]
        for path, frame in zip(paths, (reference, current), strict=True):
            frame.reset_index(drop=True).to_parquet(path)
        return {"reference": str(paths[0]), "current": str(paths[1])}

    def datasets(self) -> Path:
        """Return the folder of the data sets in NannyML's wheel."""
        found = list((self.venvs / "nannyml").glob("**/nannyml/datasets/data"))
        if not found:
            self.python("nannyml")
            found = list((self.venvs / "nannyml").glob("**/nannyml/datasets/data"))
        return found[0]


def ours(reference: pd.DataFrame, current: pd.DataFrame, seed: int = 0) -> list[str]:
    """Return what our check flags at its defaults, columns and pairs."""
    policy = POLICY.model_copy(update={"seed": seed})
    found = check(build_profile(reference, columns_of(reference), policy), current, policy)
    both = [" x ".join(pair.columns) for pair in found.drifted_pairs]
    return [*(column.name for column in found.drifted), *both]


def same(bench: Bench) -> Iterator[str]:
    """Yield what each says of two samples of the same rows: reports with any flag, columns."""
    sources: dict[str, Source] = {"synthetic": synthetic, "flights": real()}
    yield f"| rows | reference | current | playbill | {' | '.join(bench.peers)} |"
    yield "|---|---|---|---|" + "---|" * len(bench.peers)
    for name, draw in sources.items():
        for before, after in SIZES:
            jobs, mine = [], 0
            for repeat in range(bench.repeats):
                both = draw(np.random.default_rng([repeat, before, after]), before + after)
                sides = both[:before].reset_index(drop=True), both[before:]
                mine += bool(ours(*sides, seed=repeat))
                jobs.append(bench.job(f"same{repeat}", *sides))
            cells = [interval(mine, bench.repeats)]
            for peer in bench.peers:
                told = bench.ask(peer, jobs)
                columns = np.mean([len(one["flagged"]) for one in told]) / both.shape[1]
                cells.append(f"{_any(told)}, {columns:.0%} of columns")
            yield f"| {name} | {before:,} | {after:,} | {' | '.join(cells)} |"


def planted(bench: Bench) -> Iterator[str]:
    """Yield how often each flags a changed column, 10,000 against 10,000 real rows."""
    yield f"| change | playbill, margin 0 | {' | '.join(bench.peers)} |"
    yield "|---|---|" + "---|" * len(bench.peers)
    jobs: dict[str, list[dict[str, str]]] = {}
    mine: dict[str, int] = {}
    moved: dict[str, str] = {}
    draw, policy = real(), POLICY.model_copy(update={"minimum_effect": 0.0})
    for repeat in range(bench.repeats):
        rng = np.random.default_rng([repeat, 10_000])
        both = draw(rng, 20_000)
        before = both[:10_000].reset_index(drop=True)
        profile = build_profile(before, columns_of(before), policy)
        for index, (what, column, current) in enumerate(changes(both[10_000:], rng)):
            found = check(profile, current, policy)
            names = {each.name for each in found.drifted}
            names |= {name for pair in found.drifted_pairs for name in pair.columns}
            mine[what] = mine.get(what, 0) + (column in names)
            moved[what] = column
            jobs.setdefault(what, []).append(bench.job(f"p{repeat}-{index}", before, current))
    told = {peer: bench.ask(peer, [*chain(*jobs.values())]) for peer in bench.peers}
    for index, what in enumerate(jobs):
        cells = [f"{mine[what]} of {bench.repeats}"]
        for answers in told.values():
            part = answers[index * bench.repeats : (index + 1) * bench.repeats]
            seen = sum(moved[what] in one["flagged"] for one in part)
            cells.append(f"{seen} of {bench.repeats}")
        yield f"| {what} | {' | '.join(cells)} |"


def stable(bench: Bench) -> Iterator[str]:
    """Yield what each says of a real stream that hardly moves: the census' employment, yearly."""
    folder = bench.datasets()
    sides = [pd.read_parquet(folder / f"employment_MA_{s}.pq") for s in ("reference", "analysis")]
    years = sides[1].pop("year")
    before, after = (side.drop(columns=NOT_INPUTS, errors="ignore").pipe(_plain) for side in sides)
    jobs = [bench.job(str(year), before, after[years == year]) for year in sorted(set(years))]
    yield f"| year against 2015 | playbill | {' | '.join(bench.peers)} |"
    yield "|---|---|" + "---|" * len(bench.peers)
    told = {peer: bench.ask(peer, jobs) for peer in bench.peers}
    for index, year in enumerate(sorted(set(years))):
        flagged = ours(before, after[years == year])
        cells = [f"{len(flagged)} of {before.shape[1]}"]
        cells += [f"{len(each[index]['flagged'])} of {before.shape[1]}" for each in told.values()]
        yield f"| {year} | {' | '.join(cells)} |"


def loan(bench: Bench) -> Iterator[str]:
    """Yield the AUC of NannyML's car-loan data before labels, by us and by NannyML."""
    folder = bench.datasets()
    read = [
        pd.read_csv(folder / f"synthetic_car_loan_{part}.csv")
        for part in ("reference", "analysis", "analysis_target")
    ]
    before, after = read[0], read[1].merge(read[2], on="id")
    known = profile_performance(
        before["y_pred_proba"].to_numpy(), before["repaid"].to_numpy() == 1, threshold=0.5
    )
    done = subprocess.run(
        [bench.python("nannyml"), SCRIPT, "loan"],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    theirs = json.loads(done.stdout.decode().splitlines()[-1])
    yield "| chunk | true AUC | playbill | sure loss | NannyML | alert |\n|---|---|---|---|---|---|"
    gaps = []
    for index, start in enumerate(range(0, len(after), 5000)):
        part = after[start : start + 5000]
        true = roc_auc_score(part["repaid"], part["y_pred_proba"])
        auc = estimate(known, part["y_pred_proba"].to_numpy(), seed=0)[0]
        other = theirs["estimate"][index]
        gaps.append((abs(auc.value - true), abs(other - true)))
        sure, alert = auc.loss_low > 0, theirs["alert"][index]
        yield f"| {index + 1} | {true:.4f} | {auc.value:.4f} | {sure} | {other:.4f} | {alert} |"
    mean = np.mean(gaps, axis=0)
    yield f"| mean error | | {mean[0]:.4f} | | {mean[1]:.4f} | |"


def wide(bench: Bench) -> Iterator[str]:
    """Yield time, memory and page of a report of 100,000 rows and 100 columns."""
    rng = np.random.default_rng(0)
    names = [f"c{i:02}" for i in range(100)]
    before = pd.DataFrame(rng.normal(size=(100_000, 100)), columns=names)
    jobs = {}
    for what, shift in (("nothing moved", 0.0), ("everything moved", 0.3)):
        after = pd.DataFrame(rng.normal(size=(100_000, 100)) + shift, columns=names)
        jobs[what] = bench.job(what.split()[0], before, after)
    profile = bench.folder / "profile.json"
    profile.write_text(json.dumps(build_profile(before, columns_of(before), POLICY)))
    del before, after
    yield "| who | rows | seconds | MB | page, kB |\n|---|---|---|---|---|"
    for what, job in jobs.items():
        page = bench.folder / "page.html"
        for who, peer in (("playbill, stored profile", ""), ("evidently", "evidently")):
            if peer and peer not in bench.peers:
                continue
            if peer:
                told = bench.ask(peer, [{**job, "page": str(page)}])[0]
            else:
                told = _apart(profile, job["current"], page)
            size = page.stat().st_size / 1000
            cost = f"{told['seconds']:.2f} | {told['megabytes']:.0f}"
            yield f"| {who} | {what} | {cost} | {size:,.0f} |"


def stream(bench: Bench) -> Iterator[str]:
    """Yield the cost of a million rows of 20 columns against a stored profile."""
    rng = np.random.default_rng(0)
    sample = synthetic(rng, 50_000)
    profile = bench.folder / "profile.json"
    profile.write_text(json.dumps(build_profile(sample, columns_of(sample), POLICY)))
    files = [bench.folder / "million.csv", bench.folder / "million.parquet"]
    table = synthetic(rng, 1_000_000)
    table.to_csv(files[0], index=False)
    table.to_parquet(files[1])
    del table, sample
    yield "| what | seconds | MB |\n|---|---|---|"
    for path in files:
        told = _apart(profile, str(path), bench.folder / "page.html")
        yield f"| check of {path.suffix[1:]} | {told['seconds']:.2f} | {told['megabytes']:.0f} |"
        yield f"| of it counting and judging | {told['counting']:.2f} | |"
    begun = time.perf_counter()
    pd.read_csv(files[0])
    yield f"| pandas.read_csv alone | {time.perf_counter() - begun:.2f} | |"


def _apart(profile: Path, current: str, page: Path) -> dict[str, float]:
    """Check a file in a process of its own, so that its memory is its own."""
    words = [sys.executable, __file__, "--check", str(profile), current, str(page)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE)
    return dict(json.loads(done.stdout))


def check_file(profile: Path, current: Path, page: Path) -> None:
    """Check a file against a stored profile and write the page; print what it took."""
    known, begun, counting = (
        json.loads(profile.read_text(encoding="utf-8")),
        time.perf_counter(),
        0.0,
    )
    tally = Tally(known, POLICY)
    for batch in read_watched(current, known):
        since = time.perf_counter()
        tally.add(batch.rows)
        counting += time.perf_counter() - since
    since = time.perf_counter()
    found = judge(tally, POLICY)
    counting += time.perf_counter() - since
    page.write_text(as_html(found), encoding="utf-8")
    told = {
        "seconds": time.perf_counter() - begun,
        "counting": counting,
        "megabytes": peak(),
    }
    print(json.dumps(told))


def _any(told: list[dict[str, Any]]) -> str:
    flagged = sum(bool(one["flagged"]) for one in told)
    return f"{100 * flagged / len(told):.0f} % of reports"


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return categories as text, which every peer reads alike."""
    kinds = frame.dtypes.astype(str)
    return frame.astype({name: str for name in frame if kinds[name] == "category"})


PARTS: dict[str, Callable[[Bench], Iterator[str]]] = {
    "same": same, "planted": planted, "stable": stable, "loan": loan, "wide": wide,
    "stream": stream,
}  # fmt: skip


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--part", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--peers", nargs="*", default=[*PACKAGES, "scipy"])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--venvs", type=Path, default=Path(tempfile.gettempdir()) / "drift-peers")
    parser.add_argument("--check", nargs=3, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.check:
        check_file(*options.check)
        return
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.venvs, options.repeats, tuple(options.peers))
        for part in options.part:
            told = (PARTS[part].__doc__ or "").splitlines()[0].removeprefix("Yield ")
            print(f"\n{part}: {told}", flush=True)
            for line in PARTS[part](bench):
                print(line, flush=True)


if __name__ == "__main__":
    main()
