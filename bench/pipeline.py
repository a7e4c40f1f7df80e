"""What Playbill costs over a plain script, in CPU seconds, children included.

    python bench/pipeline.py               # five interleaved rounds, some minutes
    python bench/pipeline.py --rounds 3
    python bench/pipeline.py --only commands
    python bench/pipeline.py --year        # four times the rows

The flight pipeline under plain `dvc repro` against bench/plain.py: cold (no outputs, no dvc.lock,
no .dvc/cache), with one changed model parameter, with nothing to do. Then the commands: `--help`,
and `check` and `compose` against a bare Hydra composition of the same files plus the import of
pydantic. Each figure is the median of its rounds; ratios compare figures of one run of this script.
One OpenMP thread everywhere, since a waiting thread spins and CPU seconds would count it.
"""

import argparse
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
            **{k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "GIT_"))},
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

    def measure(self, figure: str, *words: str) -> None:
        """Run a program in the project and keep its CPU seconds under `figure`."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, *words], cwd=self.project, env=self.environment,
            text=True, capture_output=True, check=False,
        )  # fmt: skip
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


def pipeline(bench: Bench, rounds: int) -> None:
    """Measure the pipeline: the plain script before and after each run of DVC's."""
    config = bench.project / "conf" / "config.yaml"
    text = config.read_text("utf-8")
    repro, plain = ("-m", "dvc", "repro"), (str(HERE / "plain.py"),)
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
        bench.clean()
        bench.measure("dvc repro, cold", *repro)
        bench.measure("dvc repro, nothing to do", *repro)
        config.write_text(f"{text}\nmodel:\n  max_iter: {99 - number}\n", "utf-8")
        bench.measure("dvc repro, changed", *repro)
        made = _contents(bench.project / "models")
        bench.measure("plain script, changed", *plain)
        if _contents(bench.project / "models") != made:
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
    ("dvc repro, cold", "plain script, cold", 1.6),
    ("dvc repro, changed", "plain script, changed", 1.25),
    ("dvc repro, nothing to do", "plain script, cold", None),
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
