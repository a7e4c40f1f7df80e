"""The Deployment of a server, the claim of its log, and the settings that it starts with.

As the restricted Pod Security Standard wants it: nobody, no capability, a root file system that
cannot be written, no token of the cluster.
"""

import json
from typing import TYPE_CHECKING, Any

from playbill.bundle.kubernetes.names import PORT, USER, Names, Object

if TYPE_CHECKING:
    from playbill.config.cluster import Kubernetes, Resources

SETTINGS = "/etc/playbill/server.toml"
KEYS = "/run/keys/keys.jsonl"
LOG = "/var/lib/playbill"
# Between leaving the endpoints and being told to stop, so that no new request finds a closed door.
LEAVE_SECONDS = 5
# That, the server's own drain (limits.drain_seconds, keep_alive_seconds) and some more.
GRACE_SECONDS = 60


def deployment(names: Names, given: "Kubernetes") -> Object:
    """Return the Deployment; the number of replicas is the autoscaler's or the overlay's."""
    spec = {
        "revisionHistoryLimit": 3,
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "selector": {"matchLabels": names.selector},
        "template": {"metadata": _metadata(names, given), "spec": _pod(names, given)},
    }
    return names.object("apps/v1", "Deployment", spec)


def claim(names: Names, given: "Kubernetes") -> Object:
    """Return the claim of the log's volume; each replica writes to a folder of its own in it."""
    spec: Object = {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": given.log.size}},
    }
    if given.log.storage_class is not None:
        spec["storageClassName"] = given.log.storage_class
    return names.object("v1", "PersistentVolumeClaim", spec, f"{names.app}-log")


def settings(given: "Kubernetes") -> str:
    """Return the server's settings as TOML (docs/how-to/serve.md)."""
    sections: dict[str, dict[str, Any]] = {
        "authentication": {"keys": KEYS},
        "logging": {"level": given.log_level},
    }
    if given.log.kind != "none":
        sections["log"] = {"folder": f"{LOG}/predictions"}
        if given.log_target is not None:
            sections["log"]["target"] = given.log_target
    if given.traces is not None:
        sections["tracing"] = {"endpoint": given.traces}
    if given.feedback:
        sections["feedback"] = {"file": f"{LOG}/feedback.db"}
    lines = [f"workers = {given.workers}"]
    for section, values in sections.items():
        lines += ["", f"[{section}]", *(f"{k} = {json.dumps(v)}" for k, v in values.items())]
    return "\n".join(lines) + "\n"


def resources(given: "Resources") -> Object:
    """Return what a container is given."""
    limit = {"memory": given.memory}
    if given.cpu_limit is not None:
        limit = {"cpu": given.cpu_limit, **limit}
    return {"requests": {"cpu": given.cpu, "memory": given.memory}, "limits": limit}


def _metadata(names: Names, given: "Kubernetes") -> Object:
    if given.scrape != "annotations":
        return {"labels": names.labels()}
    told = {"scrape": "true", "path": "/metrics", "port": str(PORT)}
    annotations = {f"prometheus.io/{key}": value for key, value in told.items()}
    return {"labels": names.labels(), "annotations": annotations}


def _pod(names: Names, given: "Kubernetes") -> Object:
    spread = [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": names.selector},
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": spread,
        "containers": [_container(names, given)],
        "volumes": _volumes(names, given),
    }


def _container(names: Names, given: "Kubernetes") -> Object:
    mounts: list[Object] = [
        {"name": "settings", "mountPath": "/etc/playbill", "readOnly": True},
        {"name": "keys", "mountPath": "/run/keys", "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - of the container, and its own
    ]
    container: Object = {
        "name": "server",
        "image": given.image or names.model,
        "args": ["--host", "0.0.0.0", "--port", str(PORT), "--settings", SETTINGS],  # noqa: S104 - keys are asked for
        "ports": [{"name": "http", "containerPort": PORT}],
        "resources": resources(given.resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        **_probes(),
        "lifecycle": {"preStop": {"sleep": {"seconds": LEAVE_SECONDS}}},
    }
    if given.log.kind != "none":
        mount: Object = {"name": "log", "mountPath": LOG}
        if given.log.kind == "claim":
            place = {"fieldRef": {"fieldPath": "metadata.name"}}
            container["env"] = [{"name": "POD_NAME", "valueFrom": place}]
            mount["subPathExpr"] = "$(POD_NAME)"
        mounts.append(mount)
    return {**container, "volumeMounts": mounts}


def _probes() -> Object:
    def ask(path: str, period: int, failures: int) -> Object:
        return {
            "httpGet": {"path": path, "port": "http"},
            "periodSeconds": period,
            "timeoutSeconds": 3,
            "failureThreshold": failures,
        }

    return {
        "startupProbe": ask("/healthz", 2, 30),
        "readinessProbe": ask("/readyz", 5, 2),
        "livenessProbe": ask("/healthz", 10, 3),
    }


def _volumes(names: Names, given: "Kubernetes") -> list[Object]:
    secret = given.secret or f"{names.app}-keys"
    volumes: list[Object] = [
        {"name": "settings", "configMap": {"name": names.settings}},
        {"name": "keys", "secret": {"secretName": secret, "defaultMode": 0o440, "optional": False}},
        {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
    ]
    if given.log.kind == "claim":
        place = {"persistentVolumeClaim": {"claimName": f"{names.app}-log"}}
        volumes.append({"name": "log", **place})
    elif given.log.kind == "empty":
        volumes.append({"name": "log", "emptyDir": {"sizeLimit": given.log.size}})
    return volumes
