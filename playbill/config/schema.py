"""The typed form of every group of conf/: what a key means, its type and its range.

One model per Hydra group, under the group's own name; `Params` is the whole of params.yaml. Drift,
the stages and some parts of groups have a module of their own (config/closure.py lists them).
Unknown keys are refused. A default is made by `model_construct`, which checks nothing and so builds
no validator: every process imports this module. The docstring under a field is its description in
the JSON Schema (config/description.py).
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from playbill.config.canary import Canary
from playbill.config.cluster import Kubernetes
from playbill.config.decision import Feedback, Gate, Promotion
from playbill.config.deployment import Alerts, Image
from playbill.config.group import Group
from playbill.config.kind import Kind
from playbill.config.labelling import Annotation
from playbill.config.measurement import Importance, Interval, SliceSearch
from playbill.config.metric import Metric
from playbill.config.outcome import Class, Task, classes_of
from playbill.config.policy import Drift, DriftPolicy
from playbill.config.privacy import Privacy
from playbill.config.quality import Policy, Quarantine, Statistics
from playbill.config.scalar import Name, Prefix, Share, placed
from playbill.config.source import Source
from playbill.config.stage import Environment, Pipeline, Plot, Stage
from playbill.config.table import Keeps, Table

# Of modules of their own, named here so that all groups are found in one place.
__all__ = ["Drift", "DriftPolicy", "Environment", "Pipeline", "Plot", "Stage"]

# What must not be on both sides of a split.
Crossing = Literal["group", "time"]
# A `_target_` and its keyword arguments; config/target.py checks them against the signature.
Target = dict[str, Any]


def quality_problems(contract: "Contract") -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield key and problem of what policies and statistics name and the schema does not have."""
    schema = contract.schema_["columns"]
    for name, column in contract.columns.items():
        spec = schema.get(name) or {}
        nested = spec.get("checks")
        known = {*spec, *(nested if isinstance(nested, dict) else ()), "nullable", "unique"}
        for check in column.policy:
            if check not in known:
                yield ("columns", name, "policy", check), f"`{name}` has no check `{check}`"
    for name in contract.statistics.missing:
        if name not in schema:
            yield ("statistics", "missing", name), f"`{name}` is no column of the schema"
    timed = contract.statistics.freshness or contract.statistics.volume
    if timed and not any(column.role == "time" for column in contract.columns.values()):
        yield ("statistics",), "freshness and volume need a column with the role time"


def _form(value: Any) -> str:
    return "rule" if isinstance(value, dict | BaseModel) else "names"


# A list or a mapping, told apart by their form, so that only one side's errors are told.
SELECTION = Discriminator(_form)
ColumnNames = Annotated[list[str], Tag("names")]


class ContractColumn(Group):
    """What Playbill knows of a column beyond pandera's schema."""

    role: Literal["input", "key", "time", "target", "group", "subject"] = "input"
    """What the column is for; `input` columns are what the model and the server may see."""
    description: str = ""
    """Shown in the request schema of the server."""
    example: str | float | int | bool | None = None
    """An example value for the API documentation."""
    personal: bool = False
    """Personal data: kept out of the prediction log, or written there as a keyed HMAC."""
    policy: dict[str, Policy] = {}
    """By check, as isin, nullable or unique: fail (the default), quarantine the rows, or warn."""


