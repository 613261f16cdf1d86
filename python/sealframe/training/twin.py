"""The float twin of an integer graph: the same weights and layers, computed in float32 without any rounding between.

What separates the two is the rounding of the tensors alone, so the twin says how much of the quality integers cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F  # noqa: N812
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


class FloatTwin:
    """Runs an integer graph in float32. Raises ValueError for a graph with an operator that it does not know."""

    def __init__(self, serialised: bytes) -> None:
        model = onnx.load_from_string(serialised)
        self._nodes = list(model.graph.node)
        self._outputs = [output.name for output in model.graph.output]
        self._constants = {c.name: numpy_helper.to_array(c) for c in model.graph.initializer}
        self._steps: dict[str, float] = {}

    def _real(self, name: str) -> Tensor:
        return torch.from_numpy(self._constants[name].astype(np.float32))

    def _weights(self, weight: str, steps: str, axis: int) -> Tensor:
        shape = [1] * self._constants[weight].ndim
        shape[axis] = -1
        return self._real(weight) * self._real(steps).reshape(shape)

    def _activate(self, name: str, values: Tensor, step: str, zero: str) -> Tensor:
        """Zero point 0 is how the graph spells relu."""
        self._steps[name] = self._constants[step].item()
        return F.relu(values) if self._constants[zero].item() == 0 else values

    def _dense(self, node: onnx.NodeProto, source: Tensor) -> Tensor:
        _, step, _, weight, steps, _, bias, out_step, out_zero = node.input
        offset = self._real(bias) * self._real(step) * self._real(steps)
        values = source @ self._weights(weight, steps, 1) + offset
        return self._activate(node.output[0], values, out_step, out_zero)

    def _convolution(self, node: onnx.NodeProto, source: Tensor) -> Tensor:
        _, step, _, weight, steps, _, out_step, out_zero = node.input[:8]
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        top, left, bottom, right = attributes["pads"]
        maps = F.pad(source.permute(0, 3, 1, 2), (left, right, top, bottom))
        bias = self._real(node.input[8]) * self._real(step) * self._real(steps) if len(node.input) > 8 else None
        stride = attributes["strides"]
        values = F.conv2d(maps, self._weights(weight, steps, 0), bias, stride).permute(0, 2, 3, 1)
        return self._activate(node.output[0], values, out_step, out_zero)

    def _axis(self, node: onnx.NodeProto) -> int:
        return int(helper.get_attribute_value(node.attribute[0]))

    def _apply(self, node: onnx.NodeProto, values: dict[str, Tensor]) -> list[Tensor]:
        sources = [values[name] for name in node.input if name in values]
        match node.op_type:
            case "Reshape":
                self._steps[node.output[0]] = self._steps.get(node.input[0], 0.0)
                return [sources[0].reshape(self._constants[node.input[1]].tolist())]
            case "Transpose":
                return [sources[0].permute(helper.get_attribute_value(node.attribute[0]))]
            case "QGemm":
                return [self._dense(node, sources[0])]
            case "Max":
                return [torch.maximum(sources[0], self._real(node.input[1]) * self._steps[node.input[0]])]
            case "QLinearConv":
                return [self._convolution(node, sources[0])]
            case "QLinearSigmoid":
                stretch = self._constants[node.input[1]].item() / self._steps[node.input[0]]
                return [torch.sigmoid(stretch * sources[0])]
            case "Concat":
                return [torch.cat(sources, self._axis(node))]
            case other:
                raise ValueError(f"no float twin of the operator {other}")

    @torch.no_grad()
    def run(self, **inputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Map real-valued inputs to real-valued outputs by name; a sigmoid's are in 0 to 1."""
        values = {name: torch.from_numpy(tensor).float() for name, tensor in inputs.items()}
        for node in self._nodes:
            values |= zip(node.output, self._apply(node, values), strict=True)
        return {name: values[name].numpy() for name in self._outputs}
