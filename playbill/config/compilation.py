"""conf/ to the compiled files: by `playbill compose`, and as the first stage under DVC."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbill.config import graph, keydigest, params, recorded
from playbill.config.closure import SourceTree
from playbill.config.composition import Composition, compose
from playbill.config.digest import short_digest
from playbill.config.environment import check_constraints, check_present, stage_environment
from playbill.config.interpolation import ALLOW, not_allowed
from playbill.config.matrix import steps
from playbill.config.origin import meaning, shipped_folder
from playbill.config.override import override
from playbill.config.validation import check_modules
from playbill.engine import seal
from playbill.errors import GraphChangedError, HandEditError, InstalledError

COMPILED = (params.FILE, keydigest.FILE, graph.FILE)
_MOST_TOLD = 20  # keys of a hand edit
ADDED = "environment"  # the one section of params.yaml that Hydra does not compose


@dataclass(frozen=True)
class Compiled:
    """What conf/ compiles to.

    Attributes:
        composition: The composition behind it.
        texts: The text of each compiled file by its name.
        stale: Names of the files on disk that differ.
        graph_changed: True if dvc.yaml differs in more than its comments.
        seen: What the folders of the sources said before they were read.
    """

    composition: Composition
    texts: dict[str, str]
    stale: tuple[str, ...]
    graph_changed: bool
    seen: seal.Look

    @property
    def cure(self) -> str:
        """What writes the stale files: without a dvc.yaml `dvc repro` cannot even start."""
        gone = not (self.composition.root / graph.FILE).is_file()
        return "playbill compose" if gone else "dvc repro, or playbill compose"


def compile_project(root: Path) -> Compiled:
    """Compile conf/ without writing anything.

    Raises:
        ConfigError: conf/ is not valid.
        InstalledError: An installed package is not the pinned one, or one that a stage needs is
            not there.
        RecordedError: A recorded value hides a line that was edited later.
    """
    check_constraints(root)
    check_allow(root)
    recorded.check_hidden(root, recorded.read(root))
    composition = compose(root)
    typed = composition.params
    check_modules(composition)
    seen = seal.look(root, typed.pipeline.sources)
    tree = SourceTree(root, typed.pipeline.sources, seen)
    found_here = {name: stage_environment(typed, name, tree) for name in typed.pipeline.stages}
    check_present(root, found_here)
    environment = {name: each.model_dump() for name, each in found_here.items()}
    values = {**composition.values, ADDED: environment}
    inputs = short_digest([meaning(root / "conf"), tree.own_digest()])
    keys = {key for step in steps(typed).values() for key in graph.parameters(step)}
    texts = {
        params.FILE: params.render(values, inputs),
        keydigest.FILE: keydigest.render(values, keys, inputs),
        graph.FILE: graph.render(typed, root, tree),
    }
    tree.save()
    found = {name: _on_disk(root / name) for name in texts}
    stale = tuple(name for name, text in texts.items() if found[name] != text)
    same = graph.is_same(found[graph.FILE], texts[graph.FILE])
    return Compiled(composition, texts, stale, graph_changed=not same, seen=seen)


def check_allow(root: Path) -> None:
    """Refuse an allow list in conf/recorded.yaml: an experiment wrote it, or somebody for it.

    Raises:
        ConfigError: There is one.
    """
    if any(key[0] == ALLOW for key in recorded.read(root).values):
        raise not_allowed(f"{recorded.FILE.as_posix()} {ALLOW}")


def _on_disk(path: Path) -> str | None:
    return path.read_text("utf-8") if path.is_file() else None


def write(root: Path, compiled: Compiled) -> None:
    """Write the compiled files that differ from what is on disk."""
    for name in compiled.stale:
        (root / name).write_text(compiled.texts[name], "utf-8", newline="\n")
    params.keep(root, compiled.texts[params.FILE])
    seal.press(root, compiled.seen, compiled.texts[params.FILE])


def compose_stage(root: Path, say: Callable[[str], None] = print) -> None:
    """Do the `compose` stage as DVC runs it, in a plain `dvc repro` or in an experiment.

    Raises:
        HandEditError: params.yaml was edited by hand; nothing is overwritten.
        GraphChangedError: dvc.yaml changed; it is written, and DVC must read it anew.
    """
    if "DVC_EXP_NAME" in os.environ:
        _in_experiment(root, say)
    else:
        _outside_experiment(root, say)
    compiled = compile_project(root)
    write(root, compiled)
    if lines := recorded.read(root).lines():
        say(f"recorded in {recorded.FILE.as_posix()}: {', '.join(lines)}")
    if compiled.graph_changed and "DVC_STAGE" in os.environ:
        raise _graph_changed()


def _graph_changed() -> GraphChangedError:
    """Return the error that stops DVC; a copy of the project that was made for a run is lost."""
    where = "dvc.yaml, which DVC read before conf/ was compiled"
    if "DVC_EXP_NAME" in os.environ:
        return GraphChangedError(
            "the experiment changes the graph, which takes two runs",
            where=where,
            expected="in the workspace: run `dvc exp run` again, it follows the new graph; with "
            "--queue or --temp: the change made in conf/ first, for their copy is gone",
            run="dvc exp run",
        )
    return GraphChangedError(
        "the graph changed: run `dvc repro` again",
        where=where,
        expected="the second run follows the new graph; nothing is lost",
        run="dvc repro",
    )


def _outside_experiment(root: Path, say: Callable[[str], None]) -> None:
    found = params.read_file(root)
    if found is None:
        return
    if not found.declared:
        say("params.yaml was written by DVC for an experiment that failed: it is compiled anew")
    elif found.is_edited:
        raise hand_edit(root, found)


def hand_edit(root: Path, found: params.ParamsFile) -> HandEditError:
    """Return the error for a params.yaml that somebody edited, each key with its conf line."""
    composition = compose(root)
    mine = {key: value for key, value in found.values.items() if key != ADDED}
    lines = []
    for key, (in_conf, in_file) in params.changed_keys(composition.values, mine).items():
        origin = composition.origin(tuple(key.split(".")))
        here, there = _shown(mine, key, in_file), _shown(composition.values, key, in_conf)
        lines.append(f"{key}: {here} here, {there} in {origin or 'conf/'}")
    return HandEditError(
        f"params.yaml was edited by hand{_told(lines)}",
        where=params.FILE,
        expected="edits in conf/, from which params.yaml is compiled",
        run="playbill adopt --from-params, which takes the edit into conf/; "
        "or `playbill compose`, which drops it",
    )


def _told(lines: Sequence[str]) -> str:
    """Return what differs: one key in the sentence, several one a line, of very many the first."""
    if len(lines) <= 1:
        return f": {lines[0] if lines else 'only what compose itself adds differs'}"
    text = "".join(f"\n  {line}" for line in lines[:_MOST_TOLD])
    if rest := lines[_MOST_TOLD:]:
        groups = Counter(line.partition(":")[0].partition(".")[0] for line in rest)
        text += f"\n  and {len(rest)} more: " + ", ".join(f"{g} {n}" for g, n in groups.items())
    return f", {len(lines)} keys:{text}"


def _shown(values: dict[str, Any], key: str, value: Any) -> str:
    """Return a value for a message; a key that is not there has none."""
    there = key in {".".join(path) for path, _ in params.leaves(values)}
    return repr(value) if there else "absent"


def edited_by_hand(root: Path) -> HandEditError | None:
    """Return what a person typed into params.yaml since it was compiled; None if nothing."""
    found = params.read_file(root)
    return hand_edit(root, found) if found is not None and found.is_edited else None


def _in_experiment(root: Path, say: Callable[[str], None]) -> None:
    found = params.read_file(root)
    if found is None or found.is_compiled:
        return
    _check_shipped(root)
    said = {key: value for key, value in found.values.items() if key != ADDED}
    now = compose(root).values
    if now.get(ALLOW) != said.get(ALLOW):
        raise not_allowed(f"the experiment says {ALLOW}={said.get(ALLOW)}")
    if now != said:
        before = recorded.read(root)
        if found.declared:
            said = _typed_into_params(root, now, said, say)
        after = recorded.record(root, said)
        for line in recorded.carried_over(before, after):
            say(f"note: {line} and applies to the new choice too")


def _typed_into_params(
    root: Path, now: dict[str, Any], said: dict[str, Any], say: Callable[[str], None]
) -> dict[str, Any]:
    """Return what conf/ makes of values that `dvc exp run --no-hydra` put into params.yaml.

    DVC then edits the compiled file and composes nothing, so that a value which conf/ derives from
    another (`random_state: ${seed}`) is still the old one there. It follows, as in conf/.
    """
    typed = {key: new for key, (_, new) in params.changed_keys(now, said).items()}
    after = compose(root, [override(f"++{key}", value) for key, value in typed.items()])
    for key, (_, value) in params.changed_keys(said, after.values).items():
        say(f"note: {key} follows and is {value!r}")
    return after.values


def _check_shipped(root: Path) -> None:
    """Refuse when the `playbill` whose options DVC composed is not the one that runs here."""
    code = "import playbill.conf, pathlib; print(pathlib.Path(playbill.conf.__file__).parent)"
    answer = subprocess.run(  # noqa: S603 - our own interpreter, a literal program
        [sys.executable, "-P", "-c", code],
        cwd=Path(sys.prefix), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if answer.returncode:
        return
    theirs, ours = Path(answer.stdout.strip()), shipped_folder()
    if _contents(theirs) != _contents(ours):
        raise InstalledError(
            "DVC composed this experiment with the options of another `playbill` installation",
            where=f"{root.name}: the environment's playbill is not this checkout's",
            expected="an environment in which this checkout is installed",
            run="pip install -c constraints.txt -e . in this checkout's own environment",
        )


def _contents(folder: Path) -> dict[str, bytes]:
    paths = sorted(folder.rglob("*.yaml"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
