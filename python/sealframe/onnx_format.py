"""ONNX files, read strictly and without the onnx package: what a network may hold, before a session exists.

An ONNX file is one protobuf message, and messages that follow each other merge: a graph written in two files is the
graph with the nodes, constants and outputs of both. Whatever is not named here is refused: fields, operators, types,
attributes, shapes. The weights are checked for what makes the outputs equal on every CPU: within +-63, so that two
products fit 16 bits, and no sum beyond 32 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np

from sealframe.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Shape: TypeAlias = tuple[int, ...]

OPERATOR_SETS = {"": 17, "com.microsoft": 1}
"""Version of each operator domain that is known here."""
IR_VERSIONS = range(4, 11)
TILES = {"tiles": 1, "2 tiles": 2}
"""How often inputs and outputs occur for every tile, by the name of their free first axis."""
MAX_NODES = 256
MAX_CONSTANTS = 1024
MAX_RANK = 8
MAX_ELEMENTS = 1 << 20
"""Elements of any tensor, for one tile."""
MAX_PRODUCTS = 1 << 28
"""Multiplications of the whole network, for one tile."""
MAX_KERNEL = 7
LARGEST_WEIGHT = 63

_VARINT, _BYTES = 0, 2
_Schema: TypeAlias = Mapping[int, tuple[str, int, bool]]
"""Field number -> name, wire type, whether it may occur more than once."""
_Record: TypeAlias = dict[str, list[Any]]

_MODEL: _Schema = {
    1: ("ir_version", _VARINT, False),
    2: ("producer_name", _BYTES, False),
    3: ("producer_version", _BYTES, False),
    4: ("domain", _BYTES, False),
    5: ("model_version", _VARINT, False),
    6: ("doc_string", _BYTES, False),
    7: ("graph", _BYTES, True),
    8: ("opset_import", _BYTES, True),
}
_OPERATOR_SET: _Schema = {1: ("domain", _BYTES, False), 2: ("version", _VARINT, False)}
_GRAPH: _Schema = {
    1: ("node", _BYTES, True),
    2: ("name", _BYTES, False),
    5: ("initializer", _BYTES, True),
    10: ("doc_string", _BYTES, False),
    11: ("input", _BYTES, True),
    12: ("output", _BYTES, True),
}
_NODE: _Schema = {
    1: ("input", _BYTES, True),
    2: ("output", _BYTES, True),
    3: ("name", _BYTES, False),
    4: ("op_type", _BYTES, False),
    5: ("attribute", _BYTES, True),
    6: ("doc_string", _BYTES, False),
    7: ("domain", _BYTES, False),
}
_ATTRIBUTE: _Schema = {
    1: ("name", _BYTES, False),
    3: ("i", _VARINT, False),
    8: ("ints", _VARINT, True),
    20: ("type", _VARINT, False),
}
_TENSOR: _Schema = {
    1: ("dims", _VARINT, True),
    2: ("data_type", _VARINT, False),
    8: ("name", _BYTES, False),
    9: ("raw_data", _BYTES, False),
}
_VALUE: _Schema = {1: ("name", _BYTES, False), 2: ("type", _BYTES, False)}
_TYPE: _Schema = {1: ("tensor_type", _BYTES, False)}
_TENSOR_TYPE: _Schema = {1: ("elem_type", _VARINT, False), 2: ("shape", _BYTES, False)}
_SHAPE: _Schema = {1: ("dim", _BYTES, True)}
_DIMENSION: _Schema = {1: ("value", _VARINT, False), 2: ("parameter", _BYTES, False)}

_UINT8 = 2
_DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    2: np.dtype("u1"),
    3: np.dtype("i1"),
    6: np.dtype("<i4"),
    7: np.dtype("<i8"),
}


class _Refused(Exception):
    """Why a network is refused, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Names and shapes for one tile of a network's tensors, all uint8; the first axis grows with the tiles."""

    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class _Node:
    operator: tuple[str, str]
    """Domain and name."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, int | Shape]


@dataclass(slots=True)
class _Network:
    """A graph with its constants, and the products that running it takes."""

    nodes: list[_Node] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    inputs: dict[str, Shape] = field(default_factory=dict)
    outputs: dict[str, Shape] = field(default_factory=dict)
    products: int = 0


def check_network(name: str, content: bytes, signature: Signature) -> None:
    """Raise ModelError unless `content` is a network of this signature that may be run here."""
    try:
        network = _read_network(memoryview(content))
        if (network.inputs, network.outputs) != (dict(signature.inputs), dict(signature.outputs)):
            _refuse("its inputs and outputs are not those in the manifest")
        for tiles in (1, 3):
            _infer_shapes(network, tiles)
    except _Refused as reason:
        raise ModelError(f'The network "{name}" is refused: {reason}.') from None


def _refuse(reason: str) -> NoReturn:
    raise _Refused(reason)


# ---- The wire format


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    """The signed 64-bit number at a place, and the place behind it."""
    value = 0
    for index in range(10):
        if at + index >= len(data):
            _refuse("the file is truncated")
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            value &= (1 << 64) - 1
            return value - (value >> 63 << 64), at + index + 1
    _refuse("a number in the file has no end")


def _read_record(data: memoryview, schema: _Schema, what: str) -> _Record:
    """All fields of a message: numbers, and the bytes of texts and inner messages."""
    record: _Record = {name: [] for name, _, _ in schema.values()}
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, wire = key >> 3, key & 7
        if number not in schema:
            _refuse(f"its {what} holds field {number}, which is not allowed")
        name, expected, repeated = schema[number]
        if wire == _VARINT == expected:
            value, at = _read_varint(data, at)
            record[name].append(value)
        elif wire == _BYTES:
            length, at = _read_varint(data, at)
            if not 0 <= length <= len(data) - at:
                _refuse("the file is truncated")
            inner, at = data[at : at + length], at + length
            if expected == _BYTES:
                record[name].append(inner)
            elif repeated:
                record[name] += _read_packed(inner)
            else:
                _refuse(f"the field {name} of its {what} has the wrong type")
        else:
            _refuse(f"the field {name} of its {what} has the wrong type")
        if not repeated and len(record[name]) > 1:
            _refuse(f"its {what} holds the field {name} twice")
    return record


def _read_packed(data: memoryview) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _read_varint(data, at)
        values.append(value)
    return values


def _text(values: list[Any]) -> str:
    """The text of a field that occurs at most once."""
    try:
        return str(values[0], "utf-8") if values else ""
    except UnicodeDecodeError:
        _refuse("a name in it is not valid UTF-8")


def _number(values: list[Any]) -> int:
    return int(values[0]) if values else 0


# ---- From records to a network


def _read_network(content: memoryview) -> _Network:
    model = _read_record(content, _MODEL, "model")
    if _number(model["ir_version"]) not in IR_VERSIONS:
        _refuse(f"its ONNX version {_number(model['ir_version'])} is not known here")
    _check_operator_sets([_read_record(each, _OPERATOR_SET, "operator set") for each in model["opset_import"]])
    network = _Network()
    for content_of_graph in model["graph"]:
        graph = _read_record(content_of_graph, _GRAPH, "graph")
        network.nodes += [_read_node(each) for each in graph["node"]]
        if len(network.nodes) > MAX_NODES or len(network.constants) + len(graph["initializer"]) > MAX_CONSTANTS:
            _refuse("the network has too many nodes or constants")
        for each in graph["initializer"]:
            _add(network.constants, *_read_constant(each))
        for each in graph["input"]:
            _add(network.inputs, *_read_value(each))
        for each in graph["output"]:
            _add(network.outputs, *_read_value(each))
    return network


def _add(named: dict[str, Any], name: str, value: Any) -> None:
    if not name or name in named:
        _refuse(f'the name "{name}" is given twice or empty')
    named[name] = value


def _check_operator_sets(sets: Sequence[_Record]) -> None:
    found = [(_text(each["domain"]), _number(each["version"])) for each in sets]
    for domain, version in found:
        if OPERATOR_SETS.get(domain) != version:
            _refuse(f'version {version} of the operators "{domain or "ai.onnx"}" is not known here')
    if len({domain for domain, _ in found}) != len(found) or not found:
        _refuse("the operator sets are missing or named twice")


def _read_node(content: memoryview) -> _Node:
    node = _read_record(content, _NODE, "node")
    domain, operator = _text(node["domain"]), _text(node["op_type"])
    if (domain, operator) not in _OPERATORS:
        _refuse(f'the operator {operator} of "{domain or "ai.onnx"}" is not allowed')
    attributes: dict[str, int | Shape] = {}
    for each in node["attribute"]:
        attribute = _read_record(each, _ATTRIBUTE, f"attribute of {operator}")
        kind = _number(attribute["type"])
        if kind not in (2, 7):
            _refuse(f"an attribute of {operator} is neither an integer nor a list of integers")
        value = _number(attribute["i"]) if kind == 2 else tuple(attribute["ints"])
        _add(attributes, _text(attribute["name"]), value)
    inputs, outputs = (tuple(_text([each]) for each in node[key]) for key in ("input", "output"))
    return _Node((domain, operator), inputs, outputs, attributes)


def _read_constant(content: memoryview) -> tuple[str, NDArray[Any]]:
    tensor = _read_record(content, _TENSOR, "constant")
    name, dims = _text(tensor["name"]), tuple(tensor["dims"])
    if _number(tensor["data_type"]) not in _DTYPES:
        _refuse(f'the constant "{name}" is of a type that is not allowed')
    dtype = _DTYPES[_number(tensor["data_type"])]
    if len(dims) > MAX_RANK or any(not 1 <= size <= MAX_ELEMENTS for size in dims):
        _refuse(f'the shape of the constant "{name}" is out of bounds')
    raw = tensor["raw_data"][0] if tensor["raw_data"] else memoryview(b"")
    if len(raw) != prod(dims) * dtype.itemsize:
        _refuse(f'the constant "{name}" does not hold the bytes that its shape takes')
    return name, np.frombuffer(raw, dtype).reshape(dims)


def _read_value(content: memoryview) -> tuple[str, Shape]:
    """Name and shape for one tile of an input or output."""
    value = _read_record(content, _VALUE, "value")
    record = value
    for key, schema in (("type", _TYPE), ("tensor_type", _TENSOR_TYPE)):
        record = _read_record(record[key][0] if record[key] else memoryview(b""), schema, "value")
    dims = _read_record(record["shape"][0] if record["shape"] else memoryview(b""), _SHAPE, "shape")["dim"]
    sizes = [_read_record(each, _DIMENSION, "shape") for each in dims]
    axis = "" if not sizes or sizes[0]["value"] else _text(sizes[0]["parameter"])
    if _number(record["elem_type"]) != _UINT8 or axis not in TILES:
        _refuse("an input or output is not uint8 with a free number of tiles")
    return _text(value["name"]), (TILES[axis], *(_number(size["value"]) for size in sizes[1:]))


# ---- Shapes, node by node


class _Arguments:
    """What an operator reads: shapes of tensors, and constants."""

    def __init__(self, node: _Node, shapes: Mapping[str, Shape], constants: Mapping[str, NDArray[Any]]) -> None:
        self.node = node
        self._shapes = shapes
        self._constants = constants

    def refuse(self, reason: str) -> NoReturn:
        _refuse(f"{reason} (operator {self.node.operator[1]}, output {self.node.outputs[0]})")

    def shape(self, index: int) -> Shape:
        """Shape of a tensor that is computed, or of a uint8 constant in its place."""
        name = self.node.inputs[index]
        if name in self._shapes:
            return self._shapes[name]
        return self.constant(index, np.uint8).shape

    def constant(self, index: int, dtype: type[np.generic], rank: int | None = None) -> NDArray[Any]:
        name = self.node.inputs[index]
        if name not in self._constants:
            self.refuse(f'"{name}" must be a constant')
        value = self._constants[name]
        if value.dtype != np.dtype(dtype) or rank not in (None, value.ndim):
            self.refuse(f'the constant "{name}" is of the wrong type or rank')
        return value

    def expect(self, inputs: range, outputs: range, attributes: set[str]) -> None:
        """Refuse another number of inputs or outputs, or other attributes."""
        counts = len(self.node.inputs) in inputs and len(self.node.outputs) in outputs
        if not counts or set(self.node.attributes) != attributes or "" in self.node.inputs:
            self.refuse("an operator has other inputs, outputs or attributes than any here")

    def numbers(self, name: str, count: int, allowed: range) -> Shape:
        """An attribute that is a list of so many numbers."""
        value = self.node.attributes[name]
        if not isinstance(value, tuple) or len(value) != count or any(each not in allowed for each in value):
            self.refuse(f"the attribute {name} is out of bounds")
        return value

    def axis(self, rank: int) -> int:
        axis = self.node.attributes["axis"]
        if not isinstance(axis, int) or not 0 <= axis < rank:
            self.refuse("the attribute axis is out of bounds")
        return axis

    def quantum(self, scale: int, dtype: type[np.generic] = np.uint8, count: int = 1) -> None:
        """Check a scale, float32, and the zero point that follows it."""
        steps, zeros = self.constant(scale, np.float32), self.constant(scale + 1, dtype)
        if not (np.isfinite(steps).all() and (steps > 0).all()):
            self.refuse("a scale is not a positive number")
        if steps.size not in (1, count) or zeros.size not in (1, count):
            self.refuse("scales or zero points are not as many as channels")
        if dtype is np.int8 and zeros.any():
            self.refuse("a zero point of weights is not zero")

    def weights(self, index: int, outputs_axis: int, bias: int | None) -> NDArray[np.int8]:
        """Check weights, their scales, and that no sum of theirs overflows."""
        weights = self.constant(index, np.int8, 2 if outputs_axis else 4)
        if max(int(weights.max()), -int(weights.min())) > LARGEST_WEIGHT:
            self.refuse(f"a weight is beyond {LARGEST_WEIGHT}, where processors differ")
        outputs = weights.shape[outputs_axis]
        self.quantum(index + 1, np.int8, outputs)
        summed = tuple(axis for axis in range(weights.ndim) if axis != outputs_axis)
        reach = 255 * np.abs(weights).sum(summed, dtype=np.int64)
        if bias is not None:
            offsets = self.constant(bias, np.int32, 1)
            if offsets.shape != (outputs,):
                self.refuse("offsets are not as many as channels")
            reach = reach + np.abs(offsets.astype(np.int64))
        if reach.max() >= 1 << 31:
            self.refuse("a sum can overflow 32 bits")
        return weights


def _infer_shapes(network: _Network, tiles: int) -> None:
    """Follow the shapes through the graph; refuse what does not fit, is too large or has no source."""
    shapes = {name: (tiles * shape[0], *shape[1:]) for name, shape in network.inputs.items()}
    network.products = 0
    for node in network.nodes:
        arguments = _Arguments(node, shapes, network.constants)
        if not node.outputs or any(name not in shapes and name not in network.constants for name in node.inputs):
            _refuse(f"the operator {node.operator[1]} reads what nothing has computed, or computes nothing")
        results = _OPERATORS[node.operator](arguments, network)
        for name, shape in zip(node.outputs, results, strict=True):
            if (
                name in network.constants
                or prod(shape) > tiles * MAX_ELEMENTS
                or network.products > tiles * MAX_PRODUCTS
            ):
                _refuse(f'the tensor "{name}" is too large, or a constant too')
            _add(shapes, name, shape)
    for name, shape in network.outputs.items():
        if shapes.get(name) != (tiles * shape[0], *shape[1:]):
            _refuse(f'the output "{name}" has another shape than it says')


def _reshape(arguments: _Arguments, _: _Network) -> list[Shape]:
    arguments.expect(range(2, 3), range(1, 2), set())
    source, wanted = arguments.shape(0), [int(size) for size in arguments.constant(1, np.int64, 1)]
    known = prod(size for size in wanted if size != -1)
    if len(wanted) > MAX_RANK or wanted.count(-1) > 1 or any(size < -1 or size == 0 for size in wanted):
        arguments.refuse("a shape is out of bounds")
    shape = tuple(prod(source) // known if size == -1 else size for size in wanted)
    if prod(shape) != prod(source):
        arguments.refuse("a tensor does not fit its new shape")
    return [shape]


def _transpose(arguments: _Arguments, _: _Network) -> list[Shape]:
    arguments.expect(range(1, 2), range(1, 2), {"perm"})
    source = arguments.shape(0)
    order = arguments.numbers("perm", len(source), range(len(source)))
    if len(set(order)) != len(source):
        arguments.refuse("the attribute perm names an axis twice")
    return [tuple(source[axis] for axis in order)]


def _concat(arguments: _Arguments, _: _Network) -> list[Shape]:
    arguments.expect(range(1, 17), range(1, 2), {"axis"})
    sources = [arguments.shape(index) for index in range(len(arguments.node.inputs))]
    axis = arguments.axis(len(sources[0]))
    rests = {(*source[:axis], *source[axis + 1 :]) for source in sources}
    if len(rests) != 1 or len({len(source) for source in sources}) != 1:
        arguments.refuse("tensors of different shapes cannot be joined")
    return [(*sources[0][:axis], sum(source[axis] for source in sources), *sources[0][axis + 1 :])]


def _maximum(arguments: _Arguments, _: _Network) -> list[Shape]:
    arguments.expect(range(2, 3), range(1, 2), set())
    source, floor = arguments.shape(0), arguments.shape(1)
    if not floor or floor != source[-len(floor) :]:
        arguments.refuse("a tensor and its lower limits have different shapes")
    return [source]


def _dense(arguments: _Arguments, network: _Network) -> list[Shape]:
    arguments.expect(range(9, 10), range(1, 2), set())
    source, weights = arguments.shape(0), arguments.weights(3, 1, bias=6)
    arguments.quantum(1)
    arguments.quantum(7)
    if len(source) != 2 or source[1] != weights.shape[0]:
        arguments.refuse("weights do not fit the tensor")
    network.products += source[0] * weights.size
    return [(source[0], weights.shape[1])]


def _convolution(arguments: _Arguments, network: _Network) -> list[Shape]:
    arguments.expect(range(8, 10), range(1, 2), {"channels_last", "kernel_shape", "pads", "strides"})
    bias = 8 if len(arguments.node.inputs) == 9 else None
    source, weights = arguments.shape(0), arguments.weights(3, 0, bias)
    arguments.quantum(1)
    arguments.quantum(6)
    kernel = arguments.numbers("kernel_shape", 2, range(1, MAX_KERNEL + 1))
    pads = arguments.numbers("pads", 4, range(MAX_KERNEL))
    strides = arguments.numbers("strides", 2, range(1, MAX_KERNEL + 1))
    if arguments.node.attributes["channels_last"] != 1 or kernel != weights.shape[2:]:
        arguments.refuse("a kernel has another shape than it says")
    if len(source) != 4 or source[3] != weights.shape[1]:
        arguments.refuse("weights do not fit the tensor")
    sides = [(source[1 + i] + pads[i] + pads[2 + i] - kernel[i]) // strides[i] + 1 for i in range(2)]
    if min(sides) < 1:
        arguments.refuse("a kernel is larger than its tensor")
    network.products += source[0] * prod(sides) * weights.size
    return [(source[0], *sides, weights.shape[0])]


def _sigmoid(arguments: _Arguments, _: _Network) -> list[Shape]:
    arguments.expect(range(5, 6), range(1, 2), set())
    arguments.quantum(1)
    arguments.quantum(3)
    return [arguments.shape(0)]


_OPERATORS: dict[tuple[str, str], Callable[[_Arguments, _Network], list[Shape]]] = {
    ("", "Concat"): _concat,
    ("", "Max"): _maximum,
    ("", "Reshape"): _reshape,
    ("", "Transpose"): _transpose,
    ("com.microsoft", "QGemm"): _dense,
    ("com.microsoft", "QLinearConv"): _convolution,
    ("com.microsoft", "QLinearSigmoid"): _sigmoid,
}
"""Domain and name of every operator that a network may use; OPERATOR_SETS has the versions."""
