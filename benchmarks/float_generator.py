"""The shipped generator in float32, for the peers: the same layers and weights, without the integers."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray

RELU = ("spread", "grow00", "grow01", "grow10", "grow11")


@cache
def float_generator() -> bytes:
    """An ONNX model from `image`, float32 (tiles, 1024) in block order, to `derived`, float32 (tiles, 16, 8, 8)."""
    graph = onnx.load_from_string(files("sealframe").joinpath("models", "generator.onnx").read_bytes()).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    constants = _dense(values) | _convolutions(graph, values)
    nodes = [
        helper.make_node("Gemm", ["image", "dense.weight", "dense.bias"], ["dense"]),
        helper.make_node("Max", ["dense", "floor"], ["normalised"]),
        helper.make_node("Reshape", ["normalised", "latent.shape"], ["latent"]),
    ]
    for node in graph.node:
        if node.op_type == "QLinearConv":
            name, wide = node.output[0], f"{node.output[0]}.sum"
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute if a.name != "channels_last"}
            nodes.append(helper.make_node("Conv", [node.input[0], f"{name}.weight"], [wide], **attributes))
            nodes.append(
                helper.make_node("Relu" if name in RELU else "Tanh", [wide], [name if name in RELU else "derived"])
            )
        elif list(node.output) == ["grow"]:
            nodes.append(helper.make_node("Concat", RELU[1:], ["phases"], axis=1))
            nodes.append(helper.make_node("DepthToSpace", ["phases"], ["grow"], blocksize=2))
    tensors = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["tiles", 1024])
    derived = helper.make_tensor_value_info("derived", TensorProto.FLOAT, ["tiles", 16, 8, 8])
    model = helper.make_model(
        helper.make_graph(nodes, "float generator", [image], [derived], tensors),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=10,
    )
    return bytes(model.SerializeToString())


def _dense(values: dict[str, NDArray]) -> dict[str, NDArray]:
    """Outputs reordered from position, channel to channel, position."""

    def reordered(array: NDArray) -> NDArray:
        return array.reshape(*array.shape[:-1], 64, 16).swapaxes(-1, -2).reshape(array.shape).astype(np.float32)

    steps = values["dense.weight.scale"]
    return {
        "dense.weight": reordered(values["dense.weight"] * steps),
        "dense.bias": reordered(values["dense.bias"] * steps * values["dense.in.scale"]),
        "floor": reordered(values["floor"] * values["dense.out.scale"]),
        "latent.shape": np.array([-1, 16, 8, 8]),
    }


def _convolutions(graph: onnx.GraphProto, values: dict[str, NDArray]) -> dict[str, NDArray]:
    names = [node.output[0] for node in graph.node if node.op_type == "QLinearConv"]
    return {
        f"{name}.weight": (values[f"{name}.weight"] * values[f"{name}.weight.scale"].reshape(-1, 1, 1, 1)).astype(
            np.float32
        )
        for name in names
    }
