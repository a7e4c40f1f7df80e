"""Why a stage gave other bytes: it is run again with one thing held still, then another.

Everything is held still first: clock, randomness, order of hashes, threads, the folder and the name
of the machine. If two such runs agree, each is let go alone; whatever then changes the bytes is a
cause. If they disagree, what is left is the order in which threads or processes finish, or
something outside such as the network. If no single one matters, the stage is deterministic here,
and what was recorded came from elsewhere: other packages, another platform, or a hand.
"""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from playbill.lineage import locked
from playbill.lineage.contradiction import Contradiction
from playbill.pipeline.verification import content
from playbill.pipeline.verification.rerun import IN_GIT, Outcome
from playbill.pipeline.verification.room import Room, Say

Kind = Literal[
    "time", "seed", "hash order", "threads", "folder", "host", "unknown", "lock edited", "packages",
    "platform", "stage failed", "source",
]  # fmt: skip
TRIAL = Path(__file__).parent / "trial"
_NOW = 1_700_000_000  # a moment in the past, in seconds
_LATER = _NOW + 400 * 86_400 + 3_723
_POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
          "VECLIB_MAXIMUM_THREADS")  # fmt: skip
_ORIGINAL = "as it ran"
_TAIL = 400  # letters of an error that are shown


@dataclass(frozen=True)
class Cause:
    """A likely cause, and what the experiments showed.

    Attributes:
        kind: What it is.
        stage: The stage.
        what: One sentence.
        evidence: Places in the outputs that show it.
        mend: What to do.
    """

    kind: Kind
    stage: str
    what: str
    evidence: tuple[str, ...] = ()
    mend: str = ""


@dataclass(frozen=True)
class Held:
    """What is held still in one experiment; None: nothing of that kind."""

    clock: int = _NOW
    entropy: int = 1
    hashes: int = 0
    threads: int = 1
    host: str = "one-machine"
    moved: bool = False
    """Whether the project stands in another folder while it runs."""

    def variables(self) -> dict[str, str]:
        """Return the environment variables that hold it."""
        pools = dict.fromkeys(_POOLS, str(self.threads))
        return {
            **pools,
            "PYTHONPATH": str(TRIAL),
            "PYTHONHASHSEED": str(self.hashes),
            "PLAYBILL_TRIAL_CLOCK": str(self.clock),
            "PLAYBILL_TRIAL_ENTROPY": str(self.entropy),
            "PLAYBILL_TRIAL_PROCESSORS": str(self.threads),
            "PLAYBILL_TRIAL_HOST": self.host,
            "USER": self.host,
            "LOGNAME": self.host,
        }


@dataclass(frozen=True)
class _Letting:
    """One experiment: what is let go, what it is called, and what mends it."""

    kind: Kind
    held: Held
    what: str
    mend: str


_LETTINGS = (
    _Letting("time", replace(Held(), clock=_LATER), "an output holds the time of the run",
             "take the clock out of what the stage writes"),
    _Letting("seed", replace(Held(), entropy=2), "something draws without a seed",
             "give it params.seed, as `random_state` or `default_rng(params.seed)`"),
    _Letting("hash order", replace(Held(), hashes=1),
             "an output follows the order of a set or of hashes, which PYTHONHASHSEED decides",
             "sort what is written"),
    _Letting("threads", replace(Held(), threads=3),
             "the result depends on the number of threads or processors",
             "fix the number of threads, or add up in a fixed order"),
    _Letting("folder", replace(Held(), moved=True),
             "an output holds the path of the folder that the project stands in",
             "write paths relative to the project, or none"),
    _Letting("host", replace(Held(), host="another-machine"),
             "an output holds the name of the machine or of its user",
             "take the name out of what the stage writes"),
)  # fmt: skip


