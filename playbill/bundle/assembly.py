"""Puts a bundle together: pure functions from what was made to the files that ship.

The model layer is what a model is; everything else (server texts, the code that runs them, pinned
requirements) can be made again for the same model.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playbill.bundle import manifest, sbom
from playbill.bundle.code import copied_code
from playbill.bundle.requirements import requirements_text, runtime_pins
from playbill.bundle.runtime.base import KINDS
from playbill.bundle.schema import example
from playbill.contract import task
from playbill.contract.column import as_dict, from_dict
from playbill.contract.task import BINARY, Outcome

if TYPE_CHECKING:
    from playbill.bundle.parity import Choice
    from playbill.contract.column import Column

FORMAT_VERSION = 1
SERVER_LAYER = "server/"
RUNTIME = "runtime.json"


@dataclass(frozen=True)
class Served:
    """What is asked of a model and what it answers.

    Attributes:
        name: The model.
        key: Name of the column that identifies a row.
        inputs: The contract's input columns.
        target: The column that is predicted.
        threshold: Probability from which on the label is true.
        asked: What the contract asks for: task, classes, positive class.
    """

    name: str
    key: str
    inputs: "Sequence[Column]"
    target: "Column"
    threshold: float
    asked: Outcome = BINARY


@dataclass(frozen=True)
class Parts:
    """What the model layer is made from.

    Attributes:
        served: What is asked and answered.
        choice: The runtime that was taken, with the proof that it is equal to the Pipeline.
        profile: The reference profile for drift checks.
        metrics: Measures on the hold-out.
        lineage: Digests of what the model was made from.
        card: The model card, Markdown.
    """

    served: Served
    choice: "Choice"
    profile: Mapping[str, Any]
    metrics: Mapping[str, Any]
    lineage: Mapping[str, Any]
    card: str


def model_layer(parts: Parts) -> dict[str, bytes]:
    """Return the files of the model layer, by their name in `model/`."""
    return {
        **parts.choice.candidate.files,
        "proof.json": to_json(parts.choice.proof),
        RUNTIME: to_json(_described(parts.choice)),
        **contract_file(parts.served),
        "examples.json": to_json(
            [{column.name: example(column) for column in parts.served.inputs}]
        ),
        "profile.json": to_json(parts.profile),
        "metrics.json": to_json(parts.metrics),
        "lineage.json": to_json({"format_version": FORMAT_VERSION, **parts.lineage}),
        "card.md": parts.card.encode(),
    }


def contract_file(served: Served) -> dict[str, bytes]:
    """Return the file of the model layer that says what is asked and what is answered."""
    contract = {
        "format_version": FORMAT_VERSION,
        "name": served.name,
        "key": served.key,
        "inputs": [as_dict(column) for column in served.inputs],
        "target": as_dict(served.target),
        "threshold": served.threshold,
        **task.as_dict(served.asked),
    }
    return {"contract.json": to_json(contract)}


def served_of(contract: bytes) -> Served:
    """Return what is asked of the model with this contract.json, of this version or before."""
    plain = json.loads(contract)
    return Served(
        name=plain["name"],
        key=plain["key"],
        inputs=[from_dict(each) for each in plain["inputs"]],
        target=from_dict(plain["target"]),
        threshold=plain["threshold"],
        asked=task.from_dict(plain),
    )


def assemble(
    name: str,
    model: Mapping[str, bytes],
    server: Mapping[str, bytes | str],
    *,
    code: Sequence[str],
    described: Mapping[str, Any] | None = None,
) -> dict[str, bytes]:
    """Return every file of the bundle by its relative path.

    Args:
        name: The model.
        model: The model layer.
        server: The texts that the stage `server` wrote.
        code: Modules of Playbill that the texts import.
        described: What a model layer of before there was a runtime.json does not say.
    """
    described = json.loads(model[RUNTIME]) if RUNTIME in model else described
    assert described is not None
    runtime = described["runtime"]
    files = {manifest.MODEL_LAYER + path: content for path, content in model.items()}
    for path, content in copied_code([*code, *described["code"], KINDS[runtime]]).items():
        files[SERVER_LAYER + path] = content
    for path, text in server.items():
        files[SERVER_LAYER + path] = text.encode() if isinstance(text, str) else text
    packages = files.pop(f"{SERVER_LAYER}packages.txt", b"").decode().split()
    files["requirements.txt"] = requirements_text(runtime, packages, described["pins"]).encode()
    pinned = files["requirements.txt"].decode()
    files[sbom.NAME] = sbom.bill(name, runtime, model, pinned)
    files["README.md"] = _README.format(name=name).encode()
    files[manifest.NAME] = manifest.render(manifest.describe(name, runtime, files))
    return files


def _described(choice: "Choice") -> dict[str, Any]:
    """Return what another server layer for the same model must know of its runtime."""
    candidate = choice.candidate
    return {
        "format_version": FORMAT_VERSION,
        "runtime": choice.runtime,
        "code": list(candidate.code),
        "pins": runtime_pins(choice.runtime, candidate.packages),
    }


def to_json(value: Any) -> bytes:
    """Return the JSON form of every file in the model layer: sorted, readable, strict."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


_README = """# {name}

A model and its server. It needs Python and what requirements.txt pins, and nothing else.

```
pip install -r requirements.txt
python server --port 8000
```

The server verifies every file here against manifest.json before it reads any of them, listens on
loopback only, and serves a page to try it at `/` and its documentation at `/docs`.

- `model/`: the model, its contract, card, measures, reference profile and lineage
- `server/`: the generated request models and application, and the code that runs them
- `sbom.cdx.json`: the model, its data and every package, as CycloneDX has it
- `manifest.json`: the SHA-256 of each file, and a digest of each of the two layers
"""
