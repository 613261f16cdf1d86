"""Slow, obvious twin of sampling the posterior, and the writer of both tables of the kernel.

    python tests/reference/derivation.py cpp/src/derivation

writes noise_walk.inc and deviations.inc anew.
"""

from __future__ import annotations

import sys
from math import exp
from pathlib import Path
from statistics import NormalDist

import numpy as np

WORDS = 65536
NOISE_BITS, DEVIATION_BITS = 12, 6
LATENT_BITS = NOISE_BITS + DEVIATION_BITS
LATENT_STEPS = 32
"""Steps of the latent in one unit."""
LOG_VARIANCE_STEP, LEAST_LOG_VARIANCE = 1 / 20, -10


def exact_noise() -> list[float]:
    """4096 times the standard normal quantile in the middle of each word's interval, not yet rounded."""
    return [2**NOISE_BITS * NormalDist().inv_cdf((word + 0.5) / WORDS) for word in range(WORDS)]


def exact_deviations() -> list[float]:
    """64 times the deviation, in steps of the latent, of each byte of log-variance, not yet rounded."""
    halves = [(LEAST_LOG_VARIANCE + LOG_VARIANCE_STEP * byte) / 2 for byte in range(256)]
    return [2**DEVIATION_BITS * LATENT_STEPS * exp(half) for half in halves]


def tie_distance(values: list[float]) -> float:
    """How far the values stay from halves, where a last bit could round either way."""
    return min(abs(value % 1 - 0.5) for value in values)


NOISE = np.array([round(value) for value in exact_noise()])
DEVIATIONS = np.array([round(value) for value in exact_deviations()])


def sample_posterior(mean: np.ndarray, log_variance: np.ndarray, words: np.ndarray) -> np.ndarray:
    """uint8 latent from uint8 maps and as many words of the noise stream."""
    moved = mean.astype(np.int64).ravel() * 2**LATENT_BITS + DEVIATIONS[log_variance.ravel()] * NOISE[words]
    rounded = (moved + 2 ** (LATENT_BITS - 1)) // 2**LATENT_BITS
    return np.clip(rounded, 0, 255).astype(np.uint8).reshape(mean.shape)


def noise_walk() -> str:
    """Upper half of the noise as bits: a 1 goes up by one, a 0 is the next entry; 64 bits a number, lowest first."""
    steps, height = [], 0
    for noise in NOISE[WORDS // 2 :]:
        steps += [1] * (noise - height) + [0]
        height = noise
    packed = np.packbits(steps, bitorder="little").tobytes()
    numbers = np.frombuffer(packed + bytes(-len(packed) % 8), "<u8")
    return _lines([f"{number:#018x}" for number in numbers], 5)


def deviations() -> str:
    return _lines([str(value) for value in DEVIATIONS], 16)


def _lines(numbers: list[str], width: int) -> str:
    rows = [numbers[i : i + width] for i in range(0, len(numbers), width)]
    return "".join(f"{', '.join(row)},\n" for row in rows)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / "noise_walk.inc").write_text(noise_walk())
    (folder / "deviations.inc").write_text(deviations())