class Contract(Group):
    """What the joined table must be, column by column, and what each column is for."""

    label_delay: Annotated[str, Field(pattern=r"^\d+[dhm]$")] = "0d"
    """How long after its time a row's target is known: a number and d, h or m."""
    task: Task = "binary"
    """What is predicted: binary and multiclass a class of the target, regression its value."""
    positive: Class | None = None
    """Of a binary target, the class whose probability is predicted; default: 1, else the last."""
    schema_: Annotated[dict[str, Any], Keeps(Table)] = Field(alias="schema")
    """pandera's own YAML form of a DataFrameSchema."""
    columns: dict[str, ContractColumn] = {}
    """Roles, descriptions and examples by column name."""
    quarantine: Quarantine = Quarantine.model_construct()
    """How many rows may be put aside."""
    statistics: Statistics = Statistics.model_construct()
    """What the table as a whole must be: fresh, of the usual size, with few gaps."""
    unavailable: list[str] = []
    """Columns of the sources that are known only after the prediction is made; refused as input."""

    @model_validator(mode="after")
    def _roles(self) -> Self:
        known = self.schema_["columns"]
        if stray := sorted(set(self.columns) - set(known)):
            what = f"columns {stray} are not in schema.columns"
            raise placed(what, "columns", stray[0])
        if leak := sorted(set(self.unavailable) & set(known)):
            what = f"columns {leak} are known only after the prediction (contract.unavailable)"
            raise placed(what, "schema", "columns", leak[0])
        for at, what in quality_problems(self):
            raise placed(what, *at)
        for role in ("key", "time", "target"):
            names = [name for name, column in self.columns.items() if column.role == role]
            if len(names) > 1 or (role != "time" and not names):
                what = f"exactly one column must have the role {role}, found {names}"
                raise placed(what, "columns", *names[1:2])
        return self

    def role(self, role: str) -> str | None:
        """Return the name of the column that has `role`, or None."""
        return next((n for n, column in self.columns.items() if column.role == role), None)

    @property
    def key(self) -> str:
        """Name of the column that identifies a row."""
        return self.role("key") or ""

    @property
    def target(self) -> str:
        """Name of the column that the model predicts."""
        return self.role("target") or ""

    @property
    def classes(self) -> tuple[Class, ...]:
        """The target's classes, sorted: what its check `isin` allows; none for a regression."""
        return classes_of(self.schema_["columns"].get(self.target) or {}, self.task)

    @property
    def positive_class(self) -> Class | None:
        """The class whose probability a binary model gives."""
        if self.task != "binary":
            return None
        return self.positive if self.positive is not None else self.classes[-1]

    @property
    def inputs(self) -> list[str]:
        """Names of the columns that the model may see, in the order of the schema."""
        plain = ContractColumn()
        return [n for n in self.schema_["columns"] if self.columns.get(n, plain).role == "input"]


class Split(Group):
    """How the prepared rows are divided into training rows and hold-out."""

    kind: Literal["time", "random", "stratified", "group"]
    """time: the last share by time; group: whole groups (the column with that role)."""
    test_size: Share = 0.2
    """Share of the rows that is held out."""
    drop_duplicates: bool = True
    """Drop rows whose key occurred before."""
    seed: int = 0
    """Seed of the shuffle; the time split draws nothing."""
    may_cross: list[Crossing] = []
    """What may be on both sides: else rows of one group, or learning from later times, fails."""


class Selector(Group):
    """Input columns by what they are; one that another group lists by name is not taken."""

    kind: list[Kind] = []
    """Kinds of the contract's columns: number, integer, text, boolean, datetime; none: any."""
    dtype: list[str] = []
    """dtypes as `contract.schema` writes them; none: any."""
    role: Literal["input"] = "input"
    """Role in the contract; a model sees inputs alone."""
    matching: str | None = None
    """A regular expression that the whole name must match."""
    without: list[str] = []
    """Columns to leave out."""


class FeatureGroup(Group):
    """Columns that go through the same transformers, in order."""

    columns: Annotated[ColumnNames | Annotated[Selector, Tag("rule")], SELECTION]
    """Input columns of the contract by name, or a selector."""
    steps: list[Target] = []
    """scikit-learn transformers as `_target_` and arguments; none: passed on as they are."""
    categorical: bool = False
    """Let the model treat these as categories itself; they must end as whole numbers."""


class Feature(Group):
    """The feature half of the Pipeline: named groups of columns and their transformers."""

    groups: dict[str, FeatureGroup]
    """Columns that share their transformers, by a name of your choice."""

    @model_validator(mode="after")
    def _some_column(self) -> Self:
        if not any(group.columns for group in self.groups.values()):  # a selector is something
            raise placed("at least one group must name a column", "groups")
        return self


