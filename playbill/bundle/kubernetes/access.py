"""Who reaches a server in the cluster, and how Prometheus finds it."""

from typing import TYPE_CHECKING

from playbill.bundle.kubernetes.names import Names, Object

if TYPE_CHECKING:
    from playbill.config.cluster import Kubernetes

_NAMESPACE = "kubernetes.io/metadata.name"  # a label that the cluster itself sets
_DNS = ({"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53})


def service(names: Names) -> Object:
    """Return the Service; TLS is the ingress' or the mesh's."""
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return names.object("v1", "Service", {"selector": names.selector, "ports": ports})


def network_policy(names: Names, given: "Kubernetes") -> Object:
    """Return the policy: its own and the named namespaces come in, nearly nothing goes out."""
    network = given.network
    asking = sorted(
        {*network.namespaces, *([network.monitoring] if given.scrape != "none" else [])}
    )
    allowed: list[Object] = [{"podSelector": {}}]
    allowed += [{"namespaceSelector": {"matchLabels": {_NAMESPACE: name}}} for name in asking]
    leaving: list[Object] = [
        {
            "to": [{"ipBlock": {"cidr": each.cidr}}],
            "ports": [{"protocol": "TCP", "port": each.port}],
        }
        for each in network.egress
    ]
    if leaving:  # what has a name must be looked up
        leaving.append({"to": [{"namespaceSelector": {}}], "ports": [dict(port) for port in _DNS]})
    spec = {
        "podSelector": {"matchLabels": names.selector},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": allowed, "ports": [{"protocol": "TCP", "port": "http"}]}],
        "egress": leaving,
    }
    return names.object("networking.k8s.io/v1", "NetworkPolicy", spec)


def monitor(names: Names, given: "Kubernetes") -> Object:
    """Return the ServiceMonitor of the Prometheus operator; it shows a key of the scope metrics."""
    secret = given.scrape_secret or f"{names.app}-scrape"
    endpoint = {
        "port": "http",
        "path": "/metrics",
        "interval": "15s",
        "authorization": {"type": "Bearer", "credentials": {"name": secret, "key": "key"}},
    }
    spec = {"selector": {"matchLabels": names.selector}, "endpoints": [endpoint]}
    return names.object("monitoring.coreos.com/v1", "ServiceMonitor", spec)
