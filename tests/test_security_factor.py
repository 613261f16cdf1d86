"""Security factor: one spelling, and everything in it (M19).

Covers A21, A24.
"""

from __future__ import annotations

import pytest

from sealframe.errors import MalformedEnvelope
from sealframe.security_factor import MAX_PART_BYTES, SecurityFactor

FACTOR = SecurityFactor(b"image", b"context", bytes(range(32)), bytes(range(32, 64)))


def test_m19_the_layout_is_this() -> None:
    encoded = b"\0\0\0\5image\0\0\0\7context" + bytes(range(64))
    assert FACTOR.encode() == encoded
    assert SecurityFactor.decode(encoded) == FACTOR


def test_m19_moving_a_byte_between_the_parts_changes_the_bytes() -> None:
    other = SecurityFactor(b"imagec", b"ontext", FACTOR.data_digest, FACTOR.payload_digest)
    assert other.encode() != FACTOR.encode()


def test_a21_truncated_or_longer_bytes_are_malformed() -> None:
    encoded = FACTOR.encode()
    for wrong in [encoded[:length] for length in range(len(encoded))] + [encoded + b"\0"]:
        with pytest.raises(MalformedEnvelope):
            SecurityFactor.decode(wrong)


def test_a24_a_length_beyond_the_bytes_is_malformed() -> None:
    for length in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\1\0\1"):
        with pytest.raises(MalformedEnvelope):
            SecurityFactor.decode(length + FACTOR.encode()[4:])


@pytest.mark.parametrize(
    "parts",
    [
        (b"", b"context", bytes(32), bytes(32)),
        (b"image", b"", bytes(32), bytes(32)),
        (bytes(MAX_PART_BYTES + 1), b"context", bytes(32), bytes(32)),
        (b"image", b"context", bytes(31), bytes(32)),
        (b"image", b"context", bytes(32), bytes(33)),
    ],
)
def test_parts_of_another_length_are_refused(parts: tuple[bytes, bytes, bytes, bytes]) -> None:
    with pytest.raises(ValueError, match="bytes"):
        SecurityFactor(*parts)
