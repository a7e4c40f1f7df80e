"""Puts a bundle together: pure functions from what was made to the files that ship.

The model layer is what a model is; everything else (server texts, the code that runs them, pinned
requirements) can be made again for the same model.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playbill.bundle import expected, manifest, sbom
from playbill.bundle.code import copied_code
from playbill.bundle.proven import RUNTIME, Proven
from playbill.bundle.requirements import requirements_text
from playbill.bundle.runtime.base import KINDS, open_runtime
from playbill.bundle.schema import example
from playbill.bundle.served import Served, contract_file, to_json

FORMAT_VERSION = 1
SERVER_LAYER = "server/"


@dataclass(frozen=True)
class Parts:
    """What the model layer is made from.

    Attributes:
        served: What is asked and answered.
        proven: The runtime that was taken, with the proof that it is equal to the Pipeline.
        profile: The reference profile for drift checks.
        metrics: Measures on the hold-out.
        lineage: Digests of what the model was made from.
        card: The model card, Markdown.
        trusted: Types that the model's files may hold, as the server's text names them.
    """

    served: Served
    proven: Proven
    profile: Mapping[str, Any]
    metrics: Mapping[str, Any]
    lineage: Mapping[str, Any]
    card: str
    trusted: Sequence[str] = ()


def model_layer(parts: Parts) -> dict[str, bytes]:
    """Return the files of the model layer, by their name in `model/`."""
    asked, contract = parts.served.inputs, contract_file(parts.served)
    kind = json.loads(parts.proven.files[RUNTIME])["runtime"]
    runtime = open_runtime(kind, {**contract, **parts.proven.files}, parts.trusted)
    return {
        **parts.proven.files,
        **contract,
        "examples.json": to_json([{column.name: example(column) for column in asked}]),
        expected.NAME: to_json(expected.expected(runtime, asked, parts.profile)),
        "profile.json": to_json(parts.profile),
        "metrics.json": to_json(parts.metrics),
        "lineage.json": to_json({"format_version": FORMAT_VERSION, **parts.lineage}),
        "card.md": parts.card.encode(),
    }


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
