"""The runtime that was proven to answer as the Pipeline did, as the files that state it.

The stage that has the Pipeline at hand proves and writes them, and packaging reads them: it needs
neither the Pipeline nor what the Pipeline needs.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playbill.bundle.requirements import runtime_pins
from playbill.bundle.served import to_json
from playbill.errors import BundleError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from playbill.bundle.parity import Choice, Model

FORMAT_VERSION = 1
RUNTIME, PROOF, REFUSED = "runtime.json", "proof.json", "refused.json"


@dataclass(frozen=True)
class Proven:
    """Files of the model layer: the runtime's own, what it needs, and the proof."""

    files: Mapping[str, bytes]

    @property
    def proof(self) -> Mapping[str, Any]:
        """The proof that it is equal."""
        found: dict[str, Any] = json.loads(self.files[PROOF])
        return found


def of(choice: "Choice") -> Proven:
    """Return the files of a runtime that the parity gate took."""
    candidate = choice.candidate
    described = {
        "format_version": FORMAT_VERSION,
        "runtime": choice.runtime,
        "code": list(candidate.code),
        "pins": runtime_pins(choice.runtime, candidate.packages),
    }
    stated = {PROOF: to_json(choice.proof), RUNTIME: to_json(described)}
    return Proven({**candidate.files, **stated})


def prove(
    runtimes: Sequence[str], model: "Model", rows: "pd.DataFrame", expected: "NDArray[np.float64]"
) -> dict[str, bytes]:
    """Return the files of the first runtime that is equal to the Pipeline, or of the refusal.

    A refusal is no error yet: what the Pipeline is worth is measured all the same, and packaging
    says why it cannot ship.

    Args:
        runtimes: Kinds, in the order in which they are tried.
        model: The Pipeline.
        rows: The hold-out.
        expected: What the Pipeline answered on the hold-out.
    """
    from playbill.bundle.parity import choose

    try:
        return dict(of(choose(runtimes, model, rows, expected)).files)
    except BundleError as error:
        said = {name: getattr(error, name) for name in ("what", "where", "expected", "run")}
        return {REFUSED: to_json({"format_version": FORMAT_VERSION, **said})}


def read(folder: Path) -> Proven:
    """Return what `prove` wrote.

    Args:
        folder: Its folder.

    Raises:
        BundleError: No runtime was equal; in the words in which it was refused.
    """
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    if REFUSED in files:
        said = json.loads(files[REFUSED])
        raise BundleError(said["what"], **{k: said[k] for k in ("where", "expected", "run")})
    return Proven(files)
