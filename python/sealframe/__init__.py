"""Seal camera frames so that the sealing depends on the picture, the capture and the device.

    import sealframe as sf

    device, server = sf.DeviceKey.generate("POS-0001"), sf.ServerKey.generate()
    sealer = sf.Sealer(to=server.public, device=device, counter=sf.CounterFile("pos.counter"))
    opener = sf.Opener(server, devices=[device.public], freshness=sf.Live(sf.SqliteReplayStore("replay.db")))
    opened = opener.open(sealer.seal(frame))

Every part is imported when it is first used; `import sealframe` alone costs little beside NumPy.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

try:
    from sealframe._core import version
except ImportError as error:
    if sys.argv[:1] and os.path.basename(sys.argv[0]) in {"sealframe", "-m"}:  # noqa: PTH119  (pathlib costs more)
        raise SystemExit(f"sealframe: {error}") from None  # the command line says a sentence, a library raises
    raise

if TYPE_CHECKING:
    from sealframe.acquisition import AddressLimits, frames, read_image
    from sealframe.capture_context import CaptureContext, CounterFile, MemoryCounter, SpliceRule
    from sealframe.envelope import AnswerKey, Policy
    from sealframe.errors import (
        BadSignature,
        CannotOpen,
        CounterAnomaly,
        EnvelopeError,
        FactorMismatch,
        ImageError,
        KeyFileError,
        KeyNotValid,
        LimitExceeded,
        MalformedEnvelope,
        ModelError,
        PolicyError,
        ReplayedCapture,
        SealframeError,
        StaleCapture,
        StoreUnavailable,
        UnknownKey,
        UnsupportedEnvelope,
    )
    from sealframe.factor import ImageFactor, image_factor
    from sealframe.freshness import Archive, Live, MemoryReplayStore, SqliteReplayStore
    from sealframe.keys import DeviceKey, DevicePublic, ServerKey, ServerPublic, SharedKey
    from sealframe.pipeline import Opened, Opener, OpenSession, Sealer, SealSession, Verified
    from sealframe.security_factor import SecurityFactor
    from sealframe.trace import StageTimes

_HOMES = {
    "acquisition": ("AddressLimits", "frames", "read_image"),
    "capture_context": ("CaptureContext", "CounterFile", "MemoryCounter", "SpliceRule"),
    "envelope": ("AnswerKey", "Policy"),
    "errors": (
        "BadSignature",
        "CannotOpen",
        "CounterAnomaly",
        "EnvelopeError",
        "FactorMismatch",
        "ImageError",
        "KeyFileError",
        "KeyNotValid",
        "LimitExceeded",
        "MalformedEnvelope",
        "ModelError",
        "PolicyError",
        "ReplayedCapture",
        "SealframeError",
        "StaleCapture",
        "StoreUnavailable",
        "UnknownKey",
        "UnsupportedEnvelope",
    ),
    "freshness": ("Archive", "Live", "MemoryReplayStore", "SqliteReplayStore"),
    "factor": ("ImageFactor", "image_factor"),
    "keys": ("DeviceKey", "DevicePublic", "ServerKey", "ServerPublic", "SharedKey"),
    "pipeline": ("OpenSession", "Opened", "Opener", "SealSession", "Sealer", "Verified"),
    "security_factor": ("SecurityFactor",),
    "trace": ("StageTimes",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__version__ = version()
__all__ = [
    "AddressLimits",
    "AnswerKey",
    "Archive",
    "BadSignature",
    "CannotOpen",
    "CaptureContext",
    "CounterAnomaly",
    "CounterFile",
    "DeviceKey",
    "DevicePublic",
    "EnvelopeError",
    "FactorMismatch",
    "ImageError",
    "ImageFactor",
    "KeyFileError",
    "KeyNotValid",
    "LimitExceeded",
    "Live",
    "MalformedEnvelope",
    "MemoryCounter",
    "MemoryReplayStore",
    "ModelError",
    "OpenSession",
    "Opened",
    "Opener",
    "Policy",
    "PolicyError",
    "ReplayedCapture",
    "SealSession",
    "Sealer",
    "SealframeError",
    "SecurityFactor",
    "ServerKey",
    "ServerPublic",
    "SharedKey",
    "SpliceRule",
    "SqliteReplayStore",
    "StageTimes",
    "StaleCapture",
    "StoreUnavailable",
    "UnknownKey",
    "UnsupportedEnvelope",
    "Verified",
    "__version__",
    "frames",
    "image_factor",
    "read_image",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'sealframe' has no attribute {name!r}")
    value = getattr(import_module(f"sealframe.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
