"""The bundle's bill of materials: the model, the data it learned from, and every package it needs.

CycloneDX 1.6 in JSON, of OWASP's and Ecma's (ECMA-424) schema. It is written as plain values, since
the library of the format has no model cards; the tests validate it with that library. Without time
and serial number, so that the same bundle has the same bill.
"""

import json
from collections.abc import Mapping
from typing import Any

NAME = "sbom.cdx.json"
TASKS = {"binary": "classification", "multiclass": "classification", "regression": "regression"}
Layer = Mapping[str, bytes]


def bill(name: str, runtime: str, layer: Layer, requirements: str) -> bytes:
    """Return the bill of materials of a bundle.

    Args:
        name: The model.
        runtime: Kind of its runtime.
        layer: The model layer, by name.
        requirements: requirements.txt.
    """
    plain = {each: json.loads(layer[each]) for each in ("contract.json", "lineage.json")}
    plain["metrics.json"] = json.loads(layer.get("metrics.json", b"{}"))
    packages = [_package(line) for line in requirements.split()]
    data = [_data(part, digest) for part, digest in sorted(plain["lineage.json"]["data"].items())]
    model = _model(name, runtime, plain, data)
    libraries = [each["bom-ref"] for each in packages]
    bundle = f"bundle:{name}"
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": bundle, "name": name}},
        "components": [model, *data, *packages],
        "dependencies": [
            {"ref": bundle, "dependsOn": [model["bom-ref"], *libraries]},
            {"ref": model["bom-ref"], "dependsOn": [each["bom-ref"] for each in data]},
            *({"ref": each["bom-ref"]} for each in [*data, *packages]),
        ],
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _model(
    name: str, runtime: str, plain: Mapping[str, Any], data: list[dict[str, Any]]
) -> dict[str, Any]:
    contract, lineage = plain["contract.json"], plain["lineage.json"]
    measured = {
        key: value for key, value in sorted(plain["metrics.json"].items())
        if isinstance(value, float)
    }  # fmt: skip
    trained = lineage.get("environment", {}).get("train", {})
    facts = {"runtime": runtime, "key": contract["key"], "target": contract["target"]["name"]}
    facts |= {f"params:{group}": digest for group, digest in lineage.get("params", {}).items()}
    facts |= {f"code:{stage}": digest for stage, digest in lineage.get("code", {}).items()}
    facts |= {f"trained with {each}": version for each, version in trained.items()}
    card = {
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": TASKS[contract.get("task", "binary")],
            "datasets": [{"ref": each["bom-ref"]} for each in data],
            "inputs": [{"format": f"{c['name']}: {c['kind']}"} for c in contract["inputs"]],
            "outputs": [{"format": f"{contract['target']['name']}: {contract['target']['kind']}"}],
        },
        "quantitativeAnalysis": {
            "performanceMetrics": [
                {"type": key, "value": repr(value)} for key, value in measured.items()
            ]
        },
    }
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{name}",
        "name": name,
        "modelCard": card,
        "properties": _properties(facts),
    }


def _data(part: str, digest: str) -> dict[str, Any]:
    return {
        "type": "data",
        "bom-ref": f"data:{part}",
        "name": part,
        "data": [{"type": "dataset", "name": part}],
        "properties": _properties({"digest of the rows": digest}),
    }


def _package(line: str) -> dict[str, Any]:
    name, _, version = line.partition("==")
    address = f"pkg:pypi/{name}@{version}"
    return {
        "type": "library", "bom-ref": address, "name": name, "version": version, "purl": address,
    }  # fmt: skip


def _properties(facts: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": f"playbill:{key}", "value": value} for key, value in sorted(facts.items())]
