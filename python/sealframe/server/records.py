"""Public records as text, the way .pub files hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealframe.errors import KeyFileError
from sealframe.keys import DevicePublic
from sealframe.keys.key_file import _parse

if TYPE_CHECKING:
    from sealframe.keys import ServerPublic


def device_from_record(text: str) -> DevicePublic:
    """Read a device's record. Raises KeyFileError for anything that is not exactly one."""
    blocks = _parse(text.replace("\r\n", "\n"))
    if len(blocks) != 1:
        raise KeyFileError("A device is registered by its .pub file alone; never send a private key.")
    return DevicePublic._from_record(blocks[0])


def record_of(public: DevicePublic | ServerPublic) -> str:
    """A public record as text."""
    return public._record().pem()
