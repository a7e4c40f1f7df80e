"""What answers: a model with everything that its answers and their records say of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playbill.server.measurement import Measurement
    from playbill.server.model import Model
    from playbill.server.record import Recorder
    from playbill.server.watch import Watch


@dataclass(frozen=True, eq=False, slots=True)
class Served:
    """A model that answers.

    Attributes:
        model: The model.
        version: Version that the answers name.
        base: What is the same in every answer.
        facts: What is the same in every record of the log.
        recorder: Writes its records.
        watch: Compares features with its reference.
    """

    model: "Model"
    version: str | None
    base: Mapping[str, Any]
    facts: Mapping[str, Any]
    recorder: "Recorder"
    watch: "Watch"


def facts_of(model: "Model | None", version: str | None) -> dict[str, Any]:
    """Return what every record of a model says of it."""
    if model is None:
        return {}
    page = model.page
    return {
        "model": page.name,
        "model_version": version,
        "model_digest": page.model_digest,
        "server_digest": page.server_digest,
    }


def base_of(model: "Model", version: str | None) -> dict[str, Any]:
    """Return what every answer of a model says of it."""
    page = model.page
    known = {"model": page.name, "model_version": version, "model_digest": page.model_digest}
    return {name: value for name, value in known.items() if value is not None}


def served(model: "Model", version: str | None, measurement: "Measurement") -> Served:
    """Return what answers with a model that is served beside or after the first."""
    facts = facts_of(model, version)
    watch = measurement.watch_of(model.profile, model.page.model_digest)
    return Served(
        model, version, base_of(model, version), facts, measurement.recorder(facts), watch
    )
