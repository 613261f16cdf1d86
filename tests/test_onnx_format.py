"""Networks that must never reach ONNX Runtime, and manifests that must never be followed (A48, A49)."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sealframe.errors import ModelError
from sealframe.models import ModelSet, shipped_models
from sealframe.onnx_format import Signature, check_network

SHIPPED = Path(str(files("sealframe").joinpath("models")))
SIGNATURE = Signature({"latent": (1, 8, 8, 16)}, {"probability": (1, 16, 16, 4)})
"""Of the likelihood net, the smallest that has all kinds of layers."""


def likelihood() -> onnx.ModelProto:
    return onnx.load_from_string(shipped_models().read("likelihood"))


def node(model: onnx.ModelProto, operator: str) -> onnx.NodeProto:
    return next(each for each in model.graph.node if each.op_type == operator)


def constant(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    return next(each for each in model.graph.initializer if each.name == name)


def replace_constant(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[onnx.ModelProto], None]:
    def attack(model: onnx.ModelProto) -> None:
        tensor = constant(model, name)
        values = numpy_helper.to_array(tensor).copy()
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(change(values)), name))

    return attack


def with_first(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        values.reshape(-1)[0] = value
        return values

    return change


def external_data(model: onnx.ModelProto) -> None:
    tensor = constant(model, "logits.weight")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def external_data_beside_raw(model: onnx.ModelProto) -> None:
    constant(model, "logits.weight").external_data.add(key="location", value="../weights.bin")


def control_flow(model: onnx.ModelProto) -> None:
    branch = helper.make_graph([], "branch", [], [])
    model.graph.node.append(helper.make_node("If", ["latent"], ["x"], then_branch=branch, else_branch=branch))


def loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["latent", "latent"], ["x"], body=body))


def graph_attribute(model: onnx.ModelProto) -> None:
    node(model, "Reshape").attribute.append(helper.make_attribute("body", helper.make_graph([], "g", [], [])))


def tensor_attribute(model: onnx.ModelProto) -> None:
    node(model, "Reshape").attribute.append(
        helper.make_attribute("value", numpy_helper.from_array(np.zeros(1, np.float32)))
    )


def function(model: onnx.ModelProto) -> None:
    model.functions.append(helper.make_function("own", "F", ["x"], ["y"], [], [helper.make_opsetid("", 17)]))


def training(model: onnx.ModelProto) -> None:
    model.training_info.add()


def metadata(model: onnx.ModelProto) -> None:
    model.metadata_props.add(key="k", value="v")


def sparse_constant(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add()


def unknown_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 99


def unknown_domain(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def same_domain_twice(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("", 17))


def future_version(model: onnx.ModelProto) -> None:
    model.ir_version = 99


def foreign_operator(model: onnx.ModelProto) -> None:
    node(model, "QLinearSigmoid").domain = "com.example"


def float_operator(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Cast", ["probability"], ["x"], to=TensorProto.FLOAT))


def misplaced_attribute(model: onnx.ModelProto) -> None:
    node(model, "Reshape").attribute.append(helper.make_attribute("allowzero", 1))


def huge_pads(model: onnx.ModelProto) -> None:
    for attribute in node(model, "QLinearConv").attribute:
        if attribute.name == "pads":
            attribute.ints[:] = [2**30] * 4


def no_stride(model: onnx.ModelProto) -> None:
    for attribute in node(model, "QLinearConv").attribute:
        if attribute.name == "strides":
            attribute.ints[:] = [0, 0]


def doubling(model: onnx.ModelProto) -> None:
    """Forty nodes, each joining the last tensor to itself: 2^40 times the memory."""
    last = "latent"
    for index in range(40):
        model.graph.node.append(helper.make_node("Concat", [last, last], [f"twice{index}"], axis=3))
        last = f"twice{index}"


def huge_constant_shape(model: onnx.ModelProto) -> None:
    constant(model, "logits.weight").dims[:] = [2**40, 2**40]


def negative_shape(model: onnx.ModelProto) -> None:
    constant(model, "logits.weight").dims[:] = [-1024, -1024]


def missing_bytes(model: onnx.ModelProto) -> None:
    tensor = constant(model, "logits.weight")
    tensor.raw_data = tensor.raw_data[:-1]


def double_constant(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(constant(model, "logits.weight"))


def dangling_input(model: onnx.ModelProto) -> None:
    node(model, "QLinearSigmoid").input[0] = "nowhere"


def cycle(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "probability"


def output_twice(model: onnx.ModelProto) -> None:
    model.graph.node.append(model.graph.node[0])


def renamed_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = "chances"


def second_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.UINT8, ["tiles", 1]))


def float_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def fixed_batch(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 16


def unknown_axis(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "3 tiles"


def doubled_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "2 tiles"


def sequence_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.UINT8


def computed_weights(model: onnx.ModelProto) -> None:
    node(model, "QGemm").input[3] = "latent"


def too_many_nodes(model: onnx.ModelProto) -> None:
    for index in range(300):
        model.graph.node.append(helper.make_node("Transpose", ["latent"], [f"t{index}"], perm=[0, 1, 2, 3]))


def mixed_tiles(model: onnx.ModelProto) -> None:
    """A shape that fits one tile and no batch: pictures would depend on their neighbours."""
    replace_constant("flat.shape", lambda shape: np.where(shape == -1, 1, shape))(model)


ATTACKS: dict[str, Callable[[onnx.ModelProto], None]] = {
    attack.__name__: attack
    for attack in (
        external_data,
        external_data_beside_raw,
        control_flow,
        loop,
        graph_attribute,
        tensor_attribute,
        function,
        training,
        metadata,
        sparse_constant,
        unknown_opset,
        unknown_domain,
        same_domain_twice,
        future_version,
        foreign_operator,
        float_operator,
        misplaced_attribute,
        huge_pads,
        no_stride,
        doubling,
        huge_constant_shape,
        negative_shape,
        missing_bytes,
        double_constant,
        dangling_input,
        cycle,
        output_twice,
        renamed_output,
        second_input,
        float_input,
        fixed_batch,
        unknown_axis,
        doubled_output,
        sequence_input,
        computed_weights,
        too_many_nodes,
        mixed_tiles,
    )
} | {
    "scale that is NaN": replace_constant("logits.out.scale", with_first(np.nan)),
    "scale that is infinite": replace_constant("logits.weight.scale", with_first(np.inf)),
    "negative scale": replace_constant("shrink1.in.scale", with_first(-1)),
    "weight beyond 63": replace_constant("logits.weight", with_first(64)),
    "weight of -128": replace_constant("shrink2.weight", with_first(-128)),
    "zero point of weights": replace_constant("logits.weight.zero", with_first(1)),
    "offset that overflows": replace_constant("logits.bias", with_first(2**31 - 1)),
    "offsets too few": replace_constant("logits.bias", lambda bias: bias[:-1]),
    "float weights": replace_constant("logits.weight", lambda weights: weights.astype(np.float32)),
    "double scale": replace_constant("logits.out.scale", lambda scale: scale.astype(np.float64)),
    "shape with two gaps": replace_constant("flat.shape", lambda shape: np.full_like(shape, -1)),
    "empty shape": replace_constant("flat.shape", lambda shape: np.zeros_like(shape)),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a49_a_hostile_network_is_refused_before_a_session(name: str) -> None:
    model = likelihood()
    ATTACKS[name](model)
    with pytest.raises(ModelError, match="is refused: "):
        check_network("likelihood", model.SerializePartialToString(), SIGNATURE)


def test_a49_an_output_has_as_many_for_a_tile_as_model_and_manifest_say() -> None:
    model = likelihood()
    doubled_output(model)
    promised = Signature(SIGNATURE.inputs, {"probability": (2, 16, 16, 4)})
    with pytest.raises(ModelError, match="has another shape than it says"):
        check_network("likelihood", model.SerializeToString(), promised)


def test_a49_the_untouched_network_passes_through_the_same_steps() -> None:
    check_network("likelihood", likelihood().SerializeToString(), SIGNATURE)
    for name in shipped_models().names():
        shipped_models()._run_of(name)


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"not a network", b"\xff" * 64, b"\x08", b"\x3a\xff\xff\xff\xff\x0f"]
)
def test_a49_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match="is refused: "):
        check_network("likelihood", content, SIGNATURE)


def test_a49_no_cut_or_flipped_file_gets_past_as_anything_but_a_network() -> None:
    """Whatever the checker lets through, ONNX must be able to read; nothing but ModelError comes out."""
    content = shipped_models().read("likelihood")
    header = len(content) - 4000
    rng = np.random.default_rng(7)
    for _ in range(300):
        changed = bytearray(content)
        place = int(rng.integers(header, len(content))) if rng.random() < 0.7 else int(rng.integers(2000))
        changed[place] ^= 1 << int(rng.integers(8))
        cut = bytes(changed[: int(rng.integers(len(changed)))]) if rng.random() < 0.2 else bytes(changed)
        try:
            check_network("likelihood", cut, SIGNATURE)
        except ModelError:
            continue
        onnx.load_from_string(cut)


def own_models(folder: Path) -> dict[str, Any]:
    """A copy of the shipped networks as an owner's own; returns the manifest."""
    for path in SHIPPED.glob("*.onnx"):
        (folder / path.name).write_bytes(path.read_bytes())
    manifest: dict[str, Any] = json.loads((SHIPPED / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return manifest


def test_an_owners_own_networks_run(tmp_path: Path) -> None:
    own_models(tmp_path)
    tiles = np.zeros((2, 16, 16, 4), np.uint8)
    (mine,) = ModelSet.from_directory(tmp_path).run("generator", ["derived"], tiles)
    assert np.array_equal(mine, shipped_models().run("generator", ["derived"], tiles)[0])


def test_a48_a_file_altered_after_the_manifest_is_refused(tmp_path: Path) -> None:
    own_models(tmp_path)
    with (tmp_path / "discriminator.onnx").open("ab") as file:
        file.write(b"\0")
    models = ModelSet.from_directory(tmp_path)
    models.read("generator")
    with pytest.raises(ModelError, match="differ from those in the manifest"):
        models.read("generator_discriminator")


def test_a49_pinned_by_its_own_manifest_a_hostile_network_is_still_refused(tmp_path: Path) -> None:
    manifest = own_models(tmp_path)
    model = likelihood()
    ATTACKS["external_data"](model)
    content = model.SerializePartialToString()
    (tmp_path / "likelihood.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    entry = manifest["models"]["likelihood"]
    entry |= {"sha256": digest, "files": [{"file": "likelihood.onnx", "sha256": digest, "bytes": len(content)}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="is refused: "):
        ModelSet.from_directory(tmp_path).run("likelihood", ["probability"], np.zeros((1, 8, 8, 16), np.uint8))


def _set(*path: Any) -> Callable[[dict[str, Any]], None]:
    *keys, last, value = path

    def change(manifest: dict[str, Any]) -> None:
        for key in keys:
            manifest = manifest[key]
        manifest[last] = value

    return change


GENERATOR = ("models", "generator")


@pytest.mark.parametrize(
    "change",
    [
        _set("format", 2),
        _set("models", []),
        _set("models", None),
        _set(*GENERATOR, "files", []),
        _set(*GENERATOR, "files", 0, "file", "../generator.onnx"),
        _set(*GENERATOR, "files", 0, "file", "/etc/passwd"),
        _set(*GENERATOR, "files", 0, "file", ".."),
        _set(*GENERATOR, "files", 0, "file", 7),
        _set(*GENERATOR, "files", 0, "bytes", -1),
        _set(*GENERATOR, "files", 0, "bytes", 2**40),
        _set(*GENERATOR, "files", 0, "bytes", "many"),
        _set(*GENERATOR, "sha256", "0" * 63),
        _set(*GENERATOR, "sha256", 5),
        _set(*GENERATOR, "inputs", "image", "dtype", "float32"),
        _set(*GENERATOR, "inputs", "image", "shape", [16, 16, 16, 4]),
        _set(*GENERATOR, "outputs", {}),
    ],
)
def test_a48_a_manifest_that_is_no_good_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = own_models(tmp_path)
    change(manifest)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError):
        ModelSet.from_directory(tmp_path).run("generator", ["derived"], np.zeros((1, 16, 16, 4), np.uint8))


@pytest.mark.parametrize(
    "change",
    [
        _set("models", "generator", "inputs", "image", "shape", ["tiles", 8, 8, 16]),
        _set("models", "generator", "inputs", {}),
        _set("models", "generator_discriminator", "outputs", "features", "shape", ["2 tiles", 8, 8, 64]),
        _set("models", "posterior", "outputs", "mean", "shape", ["tiles", 16, 16, 4]),
        _set("models", "posterior", "inputs", {"wavelets": {"dtype": "uint8", "shape": ["tiles", 32, 32]}}),
        _set("models", "likelihood", "outputs", "probability", "shape", ["tiles", 8, 8, 16]),
    ],
)
def test_a48_a_network_of_another_signature_is_refused_unread(
    tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    manifest = own_models(tmp_path)
    change(manifest)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    for path in tmp_path.glob("*.onnx"):
        path.unlink()
    with pytest.raises(ModelError, match="inputs or outputs of the wrong form"):
        ModelSet.from_directory(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"[" * 100_000, b"\xff\xfe", b" " * (1 << 21)])
def test_a48_a_manifest_that_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ModelError):
        ModelSet.from_directory(tmp_path)


def test_onnx_runtime_reports_nothing_home(tmp_path: Path) -> None:
    """It would leave a device's id and a queue of events in the cache folder, but not where CI is set."""
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    code = "import numpy as np, sealframe as sf; sf.image_factor(np.zeros((8, 8), np.uint8))"
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env={**kept, **home}, check=True)
    assert list(tmp_path.iterdir()) == []
