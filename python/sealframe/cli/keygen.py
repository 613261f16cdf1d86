"""`sealframe keygen server|device|shared`: key files that belong together, all of them or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sealframe.capture_context import CounterFile
from sealframe.cli.streams import new_password
from sealframe.errors import KeyFileError
from sealframe.keys import DeviceKey, ServerKey, SharedKey
from sealframe.keys.recipient import SUITE_NAMES

if TYPE_CHECKING:
    import argparse

_PRIVATE = "private; keep it here, mode 0600"
_FILES = {
    "server": {".key": _PRIVATE, ".pub": "public; give it to the devices"},
    "device": {
        ".key": _PRIVATE,
        ".pub": "public; give it to the server",
        ".counter": "the capture counter; belongs to the private key",
    },
    "shared": {".key": "secret; for the devices and the server alone, mode 0600"},
}


def run(arguments: argparse.Namespace) -> int:
    """Make the key and write NAME.key and, as the owner needs them, NAME.pub and NAME.counter."""
    paths = [Path(f"{arguments.out}{ending}") for ending in _FILES[arguments.owner]]
    for path in paths:
        if path.exists() or path.is_symlink():
            raise KeyFileError(f"{path} exists already; choose another name, keys are never overwritten.")
    key = _generate(arguments)
    password = new_password(arguments)
    try:
        key.save(paths[0], password)
        if not isinstance(key, SharedKey):
            key.public.save(paths[1])
        if isinstance(key, DeviceKey):
            CounterFile(paths[2]).next()
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise
    for path, meaning in zip(paths, _FILES[arguments.owner].values(), strict=True):
        print(f"{path}  {meaning}")
    return 0


def _generate(arguments: argparse.Namespace) -> DeviceKey | ServerKey | SharedKey:
    if arguments.owner == "server":
        return ServerKey.generate(SUITE_NAMES[arguments.suite], arguments.sign)
    if arguments.owner == "shared":
        return SharedKey.generate()
    try:
        return DeviceKey.generate(arguments.device_info, arguments.sign)
    except ValueError:
        raise KeyFileError(
            "A device's serial has 1 to 96 bytes, letters beyond ASCII 2 to 4 each; choose another."
        ) from None
