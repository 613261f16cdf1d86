"""Sampling the posterior equals its twin bit for bit on every instruction set, and both tables are exact (M8, A19)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealframe import _core
from tests.reference import derivation as reference
from tests.reference.features import random_words

SEED = bytes(range(32))
SOURCES = Path(__file__).parents[2] / "cpp" / "src" / "derivation"


def maps(shape: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    mean, log_variance = np.random.default_rng(seed).integers(0, 256, (2, *shape), np.uint8)
    return mean, log_variance


def test_m8_the_committed_tables_are_what_their_writer_writes() -> None:
    assert (SOURCES / "noise_walk.inc").read_text() == reference.noise_walk()
    assert (SOURCES / "deviations.inc").read_text() == reference.deviations()


def test_a19_no_table_entry_depends_on_the_last_bits_of_libm() -> None:
    assert reference.tie_distance(reference.exact_noise()) > 1e-6
    assert reference.tie_distance(reference.exact_deviations()) > 1e-6


def test_m8_the_noise_is_symmetric_with_deviation_one() -> None:
    assert np.array_equal(reference.NOISE, -reference.NOISE[::-1])
    assert abs(reference.NOISE.std() / 4096 - 1) < 1e-4


@settings(max_examples=40, deadline=None)
@given(
    first=st.one_of(st.integers(0, 3000), st.integers(2**62 - 900, 2**62 - 700)),
    count=st.integers(0, 700),
    isa=st.sampled_from(_core.isas()),
)
def test_m8_a19_the_sample_equals_its_twin_at_any_position(first: int, count: int, isa: str) -> None:
    mean, log_variance = maps((count,), first % 97)
    used = _core.isa()
    _core.set_isa(isa)
    try:
        found = _core.sample_posterior(mean, log_variance, SEED, first)
    finally:
        _core.set_isa(used)
    assert np.array_equal(found, reference.sample_posterior(mean, log_variance, random_words(SEED, first, count)))


def test_m8_every_word_and_every_deviation_is_met(isa) -> None:
    """65536 words under the largest deviations, and all 256 deviations: every entry of both tables changes a byte."""
    log_variance = np.arange(2**18, dtype=np.uint32).astype(np.uint8).reshape(256, 1024)
    mean = np.full_like(log_variance, 128)
    words = _core.random_words(SEED, 0, 2**18)
    assert len(np.unique(words)) > 64000
    found = _core.sample_posterior(mean, log_variance, SEED)
    assert np.array_equal(found, reference.sample_posterior(mean, log_variance, words))


def test_m8_mean_and_deviation_are_those_of_the_posterior() -> None:
    mean, log_variance = np.full(2**16, 100, np.uint8), np.full(2**16, 160, np.uint8)
    sample = _core.sample_posterior(mean, log_variance, SEED).astype(float)
    assert abs(sample.mean() - 100) < 0.1
    assert abs(sample.std() - 32 * np.exp(-1)) < 0.1


def test_m8_the_latent_saturates() -> None:
    log_variance = np.full(4096, 255, np.uint8)
    for level in (0, 255):
        sample = _core.sample_posterior(np.full(4096, level, np.uint8), log_variance, SEED)
        assert (sample == level).mean() > 0.4


def test_a10_strides_and_out(isa) -> None:
    mean, log_variance = maps((16, 8, 8, 16))
    whole = _core.sample_posterior(mean, log_variance, SEED, 5)
    out = np.empty_like(whole)
    assert _core.sample_posterior(mean, log_variance, SEED, 5, out=out) is out
    assert np.array_equal(out, whole)
    transposed = _core.sample_posterior(mean.T, log_variance.T, SEED)
    assert np.array_equal(transposed, _core.sample_posterior(mean.T.copy(), log_variance.T.copy(), SEED))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda mean, spread: _core.sample_posterior(mean, spread[:-1], SEED), ValueError),
        (lambda mean, spread: _core.sample_posterior(mean, spread.astype(np.int8), SEED), TypeError),
        (lambda mean, spread: _core.sample_posterior(mean, spread, SEED[:-1]), ValueError),
        (lambda mean, spread: _core.sample_posterior(mean, spread, "x" * 32), TypeError),
        (lambda mean, spread: _core.sample_posterior(mean, spread, SEED, 2**62), ValueError),
        (lambda mean, spread: _core.sample_posterior(mean, spread, SEED, -1), TypeError),
        (lambda mean, spread: _core.sample_posterior(mean, spread, SEED, out=mean), ValueError),
        (lambda mean, spread: _core.sample_posterior(mean, spread, SEED, out=mean[:2].copy()), ValueError),
    ],
)
def test_a10_bad_arguments_are_refused(call, error) -> None:
    with pytest.raises(error):
        call(*maps((4, 5)))
