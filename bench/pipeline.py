"""What Playbill costs over a plain script, in CPU seconds, children included.

    python bench/pipeline.py               # five interleaved rounds, some minutes
    python bench/pipeline.py --rounds 3
    python bench/pipeline.py --only commands
    python bench/pipeline.py --year        # four times the rows

The flight pipeline under plain `dvc repro`, with `engine: default` and `engine: preload`, against
bench/plain.py: cold (no outputs, no dvc.lock, no .dvc/cache), with one changed model parameter,
with nothing to do; that last also against as many stages that are `cp`. Then the commands:
`--help`, and `check` and `compose` against a bare Hydra composition of the same files plus the
import of pydantic. Each figure is the median of its rounds; ratios compare figures of one run of
this script. One OpenMP thread everywhere, since a waiting thread spins and CPU seconds would count
it. The preloading process is no child of DVC's when it ends: it becomes this script's and is
counted (Linux).
"""

import argparse
import contextlib
import ctypes
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
BARE = """
import sys
from pydantic import BaseModel
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
with initialize_config_dir(sys.argv[1], version_base=None):
    OmegaConf.to_container(compose("config"), resolve=True)
"""
SUBREAPER = 36  # prctl: whatever outlives its parent becomes this process's child
COPIES = """
  s{number}:
    cmd: cp a{number} a{after}
    deps: [a{number}]
    outs: [a{after}]"""
STAGES = 8
Figures = defaultdict[str, list[float]]


class Bench:
    """A copy of this repository to measure in, and what was measured.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        self.figures: Figures = defaultdict(list)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "GIT_", "PYTHON"))},
            "PATH": path,
            "OMP_NUM_THREADS": "1",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder / "site"),
            "DVC_GLOBAL_CONFIG_DIR": str(folder / "global"),
        }
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.check_output(listing, cwd=REPOSITORY, text=True).split("\0")
        for name in filter(None, names):
            source, target = REPOSITORY / name, self.project / name
            if source.is_file() and not name.startswith("models/"):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
        for command in (["git", "init", "-q"], ["git", "add", "-A"]):
            subprocess.run(command, cwd=self.project, env=self.environment, check=True)

    def measure(self, figure: str, *words: str, cwd: Path | None = None) -> None:
        """Run a program in the project and keep its CPU seconds under `figure`."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, *words], cwd=cwd or self.project, env=self.environment,
            text=True, capture_output=True, check=False,
        )  # fmt: skip
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)} failed\n{done.stdout}{done.stderr}")
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.figures[figure].append(seconds)

    def clean(self) -> None:
        """Remove whatever a run left: outputs, dvc.lock, DVC's cache and temporary files."""
        for name in ("models", "data/ingested", "data/raw", "data/validated", "data/prepared"):
            shutil.rmtree(self.project / name, ignore_errors=True)
        for name in ("cache", "tmp"):
            shutil.rmtree(self.project / ".dvc" / name, ignore_errors=True)
        self.project.joinpath("dvc.lock").unlink(missing_ok=True)

    def median(self, figure: str) -> float:
        """Return the median of a figure's rounds."""
        return statistics.median(self.figures[figure])


def copies(bench: Bench) -> Path:
    """Return a DVC project of as many stages as the pipeline has, each a `cp`; they have run."""
    folder = bench.project.with_name("copies")
    folder.mkdir()
    (folder / "a0").write_text("a", "utf-8")
    numbers = range(STAGES)
    stages = "".join(COPIES.format(number=number, after=number + 1) for number in numbers)
    (folder / "dvc.yaml").write_text(f"stages:{stages}\n", "utf-8")
    for words in (["git", "init", "-q"], ["dvc", "init", "-q"], ["dvc", "repro", "-q"]):
        subprocess.run(words, cwd=folder, env=bench.environment, check=True)
    return folder


def pipeline(bench: Bench, rounds: int) -> None:
    """Measure the pipeline: the plain script before and after each run of DVC's."""
    config = bench.project / "conf" / "config.yaml"
    text = config.read_text("utf-8")
    repro, plain = ("-m", "dvc", "repro"), (str(HERE / "plain.py"),)
    bare = copies(bench)
    bench.environment["PYTHONPATH"] = str(bench.project)
    subprocess.run(
        [sys.executable, "-m", "stages.compose"],
        cwd=bench.project,
        env=bench.environment,
        check=True,
    )
    for number in range(rounds):
        config.write_text(text, "utf-8")
        bench.clean()
        bench.measure("plain script, cold", *plain)
        made = {}
        for engine in ("default", "preload"):
            chosen = text.replace("- engine: default", f"- engine: {engine}")
            config.write_text(chosen, "utf-8")
            bench.clean()
            bench.measure(f"{engine}, cold", *repro)
            bench.measure(f"{engine}, nothing to do", *repro)
            bench.measure("cp stages, nothing to do", *repro, cwd=bare)
            config.write_text(f"{chosen}\nmodel:\n  max_iter: {99 - number}\n", "utf-8")
            bench.measure(f"{engine}, changed", *repro)
            made[engine] = _contents(bench.project / "models")
        bench.measure("plain script, changed", *plain)
        made["plain"] = _contents(bench.project / "models")
        if made["default"] != made["preload"] or made["default"] != made["plain"]:
            raise SystemExit("the plain script and the pipeline wrote different artefacts")
        print(f"round {number + 1} of {rounds} done", file=sys.stderr)


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".gitignore")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def commands(bench: Bench, rounds: int) -> None:
    """Measure the commands, interleaved."""
    for _ in range(rounds + 1):
        bench.measure("python -c pass", "-c", "pass")
        bench.measure("bare composition", "-c", BARE, str(bench.project / "conf"))
        bench.measure("playbill check", "-m", "playbill", "check")
        bench.measure("playbill compose", "-m", "playbill", "compose")
        bench.measure("playbill --help", "-m", "playbill", "--help")


RATIOS = [
    ("default, cold", "plain script, cold", 1.6),
    ("default, changed", "plain script, changed", 1.25),
    ("preload, cold", "plain script, cold", 1.35),
    ("preload, changed", "plain script, changed", 0.8),
    ("default, nothing to do", "cp stages, nothing to do", 1.0),
    ("default, nothing to do", "plain script, cold", None),
    ("playbill check", "bare composition", 1.5),
    ("playbill compose", "bare composition", 1.5),
]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--year", action="store_true", help="learn from the whole year")
    parser.add_argument("--only", choices=["pipeline", "commands"])
    asked = parser.parse_args()
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory(prefix="playbill-bench-") as folder:
        bench = Bench(Path(folder))
        if asked.year:
            source = bench.project / "conf" / "source" / "flights.yaml"
            text = source.read_text("utf-8").replace("end: 2013-04-01", "end: 2014-01-01")
            source.write_text(text, "utf-8")
        if asked.only != "pipeline":
            commands(bench, asked.rounds)
        if asked.only != "commands":
            pipeline(bench, asked.rounds)
    print("| CPU seconds | median | lowest | highest |\n| --- | ---: | ---: | ---: |")
    for figure, seconds in bench.figures.items():
        low, high = min(seconds), max(seconds)
        print(f"| {figure} | {bench.median(figure):.2f} | {low:.2f} | {high:.2f} |")
    print("\n| ratio | seen | goal |\n| --- | ---: | ---: |")
    for ours, theirs, goal in RATIOS:
        if ours in bench.figures and theirs in bench.figures:
            ratio = bench.median(ours) / bench.median(theirs)
            print(f"| {ours} / {theirs} | {ratio:.2f} | {goal or ''} |")


if __name__ == "__main__":
    main()
