"""Write integer networks as ONNX graphs of quantised operators, NHWC, byte for byte reproducible.

No float tensor enters or leaves a graph and none runs through it: the floats inside are the requantisation scales, one
multiplication and one rounding each, which every processor does alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

OPSET = 17
IR_VERSION = 8
QUANTISED = "com.microsoft"


class GraphWriter:
    """Collects nodes and constants; every method adds one operator and returns the name of its output."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add a named constant."""
        self._constants[name] = numpy_helper.from_array(np.array(values, order="C"), name)
        return name

    def _quantum(self, name: str, step: float | NDArray[np.float32], zero: int) -> list[str]:
        """Add scale and uint8 zero point of the tensor `name`."""
        return [
            self.constant(f"{name}.scale", np.asarray(step, np.float32)),
            self.constant(f"{name}.zero", np.asarray(zero, np.uint8)),
        ]

    def _weights(self, name: str, weights: NDArray[np.int8], steps: NDArray[np.float32]) -> list[str]:
        zeros = np.zeros(steps.shape, np.int8)
        return [
            self.constant(f"{name}.weight", weights),
            self.constant(f"{name}.weight.scale", steps.astype(np.float32)),
            self.constant(f"{name}.weight.zero", zeros),
        ]

    def add(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], domain: str = "", **attributes: Any
    ) -> str:
        """Add any operator; return its first output."""
        name = f"{outputs[0]}.{operator}"
        self._nodes.append(helper.make_node(operator, inputs, outputs, name, domain=domain, **attributes))
        return outputs[0]

    def dense(
        self,
        name: str,
        source: str,
        quanta: tuple[tuple[float, int], tuple[float, int]],
        weights: NDArray[np.int8],
        steps: NDArray[np.float32],
        bias: NDArray[np.int32],
    ) -> str:
        """Add a fully connected layer; `weights` are (inputs, outputs), `quanta` (step, zero) of input and output."""
        inputs = [source, *self._quantum(f"{name}.in", *quanta[0]), *self._weights(name, weights, steps)]
        inputs += [self.constant(f"{name}.bias", bias), *self._quantum(f"{name}.out", *quanta[1])]
        return self.add("QGemm", inputs, [name], QUANTISED)

    def convolution(
        self,
        name: str,
        source: str,
        quanta: tuple[tuple[float, int], tuple[float, int]],
        weights: NDArray[np.int8],
        steps: NDArray[np.float32],
        pads: Sequence[int],
        bias: NDArray[np.int32] | None = None,
        stride: int = 1,
    ) -> str:
        """Add a convolution on NHWC maps; `weights` are (co, ci, kh, kw)."""
        inputs = [source, *self._quantum(f"{name}.in", *quanta[0]), *self._weights(name, weights, steps)]
        inputs += self._quantum(f"{name}.out", *quanta[1])
        if bias is not None:
            inputs.append(self.constant(f"{name}.bias", bias))
        attributes = {
            "kernel_shape": weights.shape[2:],
            "pads": list(pads),
            "strides": [stride, stride],
            "channels_last": 1,
        }
        return self.add("QLinearConv", inputs, [name], QUANTISED, **attributes)

    def sigmoid(self, name: str, source: str, quanta: tuple[tuple[float, int], tuple[float, int]]) -> str:
        """Add a sigmoid on uint8: a table of 256 entries once the graph is loaded."""
        inputs = [source, *self._quantum(f"{name}.in", *quanta[0]), *self._quantum(f"{name}.out", *quanta[1])]
        return self.add("QLinearSigmoid", inputs, [name], QUANTISED)

    def reshape(self, name: str, source: str, shape: Sequence[int]) -> str:
        """Add a reshape; -1 stands for the number of tiles."""
        return self.add("Reshape", [source, self.constant(f"{name}.shape", np.array(shape, np.int64))], [name])

    def interleave(self, name: str, phases: Sequence[str], side: int, channels: int) -> str:
        """Join four phases (n, side, side, channels), row phase first, to their map (n, 2 side, 2 side, channels)."""
        even = self.add("Concat", phases[:2], [f"{name}.even"], axis=3)
        odd = self.add("Concat", phases[2:], [f"{name}.odd"], axis=3)
        rows = self.add("Concat", [even, odd], [f"{name}.rows"], axis=2)
        return self.reshape(name, rows, (-1, 2 * side, 2 * side, channels))

    def rows_of_blocks(self, name: str, patches: str, side: int, channels: int) -> str:
        """Lay patches of 2x2 blocks (n, side, side, 4 channels) out as (n, 2 side, 2 side, channels)."""
        halves = self.reshape(f"{name}.halves", patches, (-1, side, 2, 2 * channels))
        rows = self.add("Transpose", [halves], [f"{name}.rows"], perm=[0, 2, 1, 3])
        return self.reshape(name, rows, (-1, 2 * side, 2 * side, channels))

    def model(self, name: str, inputs: dict[str, Sequence[int]], outputs: dict[str, Sequence[int]]) -> bytes:
        """Serialise; `inputs` and `outputs` name uint8 tensors with their shape behind the free first axis."""
        constants = list(self._constants.values())
        graph = helper.make_graph(self._nodes, name, _values(inputs), _values(outputs), constants)
        operators = [helper.make_opsetid("", OPSET), helper.make_opsetid(QUANTISED, 1)]
        model = helper.make_model(
            graph, opset_imports=operators, ir_version=IR_VERSION, producer_name="sealframe", producer_version="1"
        )
        onnx.checker.check_model(model)
        serialised: bytes = model.SerializeToString(deterministic=True)
        return serialised

    def continuation(self, outputs: dict[str, Sequence[int]]) -> bytes:
        """Serialise what merges with a model whose bytes come before: nodes, constants and more outputs, no header.

        The outputs have two of their shape for every tile.
        """
        model = onnx.ModelProto()
        model.graph.node.extend(self._nodes)
        model.graph.initializer.extend(self._constants.values())
        model.graph.output.extend(_values(outputs, "2 tiles"))
        serialised: bytes = model.SerializePartialToString(deterministic=True)
        return serialised


def _values(shapes: dict[str, Sequence[int]], axis: str = "tiles") -> list[onnx.ValueInfoProto]:
    """Describe uint8 tensors with a free first axis of this name."""
    return [helper.make_tensor_value_info(key, TensorProto.UINT8, [axis, *shape]) for key, shape in shapes.items()]
