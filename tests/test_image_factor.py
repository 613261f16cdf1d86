"""Factors: layout, golden values, and equality on any kernels, threads, batch, optimisation (M12-M15, A13, A19).

Covers A10, A48, M2, M4, M5, M13, M14.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files

import numpy as np
import pytest

import sealframe as sf
from reference.image_factor import block_means, norms, row_sums
from reference.similarity import window_cosine
from sealframe import _core
from sealframe.derivation import discern
from sealframe.errors import ImageError, UnsupportedEnvelope
from sealframe.features import binarise, extract_features, grayscale, standardise
from sealframe.image import frame_from_array
from sealframe.image_factor import (
    PROFILES,
    compute_image_factor,
    factor_length,
    profile_by_name,
    profile_by_number,
)
from sealframe.models import ModelSet, shipped_models
from sealframe.selftest import factor_digests, golden_digests, golden_pictures
from support import encoded, synthetic_frame


@pytest.fixture(params=_core.isas())
def isa(request: pytest.FixtureRequest) -> str:
    """Every instruction set this CPU has, in turn."""
    before = _core.isa()
    _core.set_isa(request.param)
    yield request.param
    _core.set_isa(before)


def test_m15_profile_1_is_digest_block_means_and_rows() -> None:
    factor = sf.image_factor(synthetic_frame(240, 320))
    derived, cosines = factor.derived.pixels, factor.map.cosines
    exact = hashlib.sha256(derived.tobytes() + cosines.tobytes()).digest()
    rows = row_sums(cosines).astype(">i4").tobytes()
    assert factor.bytes == exact + block_means(derived, 8).tobytes() + rows
    assert len(factor.bytes) == 800 == factor_length(PROFILES[1])


def test_m15_profile_2_carries_norms() -> None:
    factor = sf.image_factor(synthetic_frame(240, 320), reduction="norm")
    assert factor.bytes[288:] == norms(factor.map.cosines).astype(">i8").tobytes()
    assert len(factor.bytes) == factor_length(PROFILES[2])


def test_m14_the_map_is_the_cosine_of_features_and_derived_image() -> None:
    factor = sf.image_factor(synthetic_frame(200, 200))
    assert np.array_equal(factor.map.cosines, window_cosine(factor.features.rows(), factor.derived.pixels, 7))


def test_m12_the_derived_image_resembles_the_picture() -> None:
    factor = sf.image_factor(synthetic_frame(480, 640))
    error = factor.features.rows().astype(float) - factor.derived.pixels
    assert 10 * np.log10(255**2 / np.mean(error**2)) > 20


def test_m13_one_graph_gives_derived_image_features_and_verdicts() -> None:
    features = extract_features(frame_from_array(synthetic_frame(480, 640)), 128)
    derived, seen = discern(features, shipped_models())
    assert np.array_equal(derived.pixels, sf.image_factor(synthetic_frame(480, 640)).derived.pixels)
    assert seen.features_image.shape == seen.features_derived.shape == (16, 8, 8, 128)
    assert seen.verdict_image.shape == seen.verdict_derived.shape == (16,)
    assert not np.array_equal(seen.features_image, seen.features_derived)
    outputs = ["verdict_image", "verdict_derived"]
    for verdict, raw in zip(
        (seen.verdict_image, seen.verdict_derived),
        shipped_models().run("generator_discriminator", outputs, features.tiles),
        strict=True,
    ):
        assert raw.dtype == np.uint8
        assert np.array_equal(verdict, raw.ravel().astype(int) - 128)


def test_a19_golden_factors_on_every_isa(isa: str) -> None:
    assert factor_digests() == golden_digests()


@pytest.mark.parametrize("optimisation", ["none", "basic", "extended", "all"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a19_golden_factors_at_every_optimisation_and_thread_count(optimisation: str, threads: int) -> None:
    models = ModelSet(files("sealframe").joinpath("models"), threads=threads, optimisation=optimisation)
    assert factor_digests(models) == golden_digests()


def test_a19_a_batch_gives_what_its_tiles_give_alone() -> None:
    tiles = extract_features(frame_from_array(synthetic_frame(480, 640)), 128).tiles
    for name, outputs in (
        ("generator", ["derived"]),
        ("generator_discriminator", ["derived", "features_image"]),
    ):
        together = shipped_models().run(name, outputs, tiles)
        for index in range(len(tiles)):
            alone = shipped_models().run(name, outputs, tiles[index : index + 1])
            for whole, single in zip(together, alone, strict=True):
                assert np.array_equal(whole[index], single[0])


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (128, 128), (3, 500)])
def test_a13_constant_pictures(value: int, shape: tuple[int, int], isa: str) -> None:
    factor = sf.image_factor(np.full(shape, value, np.uint8))
    assert np.abs(factor.map.cosines.astype(int)).max() <= 127
    assert len(factor.bytes) == 800


def test_the_factor_depends_on_every_pixel_of_a_small_frame() -> None:
    frame = synthetic_frame(128, 128)[..., 0]
    seen = {sf.image_factor(frame).bytes}
    for y, x in np.random.default_rng(3).integers(0, 128, (40, 2)):
        changed = frame.copy()
        changed[y, x] ^= 64
        seen.add(sf.image_factor(changed).bytes)
    assert len(seen) == 41


def test_a10_strides_and_orders_do_not_change_the_factor() -> None:
    rgb = synthetic_frame(90, 70)
    wanted = sf.image_factor(rgb).bytes
    padded = np.zeros((90, 80, 4), np.uint8)
    padded[:, :70, :3] = rgb
    assert sf.image_factor(rgb[..., ::-1], order="bgr").bytes == wanted
    assert sf.image_factor(np.asfortranarray(rgb)).bytes == wanted
    assert sf.image_factor(padded[:, :70]).bytes == wanted
    assert sf.image_factor(np.dstack([rgb, rgb[..., 0]])).bytes == wanted
    assert sf.image_factor(encoded(rgb, "PNG")).bytes == wanted
    assert sf.image_factor(encoded(rgb, "BMP")).bytes == wanted


def test_m2_m4_m5_features_in_every_form() -> None:
    frame = frame_from_array(synthetic_frame(300, 200))
    gray = extract_features(frame, 64).rows()
    assert grayscale(frame).shape == (300, 200)
    assert np.array_equal(
        binarise(frame, 64, 100),
        _core.area_mean(frame.pixels, "rgb", 64, 64, feature="binary", threshold=100),
    )
    assert set(np.unique(binarise(frame, 64))) <= {0, 1}
    assert np.array_equal(standardise(frame, 64), (2 * gray.astype(np.float32) - 255) * np.float32(1 / 255))


def test_profiles_are_found_by_number_and_name() -> None:
    assert profile_by_number(1) is profile_by_name("gan", "rows")
    with pytest.raises(UnsupportedEnvelope):
        profile_by_number(999)
    with pytest.raises(ValueError, match="choose one of"):
        profile_by_name("gan", "rank")  # type: ignore[arg-type]


def test_profiles_pin_the_shipped_networks() -> None:
    for profile in PROFILES.values():
        for name, digest in profile.models.items():
            assert shipped_models().sha256(name) == digest


def test_a48_an_altered_network_never_computes_a_factor(tmp_path: object) -> None:
    from pathlib import Path

    from sealframe.errors import ModelError

    folder = Path(str(tmp_path))
    shipped = files("sealframe").joinpath("models")
    for name in ("manifest.json", "generator.onnx"):
        (folder / name).write_bytes(shipped.joinpath(name).read_bytes())
    content = bytearray((folder / "generator.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "generator.onnx").write_bytes(content)
    _, pixels, order = next(golden_pictures())
    with pytest.raises(ModelError, match="not the one"):
        compute_image_factor(frame_from_array(pixels, order), PROFILES[1], ModelSet(folder))


def test_noise_seed_and_bad_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="noise"):
        sf.image_factor(synthetic_frame(9, 9), noise_seed=bytes(32))
    with pytest.raises(ImageError):
        sf.image_factor(b"no picture")
    with pytest.raises(TypeError):
        sf.image_factor("photo.jpg")
