"""What the generated Kubernetes manifests say: how many replicas, how big, who may ask."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from playbill.config.group import Group
from playbill.config.scalar import placed

Label = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Processor = Annotated[str, Field(pattern=r"^([1-9]\d*m|[1-9]\d*(\.\d{1,3})?|0\.\d{1,3})$")]
Bytes = Annotated[str, Field(pattern=r"^[1-9]\d*(Ki|Mi|Gi|Ti)$")]
Port = Annotated[int, Field(ge=1, le=65_535)]


class Resources(Group):
    """What a replica is given, in Kubernetes' own quantities."""

    cpu: Processor = "1"
    """CPU that is reserved, as `500m` or `1`; a worker uses up to one core."""
    cpu_limit: Processor | None = "2"
    """CPU beyond which it is slowed down; none: no limit."""
    memory: Bytes = "512Mi"
    """Memory that is reserved and beyond which the replica is killed."""


class Volume(Group):
    """Where the prediction log of a replica lies."""

    kind: Literal["none", "empty", "claim"] = "empty"
    """none: no log; empty: gone with its pod, so name log_target; claim: a volume of all pods."""
    size: Bytes = "1Gi"
    """Room: of an `empty` the limit, of a `claim` what is asked for."""
    storage_class: Label | None = None
    """Of a claim, which every replica mounts (ReadWriteMany); none: the cluster's default."""


class Autoscaler(Group):
    """When replicas are added and taken away."""

    metric: Literal["requests", "cpu"] = "requests"
    """requests: a Prometheus metric, through prometheus-adapter; cpu: through metrics-server."""
    requests_per_second: Annotated[int, Field(ge=1)] = 1000
    """Requests that one replica should answer."""
    cpu_percent: Annotated[int, Field(ge=1, le=100)] = 60
    """Of the CPU that is reserved."""
    minimum: Annotated[int, Field(ge=1)] = 2
    """Fewest replicas."""
    maximum: Annotated[int, Field(ge=1)] = 10
    """Most replicas."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.maximum < self.minimum:
            raise placed("maximum is smaller than minimum", "maximum")
        return self


class Egress(Group):
    """An address that a replica may connect to."""

    cidr: Annotated[str, Field(pattern=r"^[0-9a-fA-F.:]+/\d{1,3}$")]
    """Addresses, as 10.0.0.0/8."""
    port: Port = 443
    """TCP port."""


class Network(Group):
    """Who may talk to a replica, and to whom it may talk."""

    namespaces: list[Label] = []
    """Namespaces whose pods may ask, beside its own."""
    monitoring: Label = "monitoring"
    """Namespace whose Prometheus scrapes."""
    egress: list[Egress] = []
    """What it may connect to, such as object storage or a trace collector; none: nothing."""


class Overlay(Group):
    """What is different in one place; whatever is not said is as in the base."""

    namespace: Label | None = None
    """Namespace of everything; none: that of who applies it."""
    replicas: Annotated[int, Field(ge=1)] | None = None
    """A fixed number of replicas, without an autoscaler."""
    minimum: Annotated[int, Field(ge=1)] | None = None
    """Fewest replicas of the autoscaler."""
    maximum: Annotated[int, Field(ge=1)] | None = None
    """Most replicas of the autoscaler."""
    resources: Resources | None = None
    """What a replica is given."""


class Kubernetes(Group):
    """The generated Kustomize base and overlays."""

    image: Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9._:/@-]*$")] | None = None
    """Image of the server, whose version `kustomize edit set image` sets; none: NAME."""
    secret: Label | None = None
    """Secret whose entry `keys.jsonl` holds hashed API keys; none: playbill-NAME-keys."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes of a replica that answer."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level of the server's own log lines; info: a line a request."""
    traces: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    """URL of an OTLP/HTTP receiver of traces; network.egress and `packages` must let it be."""
    log: Volume = Volume.model_construct()
    """The prediction log."""
    log_target: Annotated[str, Field(pattern=r"^[a-z0-9+]+://\S+$")] | None = None
    """URL of object storage to which finished log segments are moved."""
    feedback: bool = False
    """Take feedback, into a file beside the prediction log."""
    resources: Resources = Resources.model_construct()
    """What a replica is given."""
    autoscaler: Autoscaler = Autoscaler.model_construct()
    """How many replicas."""
    network: Network = Network.model_construct()
    """Who may talk to whom."""
    scrape: Literal["none", "annotations", "monitor"] = "annotations"
    """How Prometheus finds it: annotations of the pod, or a ServiceMonitor of its operator."""
    scrape_secret: Label | None = None
    """monitor: Secret whose entry `key` is an API key with the scope metrics; none: NAME-scrape."""
    overlays: dict[Label, Overlay] = {
        "ci": Overlay.model_construct(
            replicas=1, resources=Resources.model_construct(cpu="250m", memory="256Mi")
        ),
        "prod": Overlay.model_construct(),
    }
    """Overlays by name: the places that this model is served in."""

    @model_validator(mode="after")
    def _feedback_needs_a_log(self) -> Self:
        if self.feedback and self.log.kind == "none":
            raise placed("feedback needs a prediction log (log.kind)", "feedback")
        return self