class Laboratory:
    """Runs one stage of a room again and again, and keeps what each run wrote.

    Args:
        room: The clean room, in which the stages before this one ran.
        stage: The stage.
        say: Told what is going on.
    """

    def __init__(self, room: Room, stage: locked.Locked, say: Say) -> None:
        self._room = room
        self._stage = stage
        self._say = say
        self._kept = room.folder / "trials"
        self.modules: set[str] = set()
        self.error = ""

    def outputs(self, name: str, held: Held | None) -> str:
        """Run the stage and return a digest of what it wrote; empty if it failed."""
        self._say(f"experiment with {self._stage.name}: {name}")
        self._clear()
        notes = self._kept / f"{name} modules"
        notes.mkdir(parents=True, exist_ok=True)
        plain = {"PYTHONPATH": str(TRIAL)} if held is None else held.variables()
        variables = self._room.variables(**plain, PLAYBILL_TRIAL_MODULES=str(notes))
        with self._standing(moved=held is not None and held.moved) as root:
            done = subprocess.run(  # noqa: S602 - DVC runs the same line through the same shell
                self._stage.command,
                shell=True,
                cwd=root,
                env=variables,
                capture_output=True,
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                check=False,
            )
        if done.returncode:
            self.error = (done.stderr or done.stdout).strip()[-_TAIL:]
            return ""
        for file in notes.iterdir():
            self.modules |= set(file.read_text("utf-8").splitlines())
        return self.keep(name)

    @contextmanager
    def _standing(self, *, moved: bool) -> Iterator[Path]:
        """Yield where the project stands: in a folder of another name meanwhile, if it is moved."""
        root = self._room.root
        if not moved:
            yield root
            return
        away = root.with_name(f"{root.name} in another folder")
        root.rename(away)
        try:
            yield away
        finally:
            away.rename(root)

    def compare(self, one: str, other: str) -> tuple[str, ...]:
        """Return in words where the outputs of two runs differ."""
        return self._words(self._kept / one, self._kept / other)

    def compare_with(self, recorded: Mapping[str, Path], name: str) -> tuple[str, ...]:
        """Return in words where a run differs from recorded outputs, as far as they are at hand."""
        found = [
            f"{path}: {each}"
            for path, file in recorded.items()
            for each in content.differences(file, self._kept / name / path)
        ]
        return tuple(found[:3])

    def _words(self, one: Path, other: Path) -> tuple[str, ...]:
        found = [
            f"{path}: {each}"
            for path in self._stage.outs
            for each in content.differences(one / path, other / path)
        ]
        return tuple(found[:3])

    def _clear(self) -> None:
        for path in self._stage.outs:
            place = self._room.root / path
            if place.is_dir():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)

    def bring_back(self, name: str) -> None:
        """Put the kept outputs of a run where the stage wrote them."""
        self._clear()
        for path in self._stage.outs:
            source, target = self._kept / name / path, self._room.root / path
            if source.is_dir():
                shutil.copytree(source, target)
            elif source.is_file():
                shutil.copy(source, target)

    def keep(self, name: str) -> str:
        """Copy what stands in the stage's outputs and return a digest of it."""
        total = hashlib.sha256()
        for path in self._stage.outs:
            source, target = self._room.root / path, self._kept / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            elif source.is_file():
                shutil.copy(source, target)
            for file in [source] if source.is_file() else sorted(source.rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    total.update(f"{file.relative_to(self._room.root)}\0".encode())
                    total.update(hashlib.sha256(file.read_bytes()).digest())
        return total.hexdigest()


def find(
    room: Room,
    outcome: Outcome,
    contradictions: Sequence[Contradiction],
    recorded: Mapping[str, Path],
    say: Say,
) -> list[Cause]:
    """Return the likely causes of the first stage that differs, the surest first.

    Args:
        room: The room after all stages ran.
        outcome: The stage that differs or failed.
        contradictions: What dvc.lock says that the commit contradicts.
        recorded: The recorded outputs that could be had, by path.
        say: Told what is going on.
    """
    stage = locked.stages(room.root, None)[outcome.stage]
    if outcome.state == "failed":
        return [_failure(outcome)]
    if all(each.recorded == IN_GIT for each in outcome.changed):
        return [_edited(room, outcome, recorded)]
    laboratory = Laboratory(room, stage, say)
    laboratory.keep(_ORIGINAL)
    try:
        return _experiments(laboratory, room, stage, contradictions, recorded)
    finally:
        laboratory.bring_back(_ORIGINAL)


def _experiments(
    laboratory: Laboratory,
    room: Room,
    stage: locked.Locked,
    contradictions: Sequence[Contradiction],
    recorded: Mapping[str, Path],
) -> list[Cause]:
    first = laboratory.outputs("all held still", Held())
    again = laboratory.outputs("all held still, again", Held()) if first else ""
    if not first or not again:
        return [Cause("stage failed", stage.name, "run by itself it fails", (laboratory.error,))]
    if first != again:
        places = laboratory.compare("all held still", "all held still, again")
        what = (
            "with clock, randomness, hashes and threads held still two runs differ: threads or "
            "processes that finish in another order, or something outside, as the network"
        )
        return [Cause("unknown", stage.name, what, places, "write in a fixed order")]
    causes = []
    for letting in _LETTINGS:
        name = f"another {letting.kind}"
        if laboratory.outputs(name, letting.held) not in ("", first):
            places = laboratory.compare("all held still", name)
            causes.append(Cause(letting.kind, stage.name, letting.what, places, letting.mend))
    return causes or _from_elsewhere(laboratory, room, stage, contradictions, recorded)


def _edited(room: Room, outcome: Outcome, recorded: Mapping[str, Path]) -> Cause:
    """Return the cause of a stage that gives what dvc.lock says, while Git has something else."""
    places = [
        f"{path}: {each}"
        for path, file in recorded.items()
        for each in content.differences(file, room.root / path)
    ]
    what = "dvc.lock has the bytes that come out, but the file in Git is another: it was edited"
    return Cause("lock edited", outcome.stage, what, tuple(places[:3]), "git restore, or dvc repro")


def _failure(outcome: Outcome) -> Cause:
    packages = re.search(r"PB310 (?P<what>[^\n]+)", outcome.said)
    if packages:
        return Cause("packages", outcome.stage, f"it refuses to run: {packages['what']}", (),
                     "playbill verify without --here builds the pinned environment")  # fmt: skip
    lines = tuple(outcome.said.splitlines()[-3:])
    return Cause("stage failed", outcome.stage, "it fails in the clean room", lines,
                 "it may need a file that Git and DVC do not have")  # fmt: skip


def _from_elsewhere(
    laboratory: Laboratory,
    room: Room,
    stage: locked.Locked,
    contradictions: Sequence[Contradiction],
    recorded: Mapping[str, Path],
) -> list[Cause]:
    """Return the causes of a stage that gives the same bytes each time, but not the recorded."""
    places = laboratory.compare_with(recorded, "all held still")
    mine = [each.what for each in contradictions if each.stage == stage.name]
    others = [f"{each.stage}: {each.what}" for each in contradictions if each.stage != stage.name]
    causes = []
    if mine or others:
        causes.append(Cause(
            "lock edited", stage.name,
            "dvc.lock was edited or is not this commit's: the commit contradicts it",
            (*[*mine, *others][:3], *places), "dvc repro, and commit what it says",
        ))  # fmt: skip
    loose = unpinned(room, laboratory.modules)
    if loose:
        named = ", ".join(f"{name} {version}" for name, version in loose.items())
        causes.append(Cause(
            "packages", stage.name,
            f"it imports what constraints.txt does not pin ({named}), so another version may have "
            "been there", places, "pin it, and name it under `packages` of the stage",
        ))  # fmt: skip
    if not causes:
        causes.append(Cause(
            "lock edited", stage.name,
            "it gives the same bytes each time here, with every package as pinned, but not those "
            "in dvc.lock: they were made on another platform, or dvc.lock was edited", places,
            "dvc repro; or --elsewhere, if the run was made on another platform",
        ))  # fmt: skip
    return causes


def unpinned(room: Room, modules: set[str]) -> dict[str, str]:
    """Return the distributions that were imported and that constraints.txt does not pin.

    Versions are those of the room's interpreter. What the project or Playbill itself brings is
    left out.
    """
    import json

    from playbill.config.environment import canonical, pinned

    code = ("import importlib.metadata as m, json; print(json.dumps({k: [[n, m.version(n)] for n in"
            " sorted(set(v))] for k, v in m.packages_distributions().items()}))")  # fmt: skip
    done = subprocess.run(  # noqa: S603 - our own line of code in the room's interpreter
        [room.python, "-c", code], capture_output=True, text=True, check=False, cwd=room.folder,
        env=room.variables(),
    )  # fmt: skip
    if done.returncode:
        return {}
    known: dict[str, list[list[str]]] = json.loads(done.stdout)
    pins = pinned(room.root)
    own = {path.name for path in room.root.iterdir() if path.is_dir()} | {"playbill"}
    return {
        name: version
        for module in sorted(modules - own)
        for name, version in known.get(module, [])
        if canonical(name) not in pins and pins
    }
