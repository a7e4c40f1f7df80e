"""The typed form of conf/pipeline: the stages, and what dvc.yaml says besides them."""

from typing import Annotated

from pydantic import Field

from playbill.config.group import Group
from playbill.config.outcome import Task
from playbill.config.scalar import Item, Name


class Stage(Group):
    """One stage of the pipeline: a function, what it reads and what it writes."""

    function: Annotated[str, Field(pattern=r"^stages(\.[A-Za-z_]\w*)+:[A-Za-z_]\w*$")]
    """`stages.module:function`; called with params and each input by its name."""
    config: list[str] = []
    """Keys of params.yaml that the stage reads; a change in them reruns it."""
    matrix: dict[str, list[Item]] = {}
    """Runs the stage once for each item: values by a name that stands as `{name}` in its paths."""
    inputs: dict[str, str] = {}
    """Files by the name of the function's argument."""
    outputs: dict[str, str] = {}
    """Files or folders (no suffix) by the name in the returned mapping; kept by DVC."""
    metrics: dict[str, str] = {}
    """JSON files that `dvc metrics` reads; kept by Git."""
    texts: dict[str, str] = {}
    """Folders of reviewed text; kept by Git."""
    packages: list[str] = []
    """Distributions whose version changes the result; a new version reruns the stage."""


class Plot(Group):
    """One picture that `dvc plots` draws from a CSV file."""

    file: str
    """CSV file, a stage's output or inside one."""
    x: str
    """Column of the horizontal axis."""
    y: str
    """Column of the vertical axis."""
    template: str = "linear"
    """DVC's template: linear, simple, scatter, confusion..."""
    tasks: list[Task] = ["binary", "multiclass", "regression"]
    """Tasks of the contract that have this picture."""


class Pipeline(Group):
    """The stages, and what dvc.yaml says besides them."""

    stages: dict[Name, Stage]
    """The stages by name, in the order of the flow."""
    plots: dict[str, Plot] = {}
    """What `dvc plots show` draws, by title."""
    model: str
    """The output that `dvc artifacts` and the registry's tags name: the bundle's folder."""
    sources: list[str] = ["stages"]
    """Folders of Python that belong to the project; an edit in them recompiles."""


class Environment(Group):
    """What a stage takes from the environment; written by `compose`, never by hand."""

    framework: str
    """Digest of the framework code that the stage reaches, comments and layout left out."""
    packages: dict[str, str] = {}
    """Versions by distribution."""
    targets: dict[str, str] = {}
    """Digests of the project's modules that the stage's config names."""
