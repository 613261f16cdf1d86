"""Sealing and opening a 640x480 RGB frame, beside plain HPKE and a strong plain implementation of the same method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sealframe as sf
from float_generator import float_generator
from frame import rgb_frame
from plain import PlainSealer
from xwing import X_WING, generate_key, seal_with_hpke

SEAL = "seal 640x480 RGB"
FACTOR = "image factor 640x480 RGB"


@pytest.fixture(scope="module")
def frame() -> np.ndarray:
    return rgb_frame()


@pytest.fixture(scope="module")
def sealer() -> sf.Sealer:
    return sf.Sealer(
        to=sf.ServerKey.generate().public,
        device=sf.DeviceKey.generate("POS-0001"),
        counter=sf.MemoryCounter(),
    )


def test_seal(benchmark: Any, sealer: sf.Sealer, frame: np.ndarray) -> None:
    benchmark.group, benchmark.extra_info["case"] = SEAL, "sealframe"
    benchmark(sealer.seal, frame)


def test_seal_plain(benchmark: Any, frame: np.ndarray) -> None:
    benchmark.group, benchmark.extra_info["case"] = SEAL, "strong plain implementation of the same method"
    benchmark(PlainSealer(float_generator()).seal, frame)


def test_seal_hpke(benchmark: Any, frame: np.ndarray) -> None:
    benchmark.group, benchmark.extra_info["case"] = (
        SEAL,
        "plain HPKE X-Wing (no factor, context or signature)",
    )
    benchmark(seal_with_hpke, generate_key().public_key(), frame)


def test_open(benchmark: Any, frame: np.ndarray) -> None:
    benchmark.group, benchmark.extra_info["case"] = "open 640x480 RGB", "sealframe"
    device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    envelope = sf.Sealer(to=server.public, device=device, counter=sf.MemoryCounter()).seal(frame)
    benchmark(sf.Opener(server, devices=[device.public], freshness=sf.Archive()).open, envelope)


def test_open_hpke(benchmark: Any, frame: np.ndarray) -> None:
    benchmark.group, benchmark.extra_info["case"] = "open 640x480 RGB", "plain HPKE X-Wing"
    key = generate_key()
    sealed = seal_with_hpke(key.public_key(), frame)
    benchmark(lambda: X_WING.decrypt(sealed, key, info=b"plain"))


def test_factor(benchmark: Any, frame: np.ndarray) -> None:
    benchmark.group, benchmark.extra_info["case"] = FACTOR, "sealframe"
    benchmark(sf.image_factor, frame)


def test_seal_with_a_counter_file(benchmark: Any, frame: np.ndarray, tmp_path: Path) -> None:
    benchmark.group, benchmark.extra_info["case"] = SEAL, "sealframe with its counter on disk"
    counter = sf.CounterFile(tmp_path / "pos.counter")
    sealer = sf.Sealer(to=sf.ServerKey.generate().public, device=sf.DeviceKey.generate("POS-0001"), counter=counter)
    benchmark(sealer.seal, frame)
