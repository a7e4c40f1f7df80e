"""The Kubernetes manifests: built by kubectl, checked strictly, and the same whenever made."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from playbill.bundle.kubernetes.kustomization import manifests
from playbill.bundle.kubernetes.scale import METRIC
from playbill.config.cluster import Kubernetes
from playbill.server.settings import Settings, read_settings

BESIDE = Path(sys.executable).parent
KUBECTL = shutil.which("kubectl", path=str(BESIDE)) or shutil.which("kubectl")
VALIDATE = BESIDE / "kubernetes-validate"
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
# Everything that conf can ask for, and nothing of it.
FULL: dict[str, Any] = {
    "image": "registry.example.org/team/visits", "workers": 2, "scrape": "monitor",
    "feedback": True, "log": {"kind": "claim", "size": "5Gi", "storage_class": "shared"},
    "log_target": "s3://logs/visits", "traces": "http://collector:4318/v1/traces",
    "network": {"namespaces": ["shop"], "egress": [{"cidr": "10.0.0.0/8", "port": 4318}]},
    "overlays": {"prod": {"namespace": "ml", "minimum": 3, "maximum": 30}},
}  # fmt: skip
BARE: dict[str, Any] = {
    "scrape": "none", "log": {"kind": "none"}, "autoscaler": {"metric": "cpu"},
    "resources": {"cpu_limit": None}, "overlays": {"prod": {}},
}  # fmt: skip


def of(plain: dict[str, Any]) -> Kubernetes:
    return Kubernetes.model_validate(plain)


def built(folder: Path, plain: dict[str, Any], place: str = "prod") -> dict[str, Any]:
    """Return what kubectl makes of an overlay, by kind, after a strict check."""
    for name, text in manifests("visits", of(plain), "edit").items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    text = kustomize(folder / "kubernetes" / "overlays" / place)
    assert validate(folder, text) == ""
    return {one["kind"]: one for one in yaml.safe_load_all(text)}


def kustomize(folder: Path) -> str:
    assert KUBECTL is not None
    done = subprocess.run(
        [KUBECTL, "kustomize", str(folder)], text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def validate(folder: Path, text: str) -> str:
    """Return what kubernetes-validate minds; a ServiceMonitor has no schema there."""
    known = [one for one in yaml.safe_load_all(text) if one["kind"] != "ServiceMonitor"]
    (folder / "built.yaml").write_text(yaml.safe_dump_all(known))
    done = subprocess.run(
        [VALIDATE, "--strict", "--quiet", str(folder / "built.yaml")],
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr + "refused"


@pytest.mark.parametrize("plain", [{}, FULL, BARE], ids=["default", "full", "bare"])
def test_kubectl_builds_each_overlay_and_a_strict_check_minds_nothing(
    tmp_path: Path, plain: dict[str, Any]
) -> None:
    for place in of(plain).overlays:
        found = built(tmp_path, plain, place)
        assert {"Deployment", "Service", "ConfigMap", "NetworkPolicy"} <= set(found)


def test_the_strict_check_sees_a_misspelt_field(tmp_path: Path) -> None:
    text = yaml.safe_dump(built(tmp_path, {})["Deployment"])
    assert "Additional" in validate(tmp_path, text.replace("automount", "autoMount"))


def test_the_pods_keep_the_restricted_pod_security_standard(tmp_path: Path) -> None:
    pod = built(tmp_path, {})["Deployment"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
    assert set(container["resources"]) == {"requests", "limits"}
    assert {"emptyDir", "name"} == set(pod["volumes"][-1])
    assert pod["volumes"][1]["secret"]["secretName"] == "playbill-visits-keys"


def test_an_overlay_says_what_is_different_in_its_place(tmp_path: Path) -> None:
    desk = built(tmp_path, {}, "ci")
    assert "HorizontalPodAutoscaler" not in desk
    assert desk["Deployment"]["spec"]["replicas"] == 1
    full = built(tmp_path / "full", FULL)
    assert {one["metadata"]["namespace"] for one in full.values()} == {"ml"}
    scaler = full["HorizontalPodAutoscaler"]["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 30)
    assert "replicas" not in full["Deployment"]["spec"]  # the autoscaler's alone


def test_the_autoscaler_asks_for_the_metric_that_the_adapter_makes(tmp_path: Path) -> None:
    metric = built(tmp_path, {})["HorizontalPodAutoscaler"]["spec"]["metrics"][0]
    assert metric["pods"]["metric"]["name"] == METRIC
    text = (tmp_path / "kubernetes" / "prometheus-adapter.yaml").read_text()
    (rule,) = yaml.safe_load(text)["rules"]["custom"]
    assert rule["name"]["as"] == METRIC
    found = built(tmp_path / "bare", BARE)["HorizontalPodAutoscaler"]
    assert found["spec"]["metrics"][0]["resource"]["name"] == "cpu"


def test_nothing_leaves_a_pod_unless_conf_names_it(tmp_path: Path) -> None:
    policy = built(tmp_path, {})["NetworkPolicy"]["spec"]
    assert policy["egress"] == []
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    full = built(tmp_path / "full", FULL)["NetworkPolicy"]["spec"]
    assert full["egress"][0] == {
        "to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"protocol": "TCP", "port": 4318}],
    }  # fmt: skip


@pytest.mark.parametrize("plain", [{}, FULL, BARE], ids=["default", "full", "bare"])
def test_the_server_takes_its_settings(tmp_path: Path, plain: dict[str, Any]) -> None:
    text = built(tmp_path, plain)["ConfigMap"]["data"]["server.toml"]
    (tmp_path / "server.toml").write_text(text)
    found = read_settings(tmp_path / "server.toml", {})
    assert isinstance(found, Settings)
    assert found.authenticates
    assert (found.log.folder is None) == (of(plain).log.kind == "none")
    assert tomllib.loads(text)["workers"] == of(plain).workers


def test_a_change_of_the_settings_restarts_the_pods(tmp_path: Path) -> None:
    def named(plain: dict[str, Any], folder: str) -> str:
        pod = built(tmp_path / folder, plain)["Deployment"]["spec"]["template"]["spec"]
        return str(pod["volumes"][0]["configMap"]["name"])

    assert named({}, "a") == named({}, "b") != named({"workers": 2}, "c")
