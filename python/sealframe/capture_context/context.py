"""The capture parameters as a record, and its one spelling in bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sealframe.capture_context.splice_rule import DEFAULT_RULE, DEFAULT_RULES, SpliceRule, rule_named_in
from sealframe.errors import MalformedEnvelope

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ENCODED_BYTES = 1024
_RANDOM_BYTES = 16
_DEVICE_INFO_MAX_BYTES = 96
_NOT_PLAIN = re.compile(rb"[^0-9A-Za-z._:-]")
_ESCAPE = re.compile(rb"%([0-9A-F]{2})")
_RANGES = {
    "sign_version": (1, 255),
    "timestamp": (10**12, 10**13 - 1),
    "counter": (0, 2**64 - 1),
    "width": (1, 2**32 - 1),
    "height": (1, 2**32 - 1),
}


@dataclass(frozen=True, slots=True)
class CaptureContext:
    """Who captured what, when, and as which of its captures.

    Parameters
    ----------
    device_info : str
        The device's name or serial number, 1 to 96 bytes of UTF-8.
    sign_version : int
        Number of the signature algorithm, 1 to 255.
    timestamp : int
        Unix time in milliseconds, 13 digits (the years 2001 to 2286).
    counter : int
        The device's capture number, 0 to 2^64 - 1, never used twice.
    random : bytes
        16 random bytes.
    width, height : int
        Size of the picture in pixels, 1 to 2^32 - 1.
    splice_rule : SpliceRule
        How these become one line; its magic number begins the line.

    Raises
    ------
    TypeError
        When a field has the wrong type.
    ValueError
        When a field lies outside its range.

    Examples
    --------
    >>> import sealframe as sf
    >>> context = sf.CaptureContext("POS-0001", 1, 1767225600000, 42, bytes(16), 640, 480)
    >>> context.encode()
    b'SF1|POS-0001|1|1767225600000|42|00000000000000000000000000000000|640x480'
    """

    device_info: str
    sign_version: int
    timestamp: int
    counter: int
    random: bytes
    width: int
    height: int
    splice_rule: SpliceRule = DEFAULT_RULE

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} must be an int")
            if not low <= value <= high:
                raise ValueError(f"{name} must be between {low} and {high}")
        escape_device_info(self.device_info)
        if not isinstance(self.random, bytes):
            raise TypeError("random must be bytes")
        if len(self.random) != _RANDOM_BYTES:
            raise ValueError(f"random must be {_RANDOM_BYTES} bytes")
        if not isinstance(self.splice_rule, SpliceRule):
            raise TypeError("splice_rule must be a SpliceRule")

    @property
    def magic_num(self) -> str:
        """Magic number of the splice rule, 1 to 16 capital letters and digits."""
        return self.splice_rule.magic_num

    def encode(self) -> bytes:
        """Write the context in its one form.

        Returns
        -------
        bytes
            One line of ASCII, at most 1024 bytes; different contexts give different bytes.
        """
        return self.splice_rule.splice(self.to_dict()).encode("ascii")

    @classmethod
    def decode(cls, encoded: bytes, rules: Mapping[str, SpliceRule] = DEFAULT_RULES) -> CaptureContext:
        """Read what `encode` wrote.

        Parameters
        ----------
        encoded : bytes
            The line, at most 1024 bytes.
        rules : mapping of str to SpliceRule
            The rules that may be named, by magic number, as `rules_by_magic` returns them.

        Returns
        -------
        CaptureContext

        Raises
        ------
        MalformedEnvelope
            When `encode` would not have written these bytes under one of the rules.
        """
        try:
            context = cls._parse(encoded, rules)
        except ValueError:
            context = None
        if context is None or context.encode() != encoded:
            raise MalformedEnvelope("The capture context is not in its canonical form; refuse the capture.")
        return context

    @classmethod
    def _parse(cls, encoded: bytes, rules: Mapping[str, SpliceRule]) -> CaptureContext:
        if len(encoded) > MAX_ENCODED_BYTES:
            raise ValueError("too long")
        text = encoded.decode("ascii")
        rule = rule_named_in(text, rules)
        fields = rule.unsplice(text)
        return cls(
            device_info=_unescape_device_info(fields["device_info"]),
            random=bytes.fromhex(fields["random"]),
            splice_rule=rule,
            **{name: int(fields[name]) for name in _RANGES},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values, for logs and other programs.

        Returns
        -------
        dict of str to object
            Every field and `magic_num`. `device_info` is escaped, so it is safe in a log line; `random` is hexadecimal.
        """
        return {
            "magic_num": self.magic_num,
            "device_info": escape_device_info(self.device_info),
            "random": self.random.hex(),
            **{name: getattr(self, name) for name in _RANGES},
        }


@lru_cache(maxsize=256)
def escape_device_info(device_info: str) -> str:
    """Spell a device_info with letters, digits and `._:-` only; every other byte of its UTF-8 becomes %XX.

    Parameters
    ----------
    device_info : str
        The device's name or serial number, 1 to 96 bytes of UTF-8.

    Returns
    -------
    str
        ASCII, at most 288 characters.

    Raises
    ------
    TypeError
        When `device_info` is no str.
    ValueError
        When it is empty or too long.

    Examples
    --------
    >>> from sealframe.capture_context.context import escape_device_info
    >>> escape_device_info("Till 3")
    'Till%203'
    """
    if not isinstance(device_info, str):
        raise TypeError("device_info must be a str")
    raw = device_info.encode("utf-8")
    if not 1 <= len(raw) <= _DEVICE_INFO_MAX_BYTES:
        raise ValueError(f"device_info must be 1 to {_DEVICE_INFO_MAX_BYTES} bytes in UTF-8")
    return _NOT_PLAIN.sub(lambda match: b"%%%02X" % match.group()[0], raw).decode("ascii")


@lru_cache(maxsize=256)
def _unescape_device_info(escaped: str) -> str:
    raw = _ESCAPE.sub(lambda match: bytes.fromhex(match.group(1).decode()), escaped.encode("ascii"))
    return raw.decode("utf-8")
