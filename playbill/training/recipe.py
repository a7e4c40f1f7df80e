"""All that makes a Pipeline, as plain values: to be fitted here, or sent to another process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from playbill.config.schema import Feature, Params
from playbill.config.selection import selected
from playbill.config.space import placed
from playbill.contract.outcome import Outcome, outcome
from playbill.feature.transform import build_transformer, count_categories
from playbill.model.estimator import build_pipeline, fit

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from playbill.config.schema import Contract

Weight = str | Mapping[str, float] | None


@dataclass(frozen=True)
class Recipe:
    """What a Pipeline is made of.

    Attributes:
        feature: The `feature` group of conf/.
        columns: The columns of each of its groups.
        model: The `model` group of conf/.
        allow: Prefixes of the targets that may be named.
        asked: What the contract asks for.
        class_weight: `balanced`, or a weight by class.
        threads: Threads of a fit.
        scores: A classifier without probabilities will do.
        contract: What the columns of a group are chosen from, where a search tries others.
        seed: What every `random_state` gets that conf/ leaves open; None: it stays open.
    """

    feature: Feature
    columns: Mapping[str, Sequence[str]]
    model: Mapping[str, Any]
    allow: Sequence[str]
    asked: Outcome = field(default_factory=Outcome)
    class_weight: Weight = None
    threads: int = 1
    scores: bool = False
    contract: "Contract | None" = None
    seed: int | None = None

    def varied(self, values: Mapping[tuple[str, ...], Any]) -> "Recipe":
        """Return the recipe with other values at paths under `model` and `feature`."""
        plain: dict[str, Any] = {"model": self.model, "feature": self.feature.model_dump()}
        for path, value in values.items():
            plain = placed(plain, path, value)
        changed = Feature.model_validate(plain["feature"])
        columns = self.columns
        if self.contract is not None and any("columns" in path for path in values):
            columns = selected(changed, self.contract)
        return replace(self, model=plain["model"], feature=changed, columns=columns)

    def make(self) -> Any:
        """Return the unfitted Pipeline.

        Raises:
            ConfigError: A target is not allowed, does not exist or does not suit the task.
        """
        transformer = build_transformer(self.feature, self.allow, self.columns)
        return build_pipeline(
            transformer,
            self._model(),
            self.allow,
            task=self.asked.task,
            categories=count_categories(self.feature, self.columns),
            scores=self.scores,
            seed=self.seed,
        )

    def fit(self, rows: "pd.DataFrame", target: "pd.Series") -> Any:
        """Return the Pipeline, fitted.

        Raises:
            ConfigError: As `make`, or the estimator takes no weights.
            DataError: The target has one value only, or an estimator refuses the rows.
        """
        weights = self._weights(target.to_numpy())
        return fit(self.make(), rows, target, threads=self.threads, weights=weights)

    def _model(self) -> Mapping[str, Any]:
        """Return the model's arguments, its own class weights by class: YAML has texts as keys."""
        weight = self.model.get("class_weight")
        if not isinstance(weight, Mapping):
            return self.model
        return {**self.model, "class_weight": self._by_class(weight)}

    def _by_class(self, weight: Mapping[str, float]) -> dict[Any, float]:
        """Return weights by the value that the target has for a class."""
        asked = self.asked
        targets = {
            str(name): int(name == asked.positive) if asked.task == "binary" else name
            for name in asked.classes
        }
        return {targets.get(str(name), name): value for name, value in weight.items()}

    def _weights(self, target: "NDArray[Any]") -> "NDArray[np.float64] | None":
        from sklearn.utils.class_weight import compute_sample_weight

        weight = self.class_weight
        if weight is None:
            return None
        if isinstance(weight, Mapping):
            named = self._by_class(weight)
            given = {name: named.get(name, 1.0) for name in set(target.tolist())}
            return compute_sample_weight(given, target)  # type: ignore[no-any-return]
        return compute_sample_weight(weight, target)  # type: ignore[no-any-return]


def recipe_of(params: Params) -> Recipe:
    """Return the recipe that conf/ says."""
    training = params.training
    return Recipe(
        feature=params.feature,
        columns=selected(params.feature, params.contract),
        model=params.model,
        allow=tuple(params.allow),
        asked=outcome(params.contract),
        class_weight=training.class_weight,
        threads=training.threads,
        scores=training.calibration.method != "none",
        contract=params.contract,
        seed=params.seed,
    )