class Validation(Group):
    """How the training rows are divided again to try the model: cross-validation."""

    kind: Literal["none", "kfold", "stratified", "group", "time"] = "none"
    """time: each fold learns from what came before; group: whole groups; none: no folds."""
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    """How many."""
    gap: Annotated[str, Field(pattern=r"^\d+[dhm]$")] | None = None
    """time: span before a fold that is not learned from; default: contract.label_delay."""
    metrics: list[Metric] = []
    """What is measured on each fold; none: the task's usual measures."""
    seed: int = 0
    """Seed of the shuffle; time draws nothing."""
    may_cross: list[Crossing] = []
    """What may be on both sides of a fold, as in the split."""


class Tuning(Group):
    """The search for the model's parameters, judged on the folds of `validation`."""

    kind: Literal["off", "grid", "random", "optuna", "automl"] = "off"
    """grid: every combination; random: drawn; optuna: TPE; automl: FLAML, several models too."""
    metric: Metric | None = None
    """What is optimised, as its mean over the folds; default: roc_auc, log_loss or rmse by task."""
    space: dict[str, Any] = {}
    """Under `model` and `feature`, as there: a list of choices, or {low, high, log, step}."""
    trials: Annotated[int, Field(ge=1, le=100_000)] = 20
    """How many parameters are tried; grid tries all."""
    batch: Annotated[int, Field(ge=1, le=256)] = 4
    """optuna: trials that are asked for at once, so that they can run side by side."""
    prune: bool = True
    """optuna: give up a trial that after some folds is worse than the median."""
    models: list[str] = []
    """automl: FLAML's learners, as lgbm, rf, extra_tree, lrl1; none: all that `allow` names."""
    max_seconds: Annotated[float, Field(gt=0)] | None = None
    """A safety, not a budget: a search that takes longer fails, and goes on when run again."""
    seed: int = 0
    """Seed of what is drawn."""


class Calibration(Group):
    """Whether the model's probabilities are corrected by what came true on the folds."""

    method: Literal["none", "sigmoid", "isotonic"] = "none"
    """sigmoid: Platt's, for few rows; isotonic: any rising curve, for over a thousand rows."""


class Threshold(Group):
    """From which probability on a row is positive."""

    kind: Literal["fixed", "metric", "cost"] = "fixed"
    """fixed: evaluation.threshold; metric, cost: the best on the folds of `validation`."""
    metric: Literal["f1", "accuracy", "balanced_accuracy", "matthews_corrcoef"] = "f1"
    """metric: what is to be largest."""
    false_positive: Annotated[float, Field(ge=0)] = 1.0
    """cost: of a row that is called positive and is not."""
    false_negative: Annotated[float, Field(ge=0)] = 1.0
    """cost: of a positive row that is missed."""


class Training(Group):
    """How the model is fitted, and what turns its scores into decisions."""

    class_weight: Literal["balanced"] | dict[str, Annotated[float, Field(gt=0)]] | None = None
    """Weight of the rows of each class: by class, or so that all classes weigh the same."""
    calibration: Calibration = Calibration.model_construct()
    """Whether probabilities are corrected."""
    threshold: Threshold = Threshold.model_construct()
    """From which probability on a row is positive."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Threads of a fit (OpenMP and BLAS); another number may change a model's last digits."""


class Card(Group):
    """What a model card says that nobody can know from data and code."""

    intended_use: str = ""
    """Who should use the model, and what for."""
    out_of_scope: str = ""
    """What it must not be used for."""
    limitations: list[str] = []
    """Known limits, a sentence each."""
    dataset: str = ""
    """What the data are called; default: the model's name."""
    license: str = ""
    """Licence of the model, as the Hugging Face Hub calls it: apache-2.0, mit, other..."""
    contact: str = ""
    """Whom to ask."""
    tags: list[str] = []
    """Words to find the model by."""


