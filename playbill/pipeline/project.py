"""A project as plain objects: config, tables, model, predictions and metrics of any revision.

This is what `playbill.open()` returns in a notebook. Reading never changes the workspace.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.config.location import find_project
from playbill.config.metric import modern
from playbill.config.override import override
from playbill.errors import DataError, LineageError, StageError, UsageError
from playbill.lineage import bundle, revision, store

if TYPE_CHECKING:
    import pandas as pd

    from playbill.config.schema import Params


class Values(Mapping[str, Any]):
    """A committed params.yaml as it was: keys as items and as attributes, nothing checked."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, key: str) -> Any:
        found = self._values[key]
        return Values(found) if isinstance(found, Mapping) else found

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"params.yaml has no key `{key}` here") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Values({self._values!r})"


class Project:
    """A project's workspace, or one of its revisions, to look at.

    Attributes:
        root: The project's root.
        name: What the user called the revision; `workspace` for the workspace.
        commit: The commit; None for the workspace.
    """

    def __init__(self, root: Path, rev: str | None = None) -> None:
        self.root = root
        self.name = "workspace" if rev is None else rev
        self.commit = None if rev is None else bundle.commit_of(root, rev)

    def __repr__(self) -> str:
        return f"<Playbill project {self.root.name}, {self.name}>"

    @property
    def config(self) -> "Params | Values":
        """The typed params of the workspace; of a revision its committed params.yaml as it was."""
        if self.commit is not None:
            return Values(self.params)
        from playbill.config.params import read_params

        return read_params(self.root)

    @property
    def params(self) -> dict[str, Any]:
        """params.yaml as plain mappings, unchecked."""
        return revision.params(self.root, self.commit)

    @property
    def model(self) -> str:
        """The name of the model."""
        return revision.model_name(self.root, self.commit)

    @property
    def metrics(self) -> dict[str, Any]:
        """What `evaluate` measured on the hold-out, by today's names of the metrics."""
        path = f"models/{self.model}/evaluation/metrics.json"
        found = revision.read_json(self.root, self.commit, path)
        if not isinstance(found, dict):
            raise LineageError(
                f"{path} of {revision.name(self.commit)} is missing",
                expected="a metrics file that Git tracks",
                run="dvc repro" + ("" if self.commit is None else ", and commit what it says"),
            )
        return dict(modern(found))

    @property
    def slices(self) -> Any:
        """What `evaluate` measured on slices of the hold-out; None if it measured none."""
        path = f"models/{self.model}/evaluation/slices.json"
        task = str(self.metrics.get("task", ""))
        return modern(revision.read_json(self.root, self.commit, path), task)

    @property
    def predictions(self) -> "pd.DataFrame":
        """A row per hold-out row: its key, its target and what the model said."""
        return self._frame(f"models/{self.model}/evaluation/predictions.parquet")

    @property
    def pipeline(self) -> Any:
        """The fitted scikit-learn Pipeline."""
        from playbill.model.persistence import load

        return load(self.file(f"models/{self.model}/pipeline.skops").read_bytes())

    @property
    def bundle(self) -> Path:
        """The folder of the bundle."""
        path = bundle.path(self.root, self.commit)
        if self.commit is not None:
            return store.materialise(self.root, path, self.commit)
        return self._on_disk(path)

    def table(self, name: str) -> "pd.DataFrame":
        """Return `data/NAME.parquet`, as `prepared/train`.

        Raises:
            LineageError: The revision has no such table, or neither DVC's cache nor its remote.
            StageError: The workspace has no such table.
        """
        return self._frame(f"data/{name}.parquet")

    def file(self, path: str) -> Path:
        """Return where the bytes of a stage's output file are: to read, never to write."""
        if self.commit is not None:
            return store.obtain(self.root, path, self.commit)
        return self._on_disk(path)

    def run(self, stage: str, **overrides: Any) -> dict[str, object]:
        """Run a stage in memory on its existing inputs and return what it would write.

        Args:
            stage: Its name, as `train`.
            **overrides: Config by key, as `model="forest"`; dotted keys as
                `**{"model.max_depth": 8}`.

        Returns:
            The stage's outputs by name. Nothing is written.

        Raises:
            UsageError: This is an old revision, whose inputs are not laid out to run on.
        """
        if self.commit is not None:
            raise UsageError(
                f"a stage runs on the workspace, not on `{self.name}`",
                expected="playbill.open() without a revision",
                run=f"git switch --detach {self.name} && dvc checkout",
            )
        from playbill.config.composition import compose
        from playbill.pipeline.runner import call

        wanted = [override(key, value) for key, value in overrides.items()]
        return dict(call(self.root, stage, compose(self.root, wanted).params))

    def _frame(self, path: str) -> "pd.DataFrame":
        import pandas as pd

        try:
            return pd.read_parquet(self.file(path))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path} of {revision.name(self.commit)} is not a Parquet file",
                where=path,
                run="dvc checkout" if self.commit is None else "",
            ) from error

    def _on_disk(self, path: str) -> Path:
        place = self.root / path
        if not place.exists():
            raise StageError(
                f"{path} is not in the workspace",
                where=str(self.root),
                expected="an output of the pipeline",
                run="dvc repro, or `dvc pull` to fetch what another clone pushed",
            )
        return place


def open_project(rev: str | None = None, root: Path | str | None = None) -> Project:
    """Open the project that `root` (default: the current folder) lies in, at a revision."""
    return Project(find_project(None if root is None else Path(root)), rev)
