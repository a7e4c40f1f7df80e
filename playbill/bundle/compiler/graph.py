"""An ensemble or a linear function as an ONNX graph in double precision.

`TreeEnsemble` of ai.onnx.ml 5 takes thresholds and leaves as doubles, unlike the operators before
it, whose single precision moves rows across thresholds.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from playbill.errors import UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from playbill.bundle.compiler.ensemble import Ensemble, Tree

ML_VERSION = 5
VERSION = 21
IR_VERSION = 10
SUM = 1
NONE = 0
LESS_OR_EQUAL = 0


def trees_graph(ensemble: "Ensemble") -> bytes:
    """Return the file of a graph from the matrix, shape (n, width), to the sum of the leaves.

    Raises:
        UnsupportedError: A tree splits by category, or the package `onnx` is not installed.
    """
    if any(tree.categories for tree in ensemble.trees):
        raise UnsupportedError("splits by category in ONNX")
    onnx = _onnx()
    outputs = len(ensemble.base)
    nodes = _Nodes()
    for place, tree in enumerate(ensemble.trees):
        if tree.value.shape[1] == 1:
            nodes.add(tree, place % outputs, 0)
        else:  # a leaf of ONNX adds to one output
            for output in range(outputs):
                nodes.add(tree, output, output)
    double = onnx.TensorProto.DOUBLE

    def tensor(name: str, kind: int, values: Sequence[Any]) -> Any:
        return onnx.helper.make_tensor(name, kind, [len(values)], values)

    node = onnx.helper.make_node(
        "TreeEnsemble", ["x"], ["y"], domain="ai.onnx.ml",
        n_targets=outputs, aggregate_function=SUM, post_transform=NONE, tree_roots=nodes.roots,
        nodes_featureids=nodes.feature,
        nodes_modes=tensor("modes", onnx.TensorProto.UINT8, [LESS_OR_EQUAL] * len(nodes.feature)),
        nodes_splits=tensor("splits", double, nodes.threshold),
        nodes_truenodeids=nodes.left, nodes_trueleafs=nodes.left_leaf,
        nodes_falsenodeids=nodes.right, nodes_falseleafs=nodes.right_leaf,
        nodes_missing_value_tracks_true=nodes.missing_left,
        leaf_targetids=nodes.output, leaf_weights=tensor("weights", double, nodes.weight),
    )  # fmt: skip
    return _file([node], [], len(ensemble.features), outputs)


def linear_graph(coefficients: "NDArray[np.float64]") -> bytes:
    """Return the file of a graph that multiplies by coefficients of shape (width, outputs)."""
    onnx = _onnx()
    weights = onnx.numpy_helper.from_array(np.ascontiguousarray(coefficients), "w")
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    return _file([node], [weights], *coefficients.shape)


class _Nodes:
    """Inner nodes and leaves of all trees, in the lists that ONNX wants."""

    def __init__(self) -> None:
        self.roots: list[int] = []
        self.feature: list[int] = []
        self.threshold: list[float] = []
        self.left: list[int] = []
        self.left_leaf: list[int] = []
        self.right: list[int] = []
        self.right_leaf: list[int] = []
        self.missing_left: list[int] = []
        self.output: list[int] = []
        self.weight: list[float] = []

    def add(self, tree: "Tree", output: int, column: int) -> None:
        """Add a tree whose leaves' values of a column count for an output."""
        first = len(self.feature)
        self.roots.append(first)
        inner = np.flatnonzero(tree.feature >= 0).tolist()
        leaves = np.flatnonzero(tree.feature < 0).tolist()
        inner_at = {node: first + at for at, node in enumerate(inner)}
        leaf_at = {node: len(self.weight) + at for at, node in enumerate(leaves)}
        self.output += [output] * len(leaves)
        self.weight += tree.value[leaves, column].tolist()
        if not inner:  # one leaf alone: a node whose both sides lead to it
            self._node(0, 0.0, (leaf_at[0], 1), (leaf_at[0], 1), 0)
        for node in inner:
            sides = [
                (leaf_at[child], 1) if child in leaf_at else (inner_at[child], 0)
                for child in (int(tree.left[node]), int(tree.right[node]))
            ]
            missing = int(tree.missing_left[node])
            self._node(
                int(tree.feature[node]), float(tree.threshold[node]), sides[0], sides[1], missing
            )

    def _node(
        self,
        feature: int,
        threshold: float,
        left: tuple[int, int],
        right: tuple[int, int],
        missing_left: int,
    ) -> None:
        self.feature.append(feature)
        self.threshold.append(threshold)
        self.left.append(left[0])
        self.left_leaf.append(left[1])
        self.right.append(right[0])
        self.right_leaf.append(right[1])
        self.missing_left.append(missing_left)


def _file(nodes: list[Any], weights: list[Any], width: int, outputs: int) -> bytes:
    onnx = _onnx()
    helper, double = onnx.helper, onnx.TensorProto.DOUBLE
    graph = helper.make_graph(
        nodes,
        "scorer",
        [helper.make_tensor_value_info("x", double, [None, width])],
        [helper.make_tensor_value_info("y", double, [None, outputs])],
        weights,
    )
    opsets = [helper.make_opsetid("", VERSION), helper.make_opsetid("ai.onnx.ml", ML_VERSION)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    return bytes(model.SerializeToString(deterministic=True))


def _onnx() -> Any:
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise UnsupportedError(
            "ONNX without the package `onnx`",
            expected="the extra `onnx`",
            run="pip install -c constraints.txt -e '.[onnx]'",
        ) from error
    return onnx