class Evaluation(Group):
    """What is measured on the hold-out."""

    threshold: Share = 0.5
    """Probability from which on a row is labelled positive."""
    slices: list[str] = []
    """Columns whose values each get their own metrics."""
    slice_rows: Annotated[int, Field(ge=1)] = 100
    """Values with fewer rows than this are counted but not measured."""
    curve_points: Annotated[int, Field(ge=10, le=1000)] = 100
    """Most points that a plotted curve keeps."""
    gate: Gate = Gate.model_construct()
    """When a challenger may take a champion's place."""
    promotion: Promotion = Promotion.model_construct()
    """What a tag must carry before its model is served."""
    feedback: Feedback = Feedback.model_construct()
    """When the truth that came back is believed."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of bootstrap draws and shuffles."""
    interval: Interval = Interval.model_construct()
    """How the interval of every metric is drawn."""
    search: SliceSearch = SliceSearch.model_construct()
    """How the worst slices are looked for."""
    fairness: list[str] = []
    """Columns whose values are groups that should be treated alike: rates and their differences."""
    importance: Importance = Importance.model_construct()
    """How the importance of inputs is measured."""
    card: Card = Card.model_construct()
    """What the model card says that is not measured."""


class Bundle(Group):
    """What ships, and what computes its answers."""

    runtimes: Annotated[list[Literal["numpy", "onnx", "skops"]], Field(min_length=1)] = [
        "numpy",
        "onnx",
        "skops",
    ]
    """Runtimes in the order in which packaging tries them; it takes the first that is equal."""


class Server(Group):
    """What the generated server promises."""

    title: str
    """Title of the API's documentation."""
    description: str = ""
    """A sentence for the API's documentation."""
    max_batch_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Rows that one batch request may hold."""
    max_body_bytes: Annotated[int, Field(ge=1024)] = 1_048_576
    """Bytes that the body of one row may have; beyond that 413."""
    max_batch_bytes: Annotated[int, Field(ge=1024)] = 16_777_216
    """Bytes that the body of a batch may have; beyond that 413."""
    max_text_length: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Characters that a text value without declared categories may have."""
    lane: Literal["asgi", "fastapi"] = "asgi"
    """asgi: scoring validates the bytes once, before the router; fastapi: by ordinary routes."""
    routers: list[Annotated[str, Field(pattern=r"^stages(\.[A-Za-z_]\w*)+:[A-Za-z_]\w*$")]] = []
    """The project's FastAPI routers, as `stages.api:router`; behind the server's authentication."""
    packages: list[Name] = []
    """More distributions that the bundle requires: what a router imports, joserfc for tokens."""
    python: str = "3.11"
    """Python version of the generated Dockerfile's base image."""
    image: Image = Image.model_construct()
    """The image of the server."""
    alerts: Alerts = Alerts.model_construct()
    """Limits of the generated alert rules."""
    canary: Canary = Canary()
    """A second model for a share of the callers."""
    kubernetes: Kubernetes = Kubernetes.model_construct()
    """The generated manifests."""


class Engine(Group):
    """How the processes of the stages are started; what a stage writes does not depend on it."""

    preload: list[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]] = []
    """Installed modules that one process of a run imports for all stages; none: each its own."""


class Params(Group):
    """The whole of params.yaml."""

    name: Name
    """Name of the model: folder under models/, tag prefix, server path."""
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    """Seed of everything that draws."""
    allow: list[Prefix]
    """What a `_target_` may name: classes by prefix (`sklearn.`), a function by its full name."""
    source: Source
    privacy: Privacy = Privacy.model_construct()
    contract: Contract
    split: Split
    feature: Feature
    model: Target
    validation: Validation = Validation.model_construct()
    tuning: Tuning = Tuning.model_construct()
    training: Training = Training.model_construct()
    evaluation: Evaluation
    bundle: Bundle = Bundle.model_construct()
    server: Server
    drift: Drift
    annotation: Annotation = Annotation.model_construct()
    engine: Engine = Engine.model_construct()
    pipeline: Pipeline
    environment: dict[str, Environment] = {}
    """By stage, what `compose` found installed; never written by hand."""

    @property
    def left_out(self) -> frozenset[str]:
        """Groups that the project's defaults list does not name, so that their defaults hold.

        A shipped stage may ask for such a group: a project made before the group existed goes on.
        """
        optional = {n for n, field in type(self).model_fields.items() if not field.is_required()}
        return frozenset(optional - self.model_fields_set - {"environment"})
