"""Public records as text, the way .pub files hold them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sealframe.keys import DevicePublic

if TYPE_CHECKING:
    from sealframe.keys import ServerPublic


@lru_cache(maxsize=4096)
def device_from_record(text: str) -> DevicePublic:
    """Read a device's record. Raises KeyFileError for anything that is not exactly one."""
    return DevicePublic.from_text(text)


def record_of(public: DevicePublic | ServerPublic) -> str:
    """A public record as text."""
    return public.to_text()
