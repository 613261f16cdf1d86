"""The feature kernels equal their twins bit for bit on every instruction set (M2-M5, A4-A6, A10, A19).

Covers A5, A13, M4.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealframe import _core
from tests.reference import features as reference
from tests.support import synthetic_frame

ORDERS = list(reference.WEIGHTS)


def picture(order: str, height: int, width: int, seed: int = 0) -> np.ndarray:
    channels = len(reference.WEIGHTS[order])
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("source", "output"),
    [
        ((1, 1), (1, 1)),
        ((1, 1), (33, 5)),
        ((3, 200), (7, 9)),
        ((200, 3), (9, 7)),
        ((48, 64), (16, 16)),
        ((45, 60), (32, 32)),
        ((61, 67), (60, 66)),
        ((257, 19), (4, 4)),
        ((600, 17), (1, 17)),
        ((523, 31), (7, 5)),
        ((17, 1024), (5, 3)),
    ],
)
@pytest.mark.parametrize("feature", ["gray", "binary", "standardised"])
def test_m2_m4_m5_a5_features_equal_their_twin(isa, order, source, output, feature) -> None:
    image = picture(order, *source)
    found = _core.area_mean(image, order, *output, feature=feature, threshold=120)
    expected = reference.area_mean(image, order, *output, feature=feature, threshold=120)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


@settings(max_examples=120, deadline=None)
@given(data=st.data(), order=st.sampled_from(ORDERS), isa=st.sampled_from(_core.isas()))
def test_a10_a19_any_strides_any_sizes(data, order, isa) -> None:
    height, width = data.draw(st.integers(1, 70)), data.draw(st.integers(1, 70))
    image = picture(order, 2 * height, 2 * width, data.draw(st.integers(0, 1000)))
    step = st.sampled_from([1, 2, -1, -2])
    image = image[:: data.draw(step), :: data.draw(step)]
    view = data.draw(st.sampled_from(["as it is", "Fortran", "read-only", "channels reversed"]))
    if view == "Fortran":
        image = np.asfortranarray(image)
    elif view == "read-only":
        image.flags.writeable = False
    elif view == "channels reversed" and order != "gray":
        image = image[..., ::-1]
    output = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    used = _core.isa()
    _core.set_isa(isa)
    try:
        assert np.array_equal(_core.area_mean(image, order, *output), reference.area_mean(image, order, *output))
    finally:
        _core.set_isa(used)


@pytest.mark.parametrize("channel_view", ["rgb of rgba", "planes"])
def test_a10_channels_that_are_not_packed(isa, channel_view) -> None:
    if channel_view == "planes":
        image = picture("gray", 3 * 40, 50).reshape(3, 40, 50).transpose(1, 2, 0)
    else:
        image = picture("rgba", 40, 50)[..., :3]
    assert np.array_equal(
        _core.area_mean(image, "rgb", 32, 32), _core.area_mean(np.ascontiguousarray(image), "rgb", 32, 32)
    )


def test_a13_constant_pictures_stay_constant(isa) -> None:
    for value in (0, 1, 127, 128, 254, 255):
        image = np.full((301, 407, 3), value, np.uint8)
        assert (_core.area_mean(image, "rgb", 128, 128) == value).all()


def test_binarisation_compares_the_unrounded_mean(isa) -> None:
    image = np.array([[127, 128]], np.uint8)  # a mean of 127.5, which rounds to 128
    assert _core.area_mean(image, "gray", 1, 1)[0, 0] == 128
    assert _core.area_mean(image, "gray", 1, 1, feature="binary", threshold=128)[0, 0] == 0
    assert _core.area_mean(image, "gray", 1, 1, feature="binary", threshold=127)[0, 0] == 1


def test_golden_features(isa) -> None:
    frame = np.frombuffer(hashlib.shake_256(b"frame").digest(480 * 640 * 3), np.uint8).reshape(480, 640, 3)
    tiles = _core.area_mean(frame, "rgb", 128, 128, layout="blocks")
    assert hashlib.sha256(tiles).hexdigest() == "b81058490340c139deafc0673fe11806d7e365c8346f35c2ba71ff066cbe4bed"


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 96), (128, 128)])
def test_block_order_equals_its_twin_and_inverts(isa, height, width) -> None:
    rows = picture("gray", height, width)
    tiles = _core.block(rows)
    assert np.array_equal(tiles, reference.block(rows))
    assert np.array_equal(_core.unblock(tiles, height, width), rows)
    turned = tiles[:, ::-1, ::-1]
    assert np.array_equal(_core.unblock(turned, height, width), reference.unblock(turned, height, width))
    frame = synthetic_frame(150, 170)
    assert np.array_equal(
        _core.area_mean(frame, "rgb", height, width, layout="blocks"),
        _core.block(_core.area_mean(frame, "rgb", height, width)),
    )


def test_out_is_filled_and_returned() -> None:
    frame = synthetic_frame(60, 80)
    out = np.empty((32, 32), np.uint8)
    assert _core.area_mean(frame, "rgb", 32, 32, out=out) is out
    assert np.array_equal(out, _core.area_mean(frame, "rgb", 32, 32))


GRAY = np.zeros((40, 40), np.uint8)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((GRAY.astype(np.uint16), "gray", 8, 8), TypeError),
        ((GRAY.astype(">u2"), "gray", 8, 8), TypeError),
        ((GRAY.astype(np.int8), "gray", 8, 8), TypeError),
        ((GRAY.astype(bool), "gray", 8, 8), TypeError),
        ((GRAY.astype(object), "gray", 8, 8), TypeError),
        ((GRAY.astype(np.float32), "gray", 8, 8), TypeError),
        ((GRAY.tolist(), "gray", 8, 8), TypeError),
        ((None, "gray", 8, 8), TypeError),
        ((GRAY, "gray", 8.5, 8), TypeError),
        ((GRAY, "gray", -1, 8), TypeError),
        ((GRAY, "gray", 1 << 70, 8), TypeError),
        ((GRAY, "gray", 0, 8), ValueError),
        ((GRAY, "gray", 8, 4097), ValueError),
        ((GRAY, "gray", 1 << 62, 1 << 62), ValueError),
        ((GRAY, "rgb", 8, 8), ValueError),
        ((GRAY, "cmyk", 8, 8), ValueError),
        ((GRAY[..., None], "gray", 8, 8), ValueError),
        ((np.zeros((40, 40, 2), np.uint8), "rgb", 8, 8), ValueError),
        ((GRAY[:0], "gray", 8, 8), ValueError),
        ((GRAY[:, :0], "gray", 8, 8), ValueError),
        ((np.broadcast_to(GRAY[:1, :1], (65_536, 2)), "gray", 8, 8), ValueError),
        ((np.broadcast_to(GRAY[:1, :1], (1, 1 << 40)), "gray", 8, 8), ValueError),
    ],
    ids=str,
)
def test_a4_a6_a10_bad_arguments_are_refused(arguments, error) -> None:
    with pytest.raises(error):
        _core.area_mean(*arguments)


@pytest.mark.parametrize(
    "options",
    [
        {"feature": "grey"},
        {"threshold": 256},
        {"threshold": -1},
        {"layout": "tiles"},
        {"layout": "blocks"},
        {"out": np.empty((8, 9), np.uint8)},
        {"out": np.empty((8, 16), np.uint8)[:, ::2]},
        {"out": GRAY[:8, :8]},
        {"out": np.frombuffer(bytes(64), np.uint8).reshape(8, 8)},
    ],
    ids=str,
)
def test_a10_bad_options_are_refused(options) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        _core.area_mean(GRAY, "gray", 8, 8, **options)


@pytest.mark.parametrize(
    "options", [{"Feature": "gray"}, {"feature": 1}, {"layout": None}, {"threshold": "1"}], ids=str
)
def test_a10_options_of_another_name_or_type_are_refused(options) -> None:
    with pytest.raises(TypeError, match=next(iter(options))):
        _core.area_mean(GRAY, "gray", 8, 8, **options)


def test_a10_out_of_another_type_or_overlapping_is_refused() -> None:
    with pytest.raises(TypeError):
        _core.area_mean(GRAY, "gray", 8, 8, out=np.empty((8, 8), np.float32))
    with pytest.raises(ValueError, match="share memory"):
        _core.area_mean(GRAY, "gray", 40, 40, out=GRAY)


def test_broadcast_pictures_are_pictures() -> None:
    image = np.broadcast_to(np.array([10, 20, 30], np.uint8), (50, 60, 3))
    assert np.array_equal(_core.area_mean(image, "rgb", 8, 8), reference.area_mean(image, "rgb", 8, 8))
