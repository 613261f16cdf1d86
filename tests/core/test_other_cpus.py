"""Factors are equal on processors that this computer is not, and where NumPy cannot run a sentence says so (A19).

QEMU's user mode plays the processors; without Debian's qemu-user-static these tests are skipped. One golden picture
under every profile here; all of them, and ARM64, in packaging/emulated.py as .ci/wheels runs it.
"""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path

import pytest

from emulated import MACHINES, command, missing
from sealframe.selftest import golden_digests

PICTURE = "noise-128x128-gray"
TEMPLATES = Path(__file__).parents[1] / "vectors" / "face_templates.json"
PROGRAM = f"""
import hashlib, json, sealframe.selftest as selftest
from sealframe import _core
from sealframe.faces.template import encode_face
chosen = [picture for picture in selftest.golden_pictures() if picture[0] == "{PICTURE}"]
selftest.golden_pictures = lambda: chosen
template = hashlib.sha256(encode_face(chosen[0][1]).tobytes()).hexdigest()
print(json.dumps([_core.isa(), selftest.factor_digests(), template]))
"""

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or bool(missing(MACHINES["haswell"])), reason="needs x86-64 and qemu-user-static"
)


@pytest.mark.parametrize(("machine", "isa"), [("haswell", "avx2"), ("nehalem", "scalar")])
def test_a19_m25_an_older_processor_gives_the_golden_factors_and_template(machine: str, isa: str) -> None:
    words = [*command(MACHINES[machine]), "-c", PROGRAM]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    used, digests, template = json.loads(done.stdout)
    assert used == isa
    assert template == json.loads(TEMPLATES.read_text())[PICTURE]
    assert digests == {name: digest for name, digest in golden_digests().items() if name.endswith(f"/{PICTURE}")}
    assert digests


@pytest.mark.parametrize("machine", ["penryn", "core2"])
def test_where_numpy_cannot_run_a_sentence_says_so(machine: str) -> None:
    words = [*command(MACHINES[machine]), "-m", "sealframe", "doctor"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "sealframe: This CPU lacks SSE4.2 or POPCNT" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_instruction_set_that_the_processor_lacks_is_refused() -> None:
    words = [*command(MACHINES["nehalem"]), "-m", "sealframe", "doctor"]
    done = subprocess.run(words, env={"SEALFRAME_ISA": "avx2"}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "sealframe: SEALFRAME_ISA must be empty or one of scalar on this CPU." in done.stderr
