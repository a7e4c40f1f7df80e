"""A small project that random edits wander through: its state, its files, and the edits.

The files are written from the state, so that going back to an earlier state is one more edit.
"""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

EXTRA = ("summary", "pages", "tail", "peek")
CODE = ("gather", "learn", "report", "shared")


@dataclass(frozen=True)
class State:
    """Everything about the project that an edit may change, but for outputs and caches."""

    seed: int = 7
    model: str = "boosting"
    day: str = "2020-01-01"
    threshold: float = 0.5
    title: str = "Tiny"
    data: int = 3
    constraints: str = ""
    extra: frozenset[str] = frozenset()
    report_config: tuple[str, ...] = ("evaluation",)
    report_reads_table: bool = False
    learn_imports: bool = False
    comments: tuple[int, ...] = (0, 0, 0, 0)
    idle: tuple[int, ...] = (0, 0, 0, 0)
    weight: tuple[int, ...] = (1, 1, 1, 1)


def write(state: State, project: Path) -> None:
    """Write conf/, stages/ and the data of a state; what is as it was keeps its time."""
    conf = (project / "conf" / "config.yaml").read_text().partition("\nname: tiny")[0]
    conf += f"\nname: tiny\nseed: {state.seed}\nevaluation: {{threshold: {state.threshold}}}\n"
    conf += f"server: {{title: {state.title}}}\nallow: [sklearn., stages.]\n"
    lines = [
        f"  - model: {state.model}" if line.startswith("  - model:") else line
        for line in conf.splitlines()
    ]
    files = {"conf/config.yaml": "\n".join(lines) + "\n", "rows.json": json.dumps([1] * state.data)}
    files["conf/source/tiny.yaml"] = (
        f"window: {{start: {state.day}, end: 2020-03-01}}\n"
        "sources: {rows: {kind: file, path: rows.csv}}\nquery: SELECT * FROM rows\n"
    )
    pipeline = {"stages": _stages(state), "model": "models/tiny/fitted.json"}
    files["conf/pipeline/tiny.yaml"] = yaml.safe_dump(pipeline, sort_keys=False)
    files |= {f"stages/{name}.py": text for name, text in _code(state).items()}
    for name in EXTRA:
        if name not in state.extra:
            (project / "stages" / f"{name}.py").unlink(missing_ok=True)
    if state.constraints:
        files["constraints.txt"] = state.constraints
    elif (project / "constraints.txt").is_file():
        files["constraints.txt"] = ""  # deleted, it would stop DVC, which reads the old graph
    for name, text in files.items():
        path = project / name
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)


def _stages(state: State) -> dict[str, object]:
    table, fitted = {"table": "data/table.json"}, {"fitted": "models/tiny/fitted.json"}
    pages = {"pages": "models/tiny/pages"} if "pages" in state.extra else {}
    more = table if state.report_reads_table else {}
    stages: dict[str, dict[str, object]] = {
        "gather": {"config": ["source"], "inputs": {"rows": "rows.json"}, "outputs": table},
        "learn": {"config": ["model", "seed"], "inputs": table, "outputs": fitted},
        "report": {
            "config": list(state.report_config),
            "inputs": {**fitted, **more},
            "metrics": {"metrics": "models/tiny/metrics.json"},
        },
        "summary": {"inputs": table, "outputs": {"summary": "data/summary.json"}},
        "pages": {"config": ["server"], "texts": {"pages": "models/tiny/pages"}},
        "tail": {
            "config": ["name"],
            "inputs": {**fitted, **pages},
            "outputs": {"tail": "models/tiny/tail"},
        },
        "peek": {
            "inputs": {"part": "models/tiny/tail/part.json"},
            "outputs": {"seen": "data/seen.json"},
        },
    }  # fmt: skip
    return {
        name: {"function": f"stages.{name}:run", **stage}
        for name, stage in stages.items()
        if name not in EXTRA or name in state.extra
    }


_BODY = {
    "gather": "table: month=str(params.source.window.start)[:7], rows=len(data['rows']) * W",
    "learn": "fitted: model=params.model, seed=params.seed * W, table=data['table']",
    "report": "metrics: score=data['fitted']['seed'] * W, t=params.evaluation.threshold",
    "summary": "summary: many=data['table']['rows'] > 5",
    "pages": "pages: **{'index.json': {'title': params.server.title}}",
    "tail": "tail: **{'part.json': {'odd': data['fitted']['seed'] % 2}, 'all.json': [W]}",
    "peek": "seen: odd=data['part']['odd']",
}


