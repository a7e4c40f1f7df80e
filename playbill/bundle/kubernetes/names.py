"""Names, labels and paths that the manifests of one model share."""

from dataclasses import dataclass
from typing import Any

from playbill.bundle.image import PORT, USER

__all__ = ["PORT", "USER", "Names", "Object"]

Object = dict[str, Any]
LONGEST = 63  # characters of a label's value


@dataclass(frozen=True)
class Names:
    """What things are called.

    Attributes:
        model: The model, and its image before `kustomize edit set image` says another.
    """

    model: str

    @property
    def app(self) -> str:
        """Name of the objects; Prometheus' job, for which the alert rules look."""
        return f"playbill-{self.model}"[:LONGEST].rstrip("-")

    @property
    def settings(self) -> str:
        """Name of the ConfigMap; Kustomize adds a digest, so that a change restarts the pods."""
        return f"{self.app}-settings"

    @property
    def selector(self) -> dict[str, str]:
        """Labels by which the pods are found; they may never change."""
        return {"app.kubernetes.io/name": self.app, "app.kubernetes.io/component": "server"}

    def labels(self) -> dict[str, str]:
        """Return the labels of every object."""
        return {**self.selector, "app.kubernetes.io/part-of": "playbill"}

    def object(self, version: str, kind: str, spec: Object, name: str | None = None) -> Object:
        """Return an object of the cluster."""
        metadata = {"name": name or self.app, "labels": self.labels()}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
