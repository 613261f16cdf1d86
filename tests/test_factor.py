"""Factors: layout, golden values, and equality on any kernels, threads, batch, optimisation (M12-M15, A13, A19).

Covers A10, A48, M2, M4, M5, M7, M8, M9, M10, M13, M14.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable
from importlib.resources import files
from math import isqrt
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import sealframe as sf
from sealframe import _core
from sealframe.derivation import discern, noise_seed_of
from sealframe.envelope.layout import Mode
from sealframe.errors import ImageError, ModelError, UnsupportedEnvelope
from sealframe.factor import (
    PROFILES,
    FactorProfile,
    compute_image_factor,
    factor_length,
    profile_by_name,
    profile_by_number,
)
from sealframe.features import binarise, extract_features, grayscale, standardise
from sealframe.image import frame_for_viewing, frame_from_array, raw_payload
from sealframe.keys import SIGN_NAMES, Suite
from sealframe.models import ModelSet, shipped_models
from sealframe.selftest import factor_digests, golden_digests, golden_pictures
from tests.reference.derivation import sample_posterior
from tests.reference.factor import block_means, leading_pair, norms, rank, row_sums
from tests.reference.features import random_words, spectrum, unblock
from tests.reference.similarity import window_cosine
from tests.support import encoded, synthetic_frame


@pytest.fixture(params=_core.isas())
def isa(request: pytest.FixtureRequest) -> str:
    """Every instruction set this CPU has, in turn."""
    before = _core.isa()
    _core.set_isa(request.param)
    yield request.param
    _core.set_isa(before)


def test_m15_profile_1_is_digest_block_means_and_rows() -> None:
    factor = sf.image_factor(synthetic_frame(240, 320))
    derived, cosines = factor.derived.pixels, factor.map.values
    exact = hashlib.sha256(derived.tobytes() + cosines.tobytes()).digest()
    rows = row_sums(cosines).astype(">i4").tobytes()
    assert factor.bytes == exact + block_means(derived, 8).tobytes() + rows
    assert len(factor.bytes) == 800 == factor_length(PROFILES[1])


def test_m15_profile_2_carries_norms() -> None:
    factor = sf.image_factor(synthetic_frame(240, 320), reduction="norm")
    assert factor.bytes[288:] == norms(factor.map.values).astype(">i8").tobytes()
    assert len(factor.bytes) == factor_length(PROFILES[2])


def test_m14_the_map_is_the_cosine_of_features_and_derived_image() -> None:
    factor = sf.image_factor(synthetic_frame(200, 200))
    assert np.array_equal(factor.map.values, window_cosine(factor.features.rows(), factor.derived.pixels, 7))


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
    (raw,) = shipped_models().run("generator_discriminator", ["verdict"], features.tiles)
    assert raw.dtype == np.uint8
    assert np.array_equal([*seen.verdict_image, *seen.verdict_derived], raw.ravel().astype(int) - 128)


def test_a19_golden_factors_on_every_isa(isa: str) -> None:
    assert factor_digests() == golden_digests()


@pytest.mark.parametrize("optimisation", ["none", "basic", "extended", "all"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a19_golden_factors_at_every_optimisation_and_thread_count(optimisation: str, threads: int) -> None:
    models = ModelSet(files("sealframe").joinpath("models"), threads=threads, optimisation=optimisation)
    assert factor_digests(models) == golden_digests()


def test_a19_a_batch_gives_what_its_tiles_give_alone() -> None:
    gray = np.concatenate(
        [extract_features(frame_from_array(synthetic_frame(480, 640, n)), 128).tiles for n in range(4)]
    )
    for name, shape, outputs in (
        ("generator", (16, 16, 4), ["derived"]),
        ("generator_discriminator", (16, 16, 4), ["derived", "features", "verdict"]),
        ("posterior", (32, 32), ["mean", "log_variance"]),
        ("likelihood", (8, 8, 16), ["probability"]),
    ):
        tiles = (gray >> 7 if name == "posterior" else gray).reshape(-1, *shape)
        together = shipped_models().run(name, outputs, tiles)
        for index in range(len(tiles)):
            alone = shipped_models().run(name, outputs, tiles[index : index + 1])
            for whole, single in zip(together, alone, strict=True):
                assert np.array_equal(whole[index :: len(tiles)], single)


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (128, 128), (3, 500)])
def test_a13_constant_pictures(value: int, shape: tuple[int, int], isa: str) -> None:
    factor = sf.image_factor(np.full(shape, value, np.uint8))
    assert np.abs(factor.map.values.astype(int)).max() <= 127
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
    assert [profile_by_name(path).number for path in ("gan", "vae", "discriminator")] == [1, 6, 11]
    with pytest.raises(ValueError, match="choose from"):
        profile_by_name("gan", "determinant")  # type: ignore[arg-type]


# number: path, similarity, side of the map, window, reduction, bytes of a factor
RELEASED = {
    1: ("gan", "window cosine", 128, 7, "rows", 800),
    2: ("gan", "window cosine", 128, 7, "norm", 312),
    3: ("gan", "window cosine", 128, 7, "rank", 292),
    4: ("gan", "window cosine", 128, 7, "eigenvalue", 296),
    5: ("gan", "window cosine", 128, 7, "eigenvector", 800),
    6: ("vae", "association", 128, 1, "rows", 800),
    7: ("vae", "association", 128, 1, "norm", 312),
    8: ("vae", "association", 128, 1, "rank", 292),
    9: ("vae", "association", 128, 1, "eigenvalue", 296),
    10: ("vae", "association", 128, 1, "eigenvector", 800),
    11: ("discriminator", "feature cosine", 32, 1, "rows", 416),
    12: ("discriminator", "feature cosine", 32, 1, "norm", 312),
    13: ("discriminator", "feature cosine", 32, 1, "rank", 292),
    14: ("discriminator", "feature cosine", 32, 1, "eigenvalue", 296),
    15: ("discriminator", "feature cosine", 32, 1, "eigenvector", 416),
}


def described(profiles: dict[int, FactorProfile], length: Callable[[FactorProfile], int]) -> dict[int, tuple[Any, ...]]:
    return {
        number: (one.path, one.similarity, one.map_side, one.window, one.reduction, length(one))
        for number, one in profiles.items()
    }


def test_every_released_number_means_what_it_meant() -> None:
    assert described(PROFILES, factor_length) == RELEASED
    assert {(number, one.number, one.side) for number, one in PROFILES.items()} == {(n, n, 128) for n in RELEASED}


@pytest.mark.parametrize("before", ['    "rows": _Reducer(', '    "rank": _Reducer(', "}\nREDUCTIONS"])
def test_a_further_reduction_moves_no_released_number(monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    """The module is loaded again with a sixth reduction among the others: first, in the middle, last."""
    source = inspect.getsource(sys.modules[FactorProfile.__module__])
    assert source.count(before) == 1
    again = ModuleType("again")
    monkeypatch.setitem(sys.modules, "again", again)
    sixth = '    "trace": _Reducer(lambda _: bytes(4), lambda _: 4),\n'
    exec(source.replace(before, sixth + before), vars(again))
    assert len(again.REDUCTIONS) == 6
    assert described(again.PROFILES, again.factor_length) == RELEASED
    with pytest.raises(ValueError, match="no factor profile gan/trace"):
        again.profile_by_name("gan", "trace")


def test_the_numbers_on_the_wire_are_those_of_the_format() -> None:
    assert {one.name: one.value for one in Suite} == {"X_WING": 1, "X25519": 2, "SHARED_KEY": 16}
    assert {one.name: one.value for one in Mode} == {"MESSAGE": 0, "SESSION_OPEN": 1, "SESSION_FRAME": 2}
    assert {name: int(number) for name, number in SIGN_NAMES.items()} == {
        "ed25519": 1,
        "ml-dsa-44": 2,
        "ml-dsa-65": 3,
        "ed25519+ml-dsa-65": 4,
        "ecdsa-p256": 5,
    }
    shapes = {"gray": (2, 3), "rgb": (2, 3, 3), "bgr": (2, 3, 3), "rgba": (2, 3, 4), "bgra": (2, 3, 4)}
    frames = [frame_from_array(np.zeros(shape, np.uint8), order) for order, shape in shapes.items()]
    assert [raw_payload(frame)[4] for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame_for_viewing(raw_payload(frame)).order for frame in frames] == list(shapes)


def test_profiles_pin_the_shipped_networks() -> None:
    for profile in PROFILES.values():
        for name, digest in profile.models.items():
            assert shipped_models().sha256(name) == digest


def test_a48_an_altered_network_never_computes_a_factor(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    shipped = files("sealframe").joinpath("models")
    for name in ("manifest.json", "generator.onnx"):
        (folder / name).write_bytes(shipped.joinpath(name).read_bytes())
    content = bytearray((folder / "generator.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "generator.onnx").write_bytes(content)
    _, pixels, order = next(golden_pictures())
    with pytest.raises(ModelError, match="differ from those"):
        compute_image_factor(frame_from_array(pixels, order), PROFILES[1], ModelSet(folder))


def test_noise_seed_and_bad_pictures_are_refused() -> None:
    for path in ("gan", "discriminator"):
        with pytest.raises(ValueError, match="noise"):
            sf.image_factor(synthetic_frame(9, 9), path, noise_seed=bytes(32))
    with pytest.raises(ValueError, match="32 bytes"):
        sf.image_factor(synthetic_frame(9, 9), "vae", noise_seed=bytes(31))
    with pytest.raises(ImageError):
        sf.image_factor(b"no picture")
    with pytest.raises(TypeError):
        sf.image_factor("photo.jpg")


def test_m7_m8_m9_m10_the_vae_factor_is_sample_association_and_reduction() -> None:
    seed, models = noise_seed_of(bytes(16)), shipped_models()
    factor = sf.image_factor(synthetic_frame(240, 320), "vae", noise_seed=seed)
    binary = (factor.features.rows() >= 128).astype(int)
    read = np.clip(128 + (spectrum(255 * binary).astype(int) + 128) // 256, 0, 255).astype(np.uint8)
    mean, log_variance = models.run("posterior", ["mean", "log_variance"], read.reshape(16, 32, 32))
    latent = sample_posterior(mean, log_variance, random_words(seed, 0, mean.size))
    (ones,) = models.run("likelihood", ["probability"], latent)
    conditional = unblock(ones, 128, 128).astype(int)
    there = np.where(binary == 1, conditional, 256 - conditional)
    expected = np.minimum(there - 128, 127).astype(np.int8)
    assert np.array_equal(factor.derived.pixels, conditional)
    assert np.array_equal(factor.map.values, expected)
    exact = hashlib.sha256(conditional.astype(np.uint8).tobytes() + expected.tobytes()).digest()
    means = block_means(conditional.astype(np.uint8), 8).tobytes()
    assert factor.bytes == exact + means + row_sums(expected).astype(">i4").tobytes()
    assert (there > 128).mean() > 0.9


def test_m8_the_seed_decides_the_noise_and_no_seed_decodes_the_mean() -> None:
    frame = synthetic_frame(200, 200)
    seeds = [None, noise_seed_of(bytes(16)), noise_seed_of(bytes(15) + b"\1")]
    factors = [sf.image_factor(frame, "vae", noise_seed=seed).bytes for seed in seeds]
    assert len(set(factors)) == 3
    assert factors == [sf.image_factor(frame, "vae", noise_seed=seed).bytes for seed in seeds]
    assert noise_seed_of(b"r" * 16) == hashlib.sha256(b"sealframe/v1/vae" + b"r" * 16).digest()


def test_m14_the_discriminator_factor_is_the_cosine_of_features() -> None:
    factor = sf.image_factor(synthetic_frame(240, 320), "discriminator")
    _, seen = discern(factor.features, shipped_models())
    assert factor.map.values.shape == (32, 32)
    for tile, i, j in [(0, 0, 0), (3, 2, 7), (5, 1, 4), (12, 7, 0), (15, 7, 7)]:
        a, b = (maps[tile, i, j].astype(int) for maps in (seen.features_image, seen.features_derived))
        norm = isqrt(int(a @ a) * int(b @ b))
        expected = 127 * int(a @ b) // norm if norm else (127 if not a.any() and not b.any() else 0)
        assert factor.map.values[tile // 4 * 8 + i, tile % 4 * 8 + j] == expected


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: f"{profile.path}-{profile.reduction}")
def test_m15_every_path_has_every_reduction(profile: FactorProfile) -> None:
    factor = compute_image_factor(frame_from_array(synthetic_frame(100, 150)), profile)
    values = factor.map.values
    value, vector = leading_pair(values)
    expected = {
        "rows": row_sums(values).astype(">i4").tobytes(),
        "norm": norms(values).astype(">i8").tobytes(),
        "rank": rank(values).to_bytes(4, "big"),
        "eigenvalue": value.to_bytes(8, "big"),
        "eigenvector": vector.astype(">i4").tobytes(),
    }[profile.reduction]
    assert factor.bytes[288:] == expected
    assert len(factor.bytes) == factor_length(profile)


def test_other_networks_get_a_profile_of_their_own(tmp_path: object) -> None:
    """Swapping the two halves' names would do as well; here the generator gets another producer's name."""
    import json
    from pathlib import Path

    folder, shipped = Path(str(tmp_path)), files("sealframe").joinpath("models")
    content = shipped_models().read("generator").replace(b"sealframe", b"another-1", 1)
    digest = hashlib.sha256(content).hexdigest()
    manifest = json.loads(shipped.joinpath("manifest.json").read_bytes())
    entry = manifest["models"]["generator"]
    entry |= {"sha256": digest, "files": [{"file": "g.onnx", "sha256": digest, "bytes": len(content)}]}
    manifest["models"] = {"generator": entry}
    (folder / "g.onnx").write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    own = ModelSet.from_directory(folder)
    profile, frame = profile_by_name("gan", "rows", own), frame_from_array(synthetic_frame(64, 64))
    assert profile.number == 32769
    assert profile_by_number(32769, own) == profile
    assert compute_image_factor(frame, profile, own).bytes == compute_image_factor(frame, PROFILES[1]).bytes
    with pytest.raises(ModelError, match="is not that of factor profile 1"):
        compute_image_factor(frame, PROFILES[1], own)
    for models in (None, shipped_models()):
        with pytest.raises(UnsupportedEnvelope, match="not part of sealframe"):
            profile_by_number(32769, models)
