"""`sealframe doctor`: what is installed, what was chosen, and whether it computes what it must."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any

import sealframe
from sealframe import _core
from sealframe.cli.options import add_json
from sealframe.cli.printing import print_json
from sealframe.models import import_onnxruntime, shipped_models
from sealframe.selftest import factor_digests, golden_digests

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe doctor --json"
_ISAS_OF = {"x86_64": ("scalar", "avx2", "avx512"), "aarch64": ("scalar", "neon"), "arm64": ("scalar", "neon")}


def add_options(parser: ArgumentParser) -> None:
    """How the facts are printed."""
    add_json(parser)


def run(options: Namespace) -> int:
    """Print the facts; exit 1 when a golden factor differs."""
    facts = _facts()
    if options.json:
        print_json(facts)
    else:
        _print(facts)
    return 0 if facts["self_test"]["passed"] else 1


def _facts() -> dict[str, Any]:
    import cryptography
    import numpy as np
    import PIL

    models = shipped_models()
    golden, here = golden_digests(), factor_digests(models)
    different = sorted(name for name in golden.keys() | here.keys() if golden.get(name) != here.get(name))
    return {
        "versions": {
            "sealframe": sealframe.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "onnxruntime": import_onnxruntime().__version__,
            "cryptography": cryptography.__version__,
            "pillow": PIL.__version__,
        },
        "machine": platform.machine(),
        "isa": {"active": _core.isa(), "usable": list(_core.isas()), "why": _why(platform.machine())},
        "models": {name: models.sha256(name) for name in models.names()},
        "self_test": {"factors": len(golden), "different": different, "passed": not different},
    }


def _why(machine: str) -> str:
    """Why these kernels were chosen."""
    usable = ", ".join(_core.isas())
    if os.environ.get("SEALFRAME_ISA"):
        return f"SEALFRAME_ISA asks for it (usable here: {usable})"
    lacking = ", ".join(isa for isa in _ISAS_OF.get(machine, ()) if isa not in _core.isas())
    return f"the best of what this CPU runs ({usable}" + (f"; not {lacking})" if lacking else ")")


def _print(facts: dict[str, Any]) -> None:
    for name, version in facts["versions"].items():
        print(f"{name:24}{version}")
    print(f"{'machine':24}{facts['machine']}")
    print(f"{'kernels':24}{facts['isa']['active']}: {facts['isa']['why']}")
    for name, digest in facts["models"].items():
        print(f"{name:24}sha256 {digest}")
    test = facts["self_test"]
    if test["passed"]:
        print(f"{'self-test':24}{test['factors']} golden factors, all equal")
    else:
        print(f"{'self-test':24}FAILED: {', '.join(test['different'])} differ; do not use this installation")
