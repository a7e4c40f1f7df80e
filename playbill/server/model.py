"""The model that is served: a verified bundle, opened, with all that `GET /model` tells of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from playbill.bundle.runtime.base import Runtime, open_bundle
from playbill.errors import BundleError
from playbill.server.scoring import typical_values

TOLERANCE = 1e-9  # that of the parity gate


class ModelPage(BaseModel):
    """What is known of the served model."""

    model_config = ConfigDict(protected_namespaces=())

    name: str = Field(description="Name of the model.")
    model_digest: str = Field(description="Identity of the model layer of the bundle.")
    server_digest: str = Field(description="Identity of the server layer of the bundle.")
    runtime: str = Field(description="Kind of the runtime that computes the answers.")
    threshold: float = Field(description="Probability from which on the label is true.")
    metrics: dict[str, Any] = Field(description="Measured on the hold-out.")
    contract: dict[str, Any] = Field(description="Columns that the model is asked with.")
    lineage: dict[str, Any] = Field(description="Digests of what the model was made from.")
    card: str = Field(description="The model card, Markdown.")


@dataclass(frozen=True)
class Model:
    """A model that is ready to answer."""

    runtime: Runtime
    page: ModelPage
    profile: Mapping[str, Any]
    typical: Mapping[str, Any]
    """The reference median or commonest category of each column."""
    expected: Mapping[str, Any]
    """Rows with the answers that they got when the bundle was made; empty in an older bundle."""
    threshold: float = field(init=False)
    """The page's own: an attribute of a pydantic model takes longer to read."""

    def __post_init__(self) -> None:
        """Keep the threshold at hand."""
        object.__setattr__(self, "threshold", self.page.threshold)

    def check(self, columns: Sequence[str], examples: Sequence[Mapping[str, Any]]) -> None:
        """Prove before the first request that the model takes the rows that the server lets in.

        Raises:
            BundleError: The server was generated from another contract than the model's, or an
                answer is not the one that the bundle states.
        """
        own = [str(column["name"]) for column in self.page.contract["inputs"]]
        if own != list(columns):
            raise BundleError(
                "the server and the model are of different contracts",
                expected=f"the same columns, such as {sorted(set(own) ^ set(columns))[:5]}",
                run="dvc repro",
            )
        if examples:
            self.runtime.predict({name: [row[name] for row in examples] for name in own})
        if self.expected.get("rows"):
            self._compare(own)

    def _compare(self, names: Sequence[str]) -> None:
        """Ask the stored rows and compare, with the tolerance of the parity gate."""
        rows = self.expected["rows"]
        stated = np.array(self.expected["answers"], dtype=np.float64)
        found = self.runtime.predict({name: [row[name] for row in rows] for name in names})
        off = np.inf
        if found.shape == stated.shape:
            off = float((np.abs(found - stated) / np.maximum(np.abs(stated), 1.0)).max())
        if not off <= TOLERANCE:  # NaN is not
            raise BundleError(
                f"the model does not answer here as it did when it was packaged: {off:g} off",
                where="model/expected.json",
                expected=f"{len(rows)} answers within {TOLERANCE}",
                run="playbill verify REF tells which part of the platform differs",
            )


def open_model(bundle: Path) -> tuple[Model, list[dict[str, Any]]]:
    """Verify a bundle, open its model and return it with its example rows.

    Raises:
        BundleError: The bundle is not what its manifest says, or cannot be opened.
    """
    listed, files, runtime = open_bundle(bundle)
    plain = {name: json.loads(files[name]) for name in files if name.endswith(".json")}
    contract = plain["contract.json"]
    page = ModelPage(
        name=listed.name,
        model_digest=listed.model_digest,
        server_digest=listed.server_digest,
        runtime=listed.runtime,
        threshold=contract["threshold"],
        metrics=plain["metrics.json"],
        contract=contract,
        lineage=plain["lineage.json"],
        card=files["card.md"].decode(),
    )
    profile = plain["profile.json"]
    stated = plain.get("expected.json", {})
    model = Model(runtime, page, profile, typical_values(profile), stated)
    return model, list(plain["examples.json"])
