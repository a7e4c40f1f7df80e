"""The environment as an input: pinned packages, and what each stage takes from it."""

import importlib.metadata
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from playbill.config.closure import FRAMEWORK, SourceTree
from playbill.config.codec import CODECS
from playbill.config.schema import Environment, Params, Stage
from playbill.config.target import KEY
from playbill.engine import seal
from playbill.errors import ConfigError, InstalledError

CONSTRAINTS = "constraints.txt"
RUNNER = "playbill.pipeline.runner"
# What decides the result of a search, by its kind.
SEARCHERS = {"optuna": ("optuna",), "automl": ("flaml", "lightgbm")}
_SHOWN = 8
_MISSING = "missing"  # the version of a package that is not there
_PLAIN = re.compile(r"([A-Za-z0-9][\w.-]*)==([\w.+!]+)")
# The common markers; `packaging`, which reads them all, takes a while to import.
_MARKED = re.compile(
    _PLAIN.pattern + r"""\s*;\s*(?:sys_platform\s*(?P<is>[!=]=)\s*["'](?P<platform>\w+)["']"""
    r"""|python_version\s*(?P<since>>=|<)\s*["']3\.(?P<minor>\d+)["'])"""
)
ROUTERS = "routers"  # of conf/server: modules whose source goes into the bundle
_REQUIREMENTS = "requirements.txt"  # of a project that is no package itself


def pinned(root: Path) -> dict[str, str]:
    """Return the versions that constraints.txt pins for this Python, by distribution name.

    Raises:
        ConfigError: A line is not `name==version`.
    """
    path = root / CONSTRAINTS
    found: dict[str, str] = {}
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if plain := _PLAIN.fullmatch(text):
            found[canonical(plain[1])] = plain[2]
        elif marked := _MARKED.fullmatch(text):
            found.update({canonical(marked[1]): marked[2]} if _holds(marked) else {})
        else:
            found.update(_with_marker(text, f"{CONSTRAINTS}:{number}"))
    return found


def _holds(marked: re.Match[str]) -> bool:
    """Say whether a marker of the common kinds holds here."""
    if marked["platform"]:
        return (sys.platform == marked["platform"]) == (marked["is"] == "==")
    return (sys.version_info >= (3, int(marked["minor"]))) == (marked["since"] == ">=")


def _with_marker(text: str, where: str) -> dict[str, str]:
    """Return what a line pins whose form is not a common one."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise ConfigError(
            f"`{text}` is no requirement", where=where, expected="name==version"
        ) from error
    if requirement.marker is None or requirement.marker.evaluate():
        return {canonical(requirement.name): str(requirement.specifier).removeprefix("==")}
    return {}


def canonical(name: str) -> str:
    """Return the one spelling of a distribution's name that all its spellings share."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_version(name: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    folder = _folders().get(canonical(name))
    if folder is not None and (version := _stated_version(folder)):
        return version
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


@cache
def _folders() -> dict[str, Path]:
    """Return the metadata folder of each distribution that can be imported, the first on the path.

    Looking once at the names, and at the few first lines of what is asked for, takes a tenth of the
    time that importlib.metadata takes to find and parse the metadata of 200 pins.
    """
    found: dict[str, Path] = {}
    for place in map(Path, sys.path):
        for folder in sorted(place.glob("*.dist-info")) if place.is_dir() else ():
            found.setdefault(canonical(folder.name.partition("-")[0]), folder)
    return found


def _stated_version(folder: Path) -> str | None:
    try:
        with (folder / "METADATA").open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("Version:"):
                    return line.partition(":")[2].strip()
                if not line.strip():
                    break
    except OSError:
        pass
    return None


def check_constraints(root: Path) -> None:
    """Refuse an installed package whose version is not the pinned one.

    Raises:
        InstalledError: At least one differs; the text names each.
    """
    wrong = [
        (name, version, have)
        for name, version in pinned(root).items()
        if (have := installed_version(name)) is not None and have != version
    ]
    if wrong:
        raise refuse(root, wrong)


def install_line(root: Path) -> str:
    """Return the command that installs what a project pins."""
    if (root / _REQUIREMENTS).is_file():
        return f"pip install -c {CONSTRAINTS} -r {_REQUIREMENTS}"
    return f"pip install -c {CONSTRAINTS} -e '.[demo,serve]'"


def refuse(root: Path, wrong: Sequence[tuple[str, str, str | None]]) -> InstalledError:
    """Return the error for packages as (name, pinned version, installed version or None)."""
    texts = [f"{name} is {have or 'not installed'}, pinned {want}" for name, want, have in wrong]
    return InstalledError(
        f"the environment is not the pinned one: {'; '.join(texts[:_SHOWN])}"
        + (f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""),
        where=f"{CONSTRAINTS} against {Path(sys.prefix).name}",
        expected="the versions that constraints.txt pins",
        run=f"{install_line(root)}   "
        "(or pin what you have in constraints.txt and run `playbill compose`)",
    )


