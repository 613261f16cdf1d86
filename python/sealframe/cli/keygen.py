"""`sealframe keygen server|device`: key files that belong together, all of them or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sealframe.capture_context import CounterFile
from sealframe.cli.streams import new_password
from sealframe.errors import KeyFileError
from sealframe.keys import DeviceKey, ServerKey

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Make the key and write NAME.key, NAME.pub and, for a device, NAME.counter."""
    endings = [".key", ".pub", ".counter"] if arguments.owner == "device" else [".key", ".pub"]
    paths = [Path(f"{arguments.out}{ending}") for ending in endings]
    for path in paths:
        if path.exists() or path.is_symlink():
            raise KeyFileError(f"{path} exists already; choose another name, keys are never overwritten.")
    key = _device_key(arguments.device_info) if arguments.owner == "device" else ServerKey.generate()
    password = new_password(arguments)
    try:
        key.save(paths[0], password)
        key.public.save(paths[1])
        if arguments.owner == "device":
            CounterFile(paths[2]).next()
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise
    print(f"{paths[0]}  private; keep it here, mode 0600")
    print(f"{paths[1]}  public; give it to {'the server' if arguments.owner == 'device' else 'the devices'}")
    if arguments.owner == "device":
        print(f"{paths[2]}  the capture counter; belongs to the private key")
    return 0


def _device_key(device_info: str) -> DeviceKey:
    try:
        return DeviceKey.generate(device_info)
    except ValueError:
        raise KeyFileError("A device's serial has 1 to 96 characters; shorten it.") from None
