"""The exported graphs compute what the slow twins compute, to the bit, whatever onnxruntime makes of them (A19).

Covers M12, M13.
"""

import numpy as np
import onnxruntime as ort
import pytest

onnx = pytest.importorskip("onnx")

from sealframe.training import integers  # noqa: E402
from tests.reference.integer_networks import generate, judge  # noqa: E402


def small(rng, *shape):
    return rng.integers(-63, 64, shape, np.int8)


def steps(rng, *shape):
    return rng.uniform(0.5, 2, shape).astype(np.float32) / 256


@pytest.fixture(scope="module")
def generator():
    """Random weights, with step sizes that keep every layer between silence and saturation."""
    rng = np.random.default_rng(12)
    return integers.IntegerGenerator(
        dense=integers.IntegerDense(
            small(rng, 1024, 1024), steps(rng, 1024), rng.integers(-9000, 9000, 1024, np.int32)
        ),
        floor=rng.integers(0, 30, 1024).astype(np.uint8),
        latent_step=0.02,
        spread=integers.IntegerKernel(small(rng, 128, 16, 5, 5), steps(rng, 128)),
        spread_step=0.06,
        grow=small(rng, 128, 64, 5, 5),
        grow_steps=steps(rng, 64, 2, 2),
        grow_step=0.4,
        draw=small(rng, 64, 1, 5, 5),
        draw_steps=steps(rng, 2, 2) / 64,
        draw_step=integers.step_without_ties(0.044) / 2,
    )


@pytest.fixture(scope="module")
def discriminator():
    rng = np.random.default_rng(13)
    return integers.IntegerDiscriminator(
        first=integers.IntegerKernel(small(rng, 64, 4, 3, 3), steps(rng, 64), small(rng, 64).astype(np.int32)),
        first_step=0.02,
        second=integers.IntegerKernel(small(rng, 128, 64, 5, 5), steps(rng, 128), small(rng, 128).astype(np.int32)),
        second_step=0.2,
        verdict=integers.IntegerDense(small(rng, 1, 8192), steps(rng, 1), small(rng, 1).astype(np.int32)),
        verdict_step=4.0,
    )


@pytest.fixture(scope="module")
def tiles():
    return np.random.default_rng(14).integers(0, 256, (5, 16, 16, 4), np.uint8)


LEVELS = [ort.GraphOptimizationLevel.ORT_DISABLE_ALL, ort.GraphOptimizationLevel.ORT_ENABLE_ALL]


def session(serialised, level=LEVELS[0], threads=1):
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = threads
    return ort.InferenceSession(serialised, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("level", LEVELS)
def test_m12_a19_generator_equals_its_definition(generator, tiles, level, threads):
    (derived,) = session(integers.generator_model(generator), level, threads).run(None, {"image": tiles})
    expected = np.stack([generate(generator, tile) for tile in tiles])
    assert np.array_equal(derived, expected)
    assert len(np.unique(derived)) > 100


def test_m13_discriminator_equals_its_definition(generator, discriminator, tiles):
    joint = session(integers.generator_model(generator) + integers.discriminator_model(discriminator))
    names = [output.name for output in joint.get_outputs()]
    found = dict(zip(names, joint.run(names, {"image": tiles}), strict=True))
    for index, tile in enumerate([*tiles, *found["derived"]]):
        features, verdict = judge(discriminator, tile)
        assert np.array_equal(found["features"][index], features)
        assert np.array_equal(found["verdict"][index], verdict)
    assert np.array_equal(found["derived"], np.stack([generate(generator, tile) for tile in tiles]))


def test_exporting_twice_gives_the_same_bytes(generator):
    assert integers.generator_model(generator) == integers.generator_model(generator)


def test_graphs_hold_integer_tensors_alone(generator, discriminator):
    model = onnx.load_from_string(integers.generator_model(generator) + integers.discriminator_model(discriminator))
    floats = [c for c in model.graph.initializer if c.data_type == onnx.TensorProto.FLOAT]
    assert all(constant.name.endswith(".scale") for constant in floats)
    operators = {(node.domain, node.op_type) for node in model.graph.node}
    assert not operators & {("", "QuantizeLinear"), ("", "DequantizeLinear"), ("", "Cast")}
    values = [*model.graph.input, *model.graph.output]
    assert {value.type.tensor_type.elem_type for value in values} == {onnx.TensorProto.UINT8}


def test_sigmoid_steps_keep_clear_of_ties():
    for step in np.linspace(0.01, 0.08, 50):
        chosen = integers.step_without_ties(step)
        assert abs(chosen / step - 1) <= 0.05
        assert integers.tie_distance(integers.sigmoid_table(chosen)) >= integers.TIE_MARGIN
