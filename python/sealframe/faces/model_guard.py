"""A face model of an operator's own, checked before ONNX Runtime sees it.

Such a model may use any standard operator, so the list of operators for the networks of sealframe does not hold here.
But it is one file that computes one thing. It has

- no weights in other files,
- no inner graphs that are chosen or repeated while it runs,
- no operators or functions of its own,
- no weights that are not finite.

The file is read once: the bytes that are checked are the bytes that are hashed and run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from sealframe.errors import ModelError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

MAX_BYTES = 1 << 30
_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}

# Field numbers of onnx.proto.
_MODEL_GRAPH, _MODEL_OPERATOR_SET, _MODEL_TRAINING, _MODEL_FUNCTION = 7, 8, 20, 25
_OPERATOR_SET_DOMAIN = 1
_GRAPH_NODE, _GRAPH_CONSTANT, _GRAPH_SPARSE_CONSTANT = 1, 5, 15
_NODE_ATTRIBUTE, _NODE_DOMAIN = 5, 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_TENSOR_TYPE, _TENSOR_FLOATS, _TENSOR_RAW, _TENSOR_ELSEWHERE, _TENSOR_LOCATION = 2, 4, 9, 13, 14
_FLOATS = {1: "<f4", 10: "<f2", 11: "<f8"}

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


class _Refused(Exception):
    """Why a model is refused, as the end of a sentence."""


def read_owner_model(path: str | os.PathLike[str]) -> bytes:
    """Read a model and check it.

    Parameters
    ----------
    path : path-like
        An ONNX file of at most 1 GiB.

    Returns
    -------
    bytes
        The content of the file.

    Raises
    ------
    ModelError
        When the file cannot be read, is too large, or does what no model here may.
    """
    file = Path(path)
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ModelError(f"{path} is larger than 1 GiB; give a smaller model.")
        content = file.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        _check_model(memoryview(content))
    except _Refused as reason:
        raise ModelError(f"{path} is refused: {reason}; give another model.") from None
    return content


def _check_model(model: memoryview) -> None:
    for number, value in _fields(model):
        if number == _MODEL_GRAPH:
            _check_graph(_message(value))
        elif number == _MODEL_OPERATOR_SET:
            _check_domain(_message(value), _OPERATOR_SET_DOMAIN)
        elif number in {_MODEL_TRAINING, _MODEL_FUNCTION}:
            _refuse("the file contains functions or training data")


def _check_graph(graph: memoryview) -> None:
    for number, value in _fields(graph):
        if number == _GRAPH_NODE:
            _check_node(_message(value))
        elif number == _GRAPH_CONSTANT:
            _check_tensor(_message(value))
        elif number == _GRAPH_SPARSE_CONSTANT:
            _refuse("the file contains sparse weights")


def _check_node(node: memoryview) -> None:
    _check_domain(node, _NODE_DOMAIN)
    for number, value in _fields(node):
        if number == _NODE_ATTRIBUTE:
            _check_attribute(_message(value))


def _check_attribute(attribute: memoryview) -> None:
    for number, value in _fields(attribute):
        if number in {_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS}:
            _check_tensor(_message(value))
        elif number in {_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS}:
            _refuse("the network uses If, Loop or Scan")


def _check_domain(message: memoryview, field: int) -> None:
    for number, value in _fields(message):
        if number == field and bytes(_message(value)).decode("utf-8", "replace") not in _DOMAINS:
            _refuse("the network needs operators that ONNX Runtime lacks")


def _check_tensor(tensor: memoryview) -> None:
    found = dict(_fields(tensor))
    if found.get(_TENSOR_LOCATION, 0) or _TENSOR_ELSEWHERE in found:
        _refuse("some weights are stored in other files")
    for number, value in _fields(tensor):
        if number in {_TENSOR_FLOATS, _TENSOR_RAW} and not isinstance(value, int):
            _check_numbers(value, found.get(_TENSOR_TYPE, 0))


def _check_numbers(values: memoryview, type_: int | memoryview) -> None:
    width = _FLOATS.get(type_) if isinstance(type_, int) else None
    if width is None:
        return
    if len(values) % np.dtype(width).itemsize:
        _refuse("a weight is truncated")
    if not np.isfinite(np.frombuffer(values, width)).all():
        _refuse("a weight is not finite")


def _message(value: int | memoryview) -> memoryview:
    return _refuse("some fields have the wrong type") if isinstance(value, int) else value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Numbers and values of a protobuf message's fields: an integer, or the bytes of what is longer."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        if key & 7 == _VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if key & 7 == _BYTES:
            length, at = _varint(message, at)
        elif key & 7 in {_EIGHT_BYTES, _FOUR_BYTES}:
            length = 8 if key & 7 == _EIGHT_BYTES else 4
        else:
            _refuse("the file is not an ONNX file")
        if length > len(message) - at:
            _refuse("the file is truncated or not an ONNX file")
        yield key >> 3, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise _Refused("the file is truncated or not an ONNX file")


def _refuse(reason: str) -> NoReturn:
    raise _Refused(reason)
