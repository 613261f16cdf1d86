"""The gray kernel equals its twin bit for bit on every instruction set (M2, A5, A10)."""

from __future__ import annotations

import numpy as np
import pytest

from sealframe import _core
from tests.reference import image as reference
from tests.reference.features import WEIGHTS


@pytest.mark.parametrize("order", list(WEIGHTS))
@pytest.mark.parametrize("shape", [(1, 1), (1, 31), (2, 32), (3, 33), (5, 97), (40, 1), (9, 5000)])
def test_m2_a5_a10_gray_equals_its_twin(isa, order, shape) -> None:
    channels = len(WEIGHTS[order])
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, shape if channels == 1 else (*shape, channels), np.uint8)
    for view in (image, image[::-1], image[:, ::-1], image[::2, ::2], np.asfortranarray(image)):
        assert np.array_equal(_core.gray(view, order), reference.gray(view, order))


def test_every_gray_level_survives(isa) -> None:
    levels = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    assert np.array_equal(_core.gray(levels, "rgb")[:, 0], levels[:, 0, 0])


def test_a10_bad_arguments_are_refused() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="channel order"):
        _core.gray(image, "gray")
    with pytest.raises(ValueError, match="channel order"):
        _core.gray(image, "hsv")
    with pytest.raises(ValueError, match="between 1 and 65535"):
        _core.gray(image[:0], "rgb")
    with pytest.raises(TypeError):
        _core.gray(image.astype(np.uint16), "rgb")
    with pytest.raises(ValueError, match="shape"):
        _core.gray(image, "rgb", out=np.empty((4, 5), np.uint8))