def check_present(root: Path, found: Mapping[str, Environment]) -> None:
    """Refuse where a package that a stage needs is not installed.

    A params.yaml that says so would rerun the stage, and DVC deletes a stage's outputs before it
    runs it.

    Args:
        root: The project.
        found: What each stage takes from the environment.

    Raises:
        InstalledError: The text names each package and who needs it.
    """
    needed: dict[str, list[str]] = {}
    for name, each in found.items():
        for package in (p for p, version in each.packages.items() if version == _MISSING):
            needed.setdefault(package, []).append(name)
    if not needed:
        return
    texts = [f"{package} ({', '.join(stages)})" for package, stages in sorted(needed.items())]
    raise InstalledError(
        f"packages that stages need are not installed: {'; '.join(texts)}",
        where="conf/pipeline, `packages` of these stages",
        expected=f"the environment that {CONSTRAINTS} pins; nothing was written or deleted",
        run=install_line(root),
    )


def stage_environment(params: Params, name: str, tree: SourceTree) -> Environment:
    """Return what the stage `name` takes from the environment as it is installed now."""
    stage = params.pipeline.stages[name]
    module = stage.function.partition(":")[0]
    targets = sorted(set(_targets({key: _section(params, key) for key in stage.config})))
    mine = [t for t in targets if t.partition(".")[0] in tree.packages]
    ours = [t for t in targets if t.partition(".")[0] == FRAMEWORK]
    versions = {
        n: installed_version(n)
        for n in sorted(
            {
                *stage.packages,
                *_foreign(targets, tree),
                *_searchers(params, stage),
                *_runtimes(params, stage),
            }
        )
    }
    return Environment(
        framework=tree.framework_digest(
            [module, RUNNER, *_codecs(stage), *mine, *ours], ["pipeline", *stage.config]
        ),
        packages={n: version or _MISSING for n, version in versions.items()},
        targets={target: tree.module_digest(target) for target in mine if target != module},
    )


def _section(params: Params, key: str) -> Any:
    value: Any = getattr(params, key, None)
    return value.model_dump() if isinstance(value, BaseModel) else value


def _targets(values: Any) -> Iterator[str]:
    """Yield the modules of every `_target_`, `target` and router in a config section."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            if key == ROUTERS and isinstance(value, list):
                yield from (str(each).partition(":")[0] for each in value)
            elif key in (KEY, "target") and isinstance(value, str) and "." in value:
                yield value.replace(":", ".").rpartition(".")[0]
            else:
                yield from _targets(value)
    elif isinstance(values, list):
        for item in values:
            yield from _targets(item)


def _searchers(params: Params, stage: Stage) -> Sequence[str]:
    """Return the distributions that the chosen search needs; without one nobody needs them."""
    return SEARCHERS.get(params.tuning.kind, ()) if "tuning" in stage.config else ()


def _runtimes(params: Params, stage: Stage) -> Sequence[str]:
    """Return the distributions that decide which runtime is taken.

    Where the compiled scorer is tried first they decide nothing: it takes all that ONNX would.
    """
    asked = params.bundle.runtimes if "bundle" in stage.config else []
    before = asked[: asked.index("numpy")] if "numpy" in asked else asked
    return ("onnx", "onnxruntime") if "onnx" in before else ()


def _foreign(targets: Sequence[str], tree: SourceTree) -> Iterator[str]:
    """Yield the distributions of targets that are not the project's, scikit-learn's or ours."""
    roots = {t.partition(".")[0] for t in targets} - {"sklearn", FRAMEWORK, *tree.packages}
    if roots:
        owners = importlib.metadata.packages_distributions()
        for root in sorted(roots):
            yield from owners.get(root, [])[:1]


def _codecs(stage: Stage) -> list[str]:
    paths = [*stage.inputs.values(), *stage.outputs.values()]
    return sorted({CODECS[s] for path in paths if (s := Path(path).suffix) in CODECS})


def check_stage(params: Params, name: str, root: Path) -> None:
    """Refuse to run a stage in another environment than the one that params.yaml names.

    Args:
        params: The project's own params.yaml, as read.
        name: The stage.
        root: The project.

    Raises:
        InstalledError: A package version or the framework's code differs.
    """
    given = params.environment.get(name)
    if given is None:
        raise ConfigError(
            f"params.yaml has no environment.{name}",
            where="params.yaml",
            expected="a compiled params.yaml",
            run="playbill compose",
        )
    if seal.fits(root, params.pipeline.sources):
        return
    sources = params.pipeline.sources
    tree = SourceTree(root, sources, seal.look(root, sources))
    have = stage_environment(params, name, tree)
    tree.save()
    wrong = [
        (package, version, None if have.packages[package] == _MISSING else have.packages[package])
        for package, version in given.packages.items()
        if have.packages.get(package, version) != version
    ]
    if wrong:
        raise refuse(root, wrong)
    if have.framework != given.framework or have.targets != given.targets:
        raise InstalledError(
            f"stage {name} would run other code than params.yaml was compiled with",
            where=f"params.yaml environment.{name}",
            expected="the same playbill (and the same modules of stages/) as at the last compose",
            run="playbill compose, then `dvc repro`",
        )
