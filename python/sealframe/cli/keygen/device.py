"""`sealframe keygen device`: the keys with which a device signs, and its capture counter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.cli.keygen.files import PRIVATE, add_files, add_sign, write_key_files
from sealframe.errors import KeyFileError
from sealframe.keys import DeviceKey

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

EXAMPLE = "sealframe keygen device --device-info POS-0001 --out pos"
_FILES = {
    ".key": PRIVATE,
    ".pub": "public; give it to the server",
    ".counter": "the capture counter; belongs to the private key",
}


def add_options(parser: ArgumentParser) -> None:
    """Serial, signature and files."""
    parser.add_argument("--device-info", metavar="SERIAL", required=True, help="the device's serial, 1 to 96 bytes")
    add_sign(parser)
    add_files(parser)


def run(options: Namespace) -> int:
    """NAME.key, NAME.pub and NAME.counter."""
    return write_key_files(options, lambda: _generate(options.device_info, options.sign), _FILES)


def _generate(device_info: str, sign: str) -> DeviceKey:
    try:
        return DeviceKey.generate(device_info, sign)
    except ValueError:
        raise KeyFileError("--device-info must have 1 to 96 bytes in UTF-8; choose a shorter serial.") from None
