"""The instruction set can be read, chosen and forced; threads may share the kernels (A19)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import sealframe
from sealframe import _core
from tests.support import synthetic_frame

CPP = Path(__file__).parent.parent / "cpp"


def in_new_process(code: str, isa: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SEALFRAME_ISA": isa}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_the_usable_sets_begin_with_scalar_and_contain_the_active_one() -> None:
    assert _core.isas()[0] == "scalar"
    assert _core.isa() in _core.isas()


@pytest.mark.parametrize("name", ["", "sse9", "AVX2", "scalar "])
def test_an_unknown_set_is_refused_with_the_choices(name) -> None:
    with pytest.raises(ValueError, match=r"offers the instruction sets scalar.*\.$"):
        _core.set_isa(name)


@pytest.mark.parametrize("name", _core.isas())
def test_the_environment_forces_a_set(name) -> None:
    code = "from sealframe import _core; print(_core.isa())"
    assert in_new_process(code, name).stdout.strip() == name


def test_a_wrong_environment_is_named() -> None:
    done = in_new_process("from sealframe import _core", "sse9")
    assert done.returncode != 0
    assert "SEALFRAME_ISA must be empty or one of scalar" in done.stderr


@pytest.mark.skipif(shutil.which("c++") is None, reason="a C++ compiler is not installed")
def test_a_set_without_kernels_has_those_of_the_set_before_it() -> None:
    folders = [f"-I{CPP / place}" for place in ("src", "include")]
    source = CPP.parent / "tests" / "cpp" / "dispatch.cpp"
    words = ["c++", "-std=c++20", "-fsyntax-only", "-Wall", "-Werror", *folders, source]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version_is_the_packages() -> None:
    assert _core.version() == sealframe.__version__


def test_threads_share_one_kernel(isa) -> None:
    frames = [synthetic_frame(120, 160, seed) for seed in range(4)]
    expected = [_core.area_mean(frame, "rgb", 64, 64) for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            found = pool.map(lambda frame: _core.area_mean(frame, "rgb", 64, 64), frames)
            assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))
