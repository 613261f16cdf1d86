"""An operator's model is looked through before it runs (A48)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sealframe.errors import ModelError
from sealframe.faces import model_guard
from sealframe.faces.matchers import OnnxMatcher

onnx = pytest.importorskip("onnx", reason="the extra `test` is not installed")

INPUT = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 112, 112])
OUTPUT = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 8])


def face_model() -> Any:
    """112x112 RGB, averaged to 4x4 a channel, then a layer to eight numbers."""
    weights = np.random.default_rng(1).normal(size=(48, 8)).astype(np.float32)
    nodes = [
        onnx.helper.make_node("AveragePool", ["x"], ["pooled"], kernel_shape=[28, 28], strides=[28, 28]),
        onnx.helper.make_node("Flatten", ["pooled"], ["flat"]),
        onnx.helper.make_node("MatMul", ["flat", "w"], ["y"]),
    ]
    graph = onnx.helper.make_graph(nodes, "face", [INPUT], [OUTPUT], [onnx.numpy_helper.from_array(weights, "w")])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def write(model: Any, folder: Path) -> Path:
    path = folder / "face.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_a48_an_ordinary_model_runs(tmp_path: Path) -> None:
    matcher = OnnxMatcher(write(face_model(), tmp_path))
    vector = matcher.embed(np.arange(112 * 112 * 3, dtype=np.uint8).reshape(112, 112, 3))
    assert vector.shape == (8,)
    assert matcher.score(vector, vector) == pytest.approx(1)


def weights_elsewhere(model: Any) -> None:
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], location="../../etc/passwd")


def weights_elsewhere_beside_weights(model: Any) -> None:
    model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL


def infinite_weight(model: Any) -> None:
    weights = onnx.numpy_helper.to_array(model.graph.initializer[0]).copy()
    weights[3, 4] = np.inf
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weights, "w"))


def weight_that_is_no_number(model: Any) -> None:
    model.graph.initializer[0].CopyFrom(
        onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [48, 8], [np.nan] * 384, raw=False)
    )


def constant_that_is_no_number(model: Any) -> None:
    value = onnx.numpy_helper.from_array(np.full((48, 8), np.nan, np.float32))
    model.graph.node.append(onnx.helper.make_node("Constant", [], ["w2"], value=value))


def graph_inside(model: Any) -> None:
    branch = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["flat"], ["z"])], "then", [], [OUTPUT])
    model.graph.node.append(onnx.helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch))


def operator_of_its_own(model: Any) -> None:
    model.graph.node.append(onnx.helper.make_node("Steal", ["flat"], ["z"], domain="example.thief"))


def operators_of_its_own(model: Any) -> None:
    model.opset_import.append(onnx.helper.make_opsetid("example.thief", 1))


def function_of_its_own(model: Any) -> None:
    body = [onnx.helper.make_node("Identity", ["a"], ["b"])]
    sets = [onnx.helper.make_opsetid("", 17)]
    model.functions.append(onnx.helper.make_function("ai.onnx", "F", ["a"], ["b"], body, sets))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (weights_elsewhere, "other files"),
        (weights_elsewhere_beside_weights, "other files"),
        (infinite_weight, "not finite"),
        (weight_that_is_no_number, "not finite"),
        (constant_that_is_no_number, "not finite"),
        (graph_inside, "If, Loop or Scan"),
        (operator_of_its_own, "ONNX Runtime"),
        (operators_of_its_own, "ONNX Runtime"),
        (function_of_its_own, "functions"),
    ],
)
def test_a48_what_no_model_may_is_refused(tmp_path: Path, change: Callable[[Any], None], why: str) -> None:
    model = face_model()
    change(model)
    with pytest.raises(ModelError, match=why):
        OnnxMatcher(write(model, tmp_path))


def test_a48_cut_and_altered_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    whole = face_model().SerializeToString()
    path = tmp_path / "face.onnx"
    damaged = [whole[:end] for end in range(0, len(whole) - 1, 97)]
    damaged += [b"\xff" * 40, b"\x3b", b"x" * 1000]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(ModelError):
            OnnxMatcher(path)


def test_a48_a_huge_file_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_guard, "MAX_BYTES", 100)
    with pytest.raises(ModelError, match="1 GiB"):
        OnnxMatcher(write(face_model(), tmp_path))
