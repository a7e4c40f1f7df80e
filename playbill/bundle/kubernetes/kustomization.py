"""The files of a Kustomize base and its overlays: structured objects, dumped as YAML."""

from typing import TYPE_CHECKING

import yaml

from playbill.bundle.kubernetes import access, scale, workload
from playbill.bundle.kubernetes.names import Names, Object

if TYPE_CHECKING:
    from playbill.config.cluster import Kubernetes, Overlay

FOLDER = "kubernetes"
_VERSION = "kustomize.config.k8s.io/v1beta1"


def manifests(name: str, given: "Kubernetes", edit: str) -> dict[str, str]:
    """Return the files by their path in the server's folder.

    Args:
        name: The model.
        given: `server.kubernetes` of conf/.
        edit: The line that says where to edit instead.
    """
    names = Names(name)
    files = {f"base/{path}": _text(one, edit) for path, one in _base(names, given).items()}
    files["base/server.toml"] = f"# {edit}\n{workload.settings(given)}"
    if given.autoscaler.metric == "requests":
        files["prometheus-adapter.yaml"] = _text(scale.adapter(), edit)
    for place, overlay in sorted(given.overlays.items()):
        path = f"overlays/{place}/kustomization.yaml"
        files[path] = _text(_overlay(names, overlay), edit)
    return {f"{FOLDER}/{path}": text for path, text in files.items()}


def _base(names: Names, given: "Kubernetes") -> dict[str, Object]:
    found = {
        "deployment.yaml": workload.deployment(names, given),
        "service.yaml": access.service(names),
        "autoscaler.yaml": scale.autoscaler(names, given.autoscaler),
        "disruption-budget.yaml": scale.disruption_budget(names),
        "network-policy.yaml": access.network_policy(names, given),
    }
    if given.log.kind == "claim":
        found["claim.yaml"] = workload.claim(names, given)
    if given.scrape == "monitor":
        found["monitor.yaml"] = access.monitor(names, given)
    settings = {"name": names.settings, "files": ["server.toml"]}
    return {
        **found,
        "kustomization.yaml": {
            "apiVersion": _VERSION,
            "kind": "Kustomization",
            "resources": sorted(found),
            "configMapGenerator": [settings],
            "generatorOptions": {"labels": names.labels()},
        },
    }


def _overlay(names: Names, given: "Overlay") -> Object:
    found: Object = {"apiVersion": _VERSION, "kind": "Kustomization"}
    if given.namespace is not None:
        found["namespace"] = given.namespace
    found["resources"] = ["../../base"]
    patches: list[Object] = []
    if given.replicas is not None:
        found["replicas"] = [{"name": names.app, "count": given.replicas}]
        patches.append(_autoscaler(names, {"$patch": "delete"}))
    elif given.minimum is not None or given.maximum is not None:
        limits = {"minReplicas": given.minimum, "maxReplicas": given.maximum}
        spec = {key: value for key, value in limits.items() if value is not None}
        patches.append(_autoscaler(names, {"spec": spec}))
    if given.resources is not None:
        container = {"name": "server", "resources": workload.resources(given.resources)}
        pod = {"containers": [container]}
        change = {"spec": {"template": {"spec": pod}}}
        patches.append(_patch("apps/v1", "Deployment", names.app, change))
    if patches:
        found["patches"] = [{"patch": yaml.safe_dump(each, sort_keys=False)} for each in patches]
    return found


def _autoscaler(names: Names, change: Object) -> Object:
    return _patch("autoscaling/v2", "HorizontalPodAutoscaler", names.app, change)


def _patch(version: str, kind: str, name: str, change: Object) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **change}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and never an alias."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - as the base class has it
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _string)


def _text(value: Object, edit: str) -> str:
    dumped = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=10_000)
    return f"# {edit}\n{dumped}"