def _code(state: State) -> dict[str, str]:
    found = {}
    for name, body in _BODY.items():
        if name in EXTRA and name not in state.extra:
            continue
        number = CODE.index(name) if name in CODE else -1
        text = f'"""{name}."""\n' + _noise(state, number)
        if name == "learn" and state.learn_imports:
            text += "from stages import shared\n"
            body = body.replace(" * W", " * W * shared.W")  # noqa: PLW2901 - the one exception
        output, _, values = body.partition(": ")
        text += f"def run(params, **data):\n    return {{'{output}': dict({values})}}\n"
        start = f'    from playbill.pipeline.runner import main\n    main("{name}", run)\n'
        found[name] = f'{text}if __name__ == "__main__":\n{start}'
    return found | {"shared": f'"""shared."""\n{_noise(state, CODE.index("shared"))}'}


def _noise(state: State, number: int) -> str:
    if number < 0:
        return "W = 1\n"
    comment, idle = f"# remark {state.comments[number]}\n", f"_ = {state.idle[number]}\n"
    return f"{comment}{idle}W = {state.weight[number]}\n"


def _at(values: tuple[int, ...], draw: random.Random, most: int) -> tuple[int, ...]:
    place = draw.randrange(len(values))
    return (*values[:place], draw.randint(1, most), *values[place + 1 :])


EDITS: dict[str, Callable[[State, random.Random], State]] = {
    "a config value": lambda s, d: replace(s, seed=d.choice([5, 6, 7, 8])),
    "a config value that two stages read": lambda s, d: replace(
        s, threshold=d.choice([0.25, 0.5, 0.75])
    ),
    "a value that only compose reads, or the texts": lambda s, d: replace(
        s, title=d.choice(["Tiny", "Small", "Little"])
    ),
    "a day, which may leave the table as it was": lambda s, d: replace(
        s, day=d.choice(["2020-01-01", "2020-01-09", "2020-02-01"])
    ),
    "a group choice": lambda s, d: replace(s, model=d.choice(["boosting", "forest", "logistic"])),
    "a stage added or removed": lambda s, d: _other_stage(s, d.choice(EXTRA)),
    "a stage's config keys": lambda s, d: replace(
        s, report_config=d.choice([("evaluation",), ("evaluation", "seed"), ("evaluation", "name")])
    ),
    "a stage's inputs": lambda s, _: replace(s, report_reads_table=not s.report_reads_table),
    "an import": lambda s, _: replace(s, learn_imports=not s.learn_imports),
    "a comment in code": lambda s, d: replace(s, comments=_at(s.comments, d, 3)),
    "code that leaves the output": lambda s, d: replace(s, idle=_at(s.idle, d, 3)),
    "code that changes the output": lambda s, d: replace(s, weight=_at(s.weight, d, 3)),
    "the data": lambda s, d: replace(s, data=d.choice([2, 3, 4])),
    "the constraints": lambda s, d: replace(s, constraints=d.choice(["# a\n", "# b\n", "# c\n"])),
    "nothing": lambda s, _: s,
}


def _other_stage(state: State, name: str) -> State:
    extra = state.extra ^ {name}
    if "peek" in extra and "tail" not in extra:
        extra = extra | {"tail"} if name == "peek" else extra - {"peek"}
    return replace(state, extra=extra)


def _outputs(project: Path) -> list[dict[str, str]]:
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    stages = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]
    found = [out for n, s in lock["stages"].items() if n in stages for out in s.get("outs", [])]
    return [out for out in found if out["path"] != "params.yaml"]


def delete_output(project: Path, draw: random.Random) -> None:
    """Delete one output from the workspace."""
    path = project / draw.choice(_outputs(project))["path"]
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def change_output(project: Path, draw: random.Random) -> None:
    """Change one output by hand."""
    path = project / draw.choice(_outputs(project))["path"]
    target = path / "all.json" if path.is_dir() else path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text('{"by": "hand"}')


def forget_bytes(project: Path, draw: random.Random) -> None:
    """Delete one output from DVC's cache."""
    digest = draw.choice(_outputs(project))["md5"]
    (project / ".dvc/cache/files/md5" / digest[:2] / digest[2:]).unlink(missing_ok=True)


def forget_runs(project: Path, draw: random.Random) -> None:
    """Delete half of the run cache."""
    for folder in sorted((project / ".dvc/cache/runs").glob("*/*")):
        if draw.random() < 0.5:
            shutil.rmtree(folder)


DAMAGES = {
    "an output deleted": delete_output,
    "an output changed by hand": change_output,
    "an output forgotten by the cache": forget_bytes,
    "half of the run cache forgotten": forget_runs,
}
