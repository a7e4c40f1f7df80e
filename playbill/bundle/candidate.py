"""The files of each runtime for a fitted Pipeline: what the parity gate tries in turn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playbill.contract.column import Column
    from playbill.contract.outcome import Outcome


@dataclass(frozen=True)
class Candidate:
    """A runtime for one Pipeline.

    Attributes:
        files: Its files by their name in the model layer.
        packages: Distributions that it needs beside the runtime's own.
        code: Modules of Playbill that it needs beside the runtime's own.
    """

    files: Mapping[str, bytes]
    packages: Sequence[str] = ()
    code: Sequence[str] = ()


def build(kind: str, pipeline: Any, inputs: "Sequence[Column]", asked: "Outcome") -> Candidate:
    """Return a runtime for a Pipeline.

    Args:
        kind: The runtime's kind.
        pipeline: A fitted Pipeline on the columns of `inputs`, in their order.
        inputs: The contract's input columns.
        asked: What the contract asks for.

    Raises:
        UnsupportedError: The runtime cannot take a part of the Pipeline.
    """
    return BUILDERS[kind](pipeline, inputs, asked)


def _numpy(pipeline: Any, inputs: "Sequence[Column]", asked: "Outcome") -> Candidate:
    from playbill.bundle.compiler.pipeline import compile_pipeline

    return Candidate(compile_pipeline(pipeline, inputs, asked))


def _onnx(pipeline: Any, inputs: "Sequence[Column]", asked: "Outcome") -> Candidate:
    from playbill.bundle.compiler.pipeline import compile_graphs

    return Candidate(compile_graphs(pipeline, inputs, asked))


def _skops(pipeline: Any, inputs: "Sequence[Column]", asked: "Outcome") -> Candidate:
    from playbill.bundle.carry import needs_of
    from playbill.bundle.runtime.skops import PIPELINE
    from playbill.model.persistence import dump

    del inputs, asked  # they stand in contract.json
    content = dump(pipeline)
    needs = needs_of(content, Path.cwd())
    return Candidate({PIPELINE: content, **needs.files}, needs.packages, needs.code)


BUILDERS: Mapping[str, Callable[..., Candidate]] = {"numpy": _numpy, "onnx": _onnx, "skops": _skops}
