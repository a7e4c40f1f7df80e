"""The files of each runtime for a fitted Pipeline: what the parity gate tries in turn."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playbill.contract.column import Column
    from playbill.contract.outcome import Outcome

Files = dict[str, bytes]


def build(kind: str, pipeline: Any, inputs: "Sequence[Column]", asked: "Outcome") -> Files:
    """Return the files of a runtime by their name in the model layer.

    Args:
        kind: The runtime's kind.
        pipeline: A fitted Pipeline on the columns of `inputs`, in their order.
        inputs: The contract's input columns.
        asked: What the contract asks for.

    Raises:
        UnsupportedError: The runtime cannot take a part of the Pipeline.
    """
    return BUILDERS[kind](pipeline, inputs, asked)


def _numpy(pipeline: Any, inputs: "Sequence[Column]", asked: "Outcome") -> Files:
    from playbill.bundle.compiler.pipeline import compile_pipeline

    return compile_pipeline(pipeline, inputs, asked)


def _skops(pipeline: Any, inputs: "Sequence[Column]", asked: "Outcome") -> Files:
    from playbill.bundle.runtime.skops import PIPELINE
    from playbill.model.persistence import dump

    del inputs, asked  # they stand in contract.json
    return {PIPELINE: dump(pipeline)}


BUILDERS: Mapping[str, Callable[..., Files]] = {"numpy": _numpy, "skops": _skops}
